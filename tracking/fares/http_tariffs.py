"""A site's tariffs and fare policy over HTTP, for integrators with the right scope and for the site's owner.

Each handler calls one flow method. Uploading the same tariff again changes nothing.
"""

from datetime import date
from typing import Annotated, Any

import msgspec

from core.caller import Caller, CallerKind, Role, Scope
from core.errors import NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import SiteId
from tracking.fares.policy import FarePolicy
from tracking.fares.ports import SiteTariff
from tracking.fares.quote import CurrencyMismatch
from tracking.fares.tariff_file import BadTariff
from tracking.fares.tariff_flow import TariffFlow
from tracking.fares.tariff_words import explain

DESK = frozenset({CallerKind.API, CallerKind.DISPATCHER})


class TariffBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tariff file's text, TOML."""

    toml: Annotated[str, msgspec.Meta(max_length=100_000)]


class TariffFace(msgspec.Struct, frozen=True, kw_only=True):
    """One version: its `hash` names it for ever; `explained` says what it charges, a sentence a line."""

    id: str
    hash: str
    title: dict[str, str]
    mode: str
    currency: str
    zone: str
    valid_from: date
    source: str
    confidence: str
    is_retired: bool
    toml: str
    explained: dict[str, list[str]]


class TariffsFace(msgspec.Struct, frozen=True, kw_only=True):
    """Every version of a site, oldest first."""

    items: list[TariffFace]


def endpoints(flow: TariffFlow) -> list[Endpoint]:
    """Return the rows of this edge."""

    async def add(call: Call) -> TariffFace:
        return _face(await flow.add(_site(call, writes=True), call.body.toml))

    async def read(call: Call) -> TariffsFace:
        return TariffsFace(items=[_face(each) for each in await flow.of_site(_site(call))])

    async def retire(call: Call) -> None:
        await flow.retire(_site(call, writes=True), call.path["hash"])

    async def read_policy(call: Call) -> FarePolicy:
        return await flow.policy(_site(call))

    async def set_policy(call: Call) -> FarePolicy:
        return await flow.set_policy(_site(call, writes=True), call.body)

    reads: dict[str, Any] = {"tag": "fares", "callers": DESK, "scope": Scope.FARES_READ, "errors": (NotFound,)}
    writes = reads | {"scope": Scope.FARES_WRITE}
    path = "/v1/sites/{site_id}/tariffs"
    return [
        _row(
            "POST",
            path,
            "add_tariff",
            "Add a tariff version.",
            add,
            TariffBody,
            TariffFace,
            writes | {"errors": (BadTariff, CurrencyMismatch)},
        ),
        _row("GET", path, "read_tariffs", "Every tariff version of the site, explained.", read, None, TariffsFace, reads),
        _row("DELETE", path + "/{hash}", "retire_tariff", "Hide a version from new quotes.", retire, None, None, writes),
        _row(
            "GET", "/v1/sites/{site_id}/fare-policy", "read_fare_policy", "How are ways billed here?", read_policy, None, FarePolicy, reads
        ),
        _row("PUT", "/v1/sites/{site_id}/fare-policy", "set_fare_policy", "Bill ways so.", set_policy, FarePolicy, FarePolicy, writes),
    ]


def _row(method: str, path: str, name: str, summary: str, handler: Any, request: Any, response: Any, more: dict[str, Any]) -> Endpoint:
    return Endpoint(method=method, path=path, name=name, summary=summary, handler=handler, request=request, response=response, **more)


def _site(call: Call, *, writes: bool = False) -> SiteId:
    site_id = SiteId(call.path["site_id"])
    call.caller.must_reach(site_id)
    if writes:
        _must_be_owner(call.caller)
    return site_id


def _must_be_owner(caller: Caller) -> None:
    if caller.kind is CallerKind.DISPATCHER:
        caller.must_be(Role.OWNER)


def _face(stored: SiteTariff) -> TariffFace:
    tariff = stored.tariff
    return TariffFace(
        id=tariff.id,
        hash=stored.hash,
        title={"zh": tariff.title.zh, "en": tariff.title.en},
        mode=tariff.mode.value,
        currency=tariff.currency,
        zone=tariff.zone,
        valid_from=tariff.valid_from,
        source=tariff.source,
        confidence=tariff.confidence.value,
        is_retired=stored.is_retired,
        toml=stored.text,
        explained={language: explain(tariff, language) for language in ("zh", "en")},
    )

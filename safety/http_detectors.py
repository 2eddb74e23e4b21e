"""A site's detectors over HTTP: modes, record and hits for the desk; what a phone can do, from the phone."""

from typing import Annotated

import msgspec
from msgspec import Meta

from core.caller import CallerKind
from core.errors import BadInput, NotAllowed, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import SiteId
from safety.check_in import Watch
from safety.detectors.detection import Detection
from safety.detectors.silence import Capability
from safety.detectors_flow import DetectorFace, DetectorsFlow


class DetectorList(msgspec.Struct, frozen=True):
    """The detectors of a site."""

    items: list[DetectorFace]


class HitsQuery(msgspec.Struct, frozen=True):
    """Which detector's hits, and which part of them: those after `cursor`."""

    watch: Watch | None = None
    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class HitPage(msgspec.Struct, frozen=True):
    """Part of the hits, newest first; `next_cursor` null on the last page."""

    items: list[Detection]
    next_cursor: str | None = None


class PhoneBody(msgspec.Struct, frozen=True):
    """What the phone says it can do: `background`, it sends while its screen is off; `foreground_only`, only while its page is open."""

    capability: Capability


def endpoints(flow: DetectorsFlow) -> list[Endpoint]:
    """Return the rows."""

    async def detectors(call: Call) -> DetectorList:
        return DetectorList(list(await flow.detectors(call.caller, SiteId(call.path["site_id"]))))

    async def hits(call: Call) -> HitPage:
        query: HitsQuery = call.query
        items = list(await flow.hits(call.caller, SiteId(call.path["site_id"]), query.watch, query.cursor, query.limit))
        return HitPage(items, items[-1].id if len(items) == query.limit else None)

    async def declare(call: Call) -> None:
        await flow.declare(call.caller, call.body.capability)

    desk = frozenset({CallerKind.DISPATCHER})
    return [
        Endpoint(
            method="GET", path="/v1/sites/{site_id}/safety/detectors", name="detectors", tag="site safety", callers=desk,
            summary="Read what each detector may do, and how often it was right.", handler=detectors, response=DetectorList,
            errors=(NotFound, NotAllowed),
        ),
        Endpoint(
            method="GET", path="/v1/sites/{site_id}/safety/detections", name="detections", tag="site safety", callers=desk,
            summary="Read the hits of detectors, in the shadow or not, with the fixes they were judged by.", handler=hits, query=HitsQuery,
            response=HitPage, errors=(NotFound, NotAllowed, BadInput),
        ),
        Endpoint(
            method="PUT", path="/v1/me/phone", name="declare_phone", tag="my safety", callers=frozenset({CallerKind.DEVICE}),
            summary="Say whether this phone sends in the background; if not, check-ins watch instead of silence.", handler=declare,
            request=PhoneBody, errors=(BadInput,),
        ),
    ]  # fmt: skip

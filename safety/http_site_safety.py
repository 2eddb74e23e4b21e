"""A site's ladder, rules and findings over HTTP."""

import msgspec

from core.caller import CallerKind
from core.errors import BadInput, NotAllowed
from core.http_endpoint import Call, Endpoint
from core.ids import SiteId
from safety.ladder import Ladder
from safety.preflight import Finding
from safety.site_rules import SiteRules
from safety.site_safety_flow import SiteSafetyFlow
from safety.watch_ports import Change


class Findings(msgspec.Struct, frozen=True):
    """What would keep a tap from being answered now, a cure each."""

    items: list[Finding]


class Changes(msgspec.Struct, frozen=True):
    """Who changed ladder or rules, newest first."""

    items: list[Change]


def endpoints(flow: SiteSafetyFlow) -> list[Endpoint]:
    """Return the rows."""

    async def ladder(call: Call) -> Ladder:
        return await flow.ladder(call.caller, _site(call))

    async def put_ladder(call: Call) -> Ladder:
        return await flow.put_ladder(call.caller, _site(call), call.body)

    async def rules(call: Call) -> SiteRules:
        return await flow.rules(call.caller, _site(call))

    async def put_rules(call: Call) -> SiteRules:
        return await flow.put_rules(call.caller, _site(call), call.body)

    async def changes(call: Call) -> Changes:
        return Changes(list(await flow.changes(call.caller, _site(call))))

    async def findings(call: Call) -> Findings:
        return Findings(list(await flow.findings(call.caller, _site(call))))

    base = "/v1/sites/{site_id}/safety"
    rows = [
        ("GET", f"{base}/ladder", "ladder", "Read who is told when.", ladder, None, Ladder),
        ("PUT", f"{base}/ladder", "put_ladder", "Set who is told when, as the site's owner.", put_ladder, Ladder, Ladder),
        ("GET", f"{base}/rules", "safety_rules", "Read by which rules the site watches.", rules, None, SiteRules),
        ("PUT", f"{base}/rules", "put_safety_rules", "Set the rules, as the site's owner.", put_rules, SiteRules, SiteRules),
        ("GET", f"{base}/changes", "safety_changes", "Read who changed ladder or rules.", changes, None, Changes),
        ("GET", f"{base}/findings", "preflight", "Read what would keep a tap from being answered now.", findings, None, Findings),
    ]
    return [
        Endpoint(
            method=method, path=path, name=name, summary=summary, handler=handler, request=request, response=response,
            callers=frozenset({CallerKind.DISPATCHER}), tag="site safety", errors=(BadInput, NotAllowed),
        )
        for method, path, name, summary, handler, request, response in rows
    ]  # fmt: skip


def _site(call: Call) -> SiteId:
    return SiteId(call.path["site_id"])

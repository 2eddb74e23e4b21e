"""Ladders and rules of a site on real databases, set by a person whose id is as long as ids are."""

import msgspec
import pytest

from core.caller import Caller, CallerKind, Role
from core.ids import DispatcherId, RandomIds, SiteId
from safety.ladder import DEFAULT
from safety.site_rules import SiteRules
from safety.site_safety_flow import SiteSafetyFlow
from safety.sql_site_rules import SqlSiteRules

pytestmark = pytest.mark.anyio

SITE = SiteId("site-1")
OWNER = Caller(
    kind=CallerKind.DISPATCHER, dispatcher_id=DispatcherId(RandomIds().new_id()), sites=frozenset({SITE}), roles=frozenset({Role.OWNER})
)


@pytest.fixture
def flow(work, clock):
    return SiteSafetyFlow(work, SqlSiteRules(RandomIds(), SiteRules()), None, clock)


async def test_an_owner_sets_ladder_and_rules_and_every_change_says_who(flow, clock):
    ladder = msgspec.structs.replace(DEFAULT, repeat_s=30)
    rules = msgspec.structs.replace(SiteRules(), canary_at_h=None)
    await flow.put_ladder(OWNER, SITE, ladder)
    clock.move(1)
    await flow.put_rules(OWNER, SITE, rules)

    assert (await flow.ladder(OWNER, SITE), await flow.rules(OWNER, SITE)) == (ladder, rules)
    assert [(change.what, change.by) for change in await flow.changes(OWNER, SITE)] == [
        ("rules", f"dispatcher:{OWNER.dispatcher_id}"), ("ladder", f"dispatcher:{OWNER.dispatcher_id}"),
    ]  # fmt: skip

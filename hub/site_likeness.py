"""What else makes a site like another, beside its own row? Tariffs, fare policy, safety rules and ladder, which other packages keep.

People are not taken over: dispatchers, technicians, recipients and plans belong to one city.
"""

import msgspec

from core.caller import Caller
from core.ids import SiteId
from hub.cli_fare_site import site_tariffs
from hub.local_people import Local
from hub.wire_safety import site_rules
from safety.site_safety_flow import SiteSafetyFlow


async def take_after(local: Local, caller: Caller, site_id: SiteId, like: SiteId) -> None:
    """Give the fresh site `site_id` what `like` has chosen, as the owner of both. What `like` left at its default stays at the default."""
    owner = msgspec.structs.replace(caller, sites=caller.sites | {site_id, like})
    await _take_fares(local, site_id, like)
    await _take_watch(SiteSafetyFlow(local.floor.truth, site_rules(local.floor), None, local.floor.clock), owner, site_id, like)


async def _take_fares(local: Local, site_id: SiteId, like: SiteId) -> None:
    flow = site_tariffs(local)
    for stored in await flow.of_site(like):
        if not stored.is_retired:
            await flow.add(site_id, stored.text)
    if (policy := await flow.policy(like)) != await flow.policy(site_id):
        await flow.set_policy(site_id, policy)


async def _take_watch(flow: SiteSafetyFlow, owner: Caller, site_id: SiteId, like: SiteId) -> None:
    if (rules := await flow.rules(owner, like)) != await flow.rules(owner, site_id):
        await flow.put_rules(owner, site_id, rules)
    if (ladder := await flow.ladder(owner, like)) != await flow.ladder(owner, site_id):
        await flow.put_ladder(owner, site_id, ladder)

"""Could a tap be answered right now? What a site's ladder lacks, as findings; and what they stop.

Findings stop new assignments where the site enforces them, mark open shifts `unwatched` and alarm the site's owners. They never stop a
shift, tracking or a tap: a badly watched technician is safer than an unwatched one. Source: DESIGN section 6.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from notifications.notice import Channel
from notifications.recipient import Recipient
from safety.ladder import Group, Ladder

SOUND_TEST_LASTS = timedelta(hours=12)
"""One sound test a shift of the desk."""


class Mode(StrEnum):
    """What findings do to new assignments."""

    ENFORCE = "enforce"
    """They are refused with the reasons."""
    WARN = "warn"
    """They are allowed; the reasons are shown."""


class Lack(StrEnum):
    """What is missing."""

    NOBODY_ON_DUTY = "nobody_on_duty"
    """No dispatcher is on duty."""
    TIER_EMPTY = "tier_empty"
    """A rung of the ladder has nobody to tell."""
    NUMBER_UNREACHABLE = "number_unreachable"
    """A responder's number is missing, not verified, stopped or failing."""
    SOUND_NOT_TESTED = "sound_not_tested"
    """A dispatcher on duty has not passed the sound test lately."""
    NO_CARRIER = "no_carrier"
    """No provider carries texts or calls."""
    NOBODY_PLANNED = "nobody_planned"
    """For hours ahead nobody is planned for the desk. It warns and stops nothing: there is time to find somebody."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One lack, whom or which tier it concerns, and the cure in words. `name`: of the person whom it concerns."""

    lack: Lack
    about: str
    cure: str
    name: str = ""


class LackAlarm(msgspec.Struct, frozen=True):
    """What the owners are told of one lack: the alarm's `code`, a sentence, and the person it names first."""

    code: str
    detail: str
    who: str


class Watchers(msgspec.Struct, frozen=True, kw_only=True):
    """What preflight looks at: people of each group, their recipients, sound tests of those on duty, channels that a carrier serves."""

    ladder: Ladder
    groups: Mapping[Group, Sequence[Recipient]]
    sound_ok_at: Sequence[datetime | None]
    channels: frozenset[Channel]


def findings(watchers: Watchers, now: datetime) -> tuple[Finding, ...]:
    """Return everything that would keep a tap from being answered; empty when all is well."""
    found = [*_duty(watchers, now), *_tiers(watchers), *_numbers(watchers), *_carriers(watchers)]
    return tuple(found)


NUMBER_NOT_READY = "number_not_ready"
"""The alarm for `NUMBER_UNREACHABLE`: a number that was never verified is told in other words than one that refused a text just now."""


def alarms(found: Sequence[Finding]) -> list[LackAlarm]:
    """Return one alarm a lack, since the same code alarms once an hour: the first is named, the others are counted."""
    by_lack: dict[Lack, list[Finding]] = {}
    for finding in found:
        by_lack.setdefault(finding.lack, []).append(finding)
    return [_alarm(lack, first, len(others)) for lack, (first, *others) in by_lack.items()]


def _alarm(lack: Lack, first: Finding, others: int) -> LackAlarm:
    more = f" And {others} more: `porchlight site check` names all." if others else ""
    code = NUMBER_NOT_READY if lack is Lack.NUMBER_UNREACHABLE else lack.value
    return LackAlarm(code, first.cure + more, first.name)


def reasons_against(found: Sequence[Finding], mode: Mode) -> list[str]:
    """Return the sentences that refuse a new assignment; none where the site only warns."""
    return [finding.cure for finding in found] if mode is Mode.ENFORCE else []


def _duty(watchers: Watchers, now: datetime) -> list[Finding]:
    if not watchers.sound_ok_at:
        return [Finding(lack=Lack.NOBODY_ON_DUTY, about="site", cure="Nobody is on duty. Log in at the console and go on duty.")]
    untested = [at for at in watchers.sound_ok_at if at is None or now - at > SOUND_TEST_LASTS]
    if not untested:
        return []
    cure = f"{len(untested)} on duty have not heard the alarm's sound for {SOUND_TEST_LASTS.seconds // 3600} hours. Repeat the sound test."
    return [Finding(lack=Lack.SOUND_NOT_TESTED, about="site", cure=cure)]


def _tiers(watchers: Watchers) -> list[Finding]:
    # Contacts are hers to name, and with nobody on duty that is the finding, not an empty first tier.
    optional = {Group.CONTACTS, Group.ON_DUTY}
    lacking = []
    for rung in watchers.ladder.rungs:
        wanted = [group for group in rung.groups if group not in optional]
        if wanted and not any(watchers.groups.get(group) for group in wanted):
            names = ", ".join(group.value for group in wanted)
            cure = f"The rung at {rung.after_s} s tells {names}, and there is nobody. Add people with numbers."
            lacking.append(Finding(lack=Lack.TIER_EMPTY, about=f"{rung.after_s} s", cure=cure))
    return lacking


def _numbers(watchers: Watchers) -> list[Finding]:
    people = {recipient.id: recipient for group in watchers.groups.values() for recipient in group}
    return [
        Finding(lack=Lack.NUMBER_UNREACHABLE, about=recipient.id, cure=f"{recipient.name}'s number {reason}.", name=recipient.name)
        for recipient in people.values()
        if (reason := _why_unreachable(recipient)) is not None
    ]


def _why_unreachable(recipient: Recipient) -> str | None:
    if recipient.number is None:
        return "is missing: add one"
    if recipient.verified_at is None:
        return "was never verified: send the code and enter it"
    if recipient.stopped_at is not None:
        return "answered STOP and gets no texts: have START sent from it"
    if recipient.sms_failed_at is not None:
        return "refused the last text: check it"
    return None


def _carriers(watchers: Watchers) -> list[Finding]:
    needed = {channel for rung in watchers.ladder.rungs for channel in rung.channels} - {Channel.CONSOLE}
    return [
        Finding(lack=Lack.NO_CARRIER, about=channel.value, cure=f"No provider carries {channel.value}. Configure one.")
        for channel in sorted(needed - watchers.channels)
    ]

"""What can be asked about visits and customers' links? Each function returns one request."""

from collections.abc import Iterable

from core.ids import LinkId, SiteId, TechnicianId, VisitId
from porchlight_client.ask import Ask, Items, Page, Repeat, at, doing, reading
from visits.act_bodies import VisitBody
from visits.link_face import LinkBody, LinkFace, NewLinkFace
from visits.link_rights import LinkHolder
from visits.stage import Stage
from visits.visit_face import VisitFace

_ONE = "/v1/visits/{visit}"


def book(body: VisitBody, *, key: str | None = None) -> Ask[VisitFace]:
    """Book a visit, or change the one of the same `external_ref`. `key`: name of this request, where the caller keeps one."""
    return doing("/v1/visits", VisitFace, body, repeat=Repeat.KEYED, key=key)


def read(visit_id: VisitId | str) -> Ask[VisitFace]:
    """Read one visit with its place and people; the look is noted. Raises `NotFound`."""
    return reading(at(_ONE, visit=visit_id), VisitFace)


def list_visits(
    *,
    site: SiteId | str | None = None,
    stages: Iterable[Stage] = (),
    technician: TechnicianId | str | None = None,
    external_ref: str | None = None,
    limit: int = 50,
) -> Ask[Page[VisitFace]]:
    """List visits, nothing personal in them; `limit` 1 to 200 a page."""
    named = ",".join(stages) or None
    return reading("/v1/visits", Page[VisitFace], site=site, stage=named, technician=technician, external_ref=external_ref, limit=limit)


def assign(visit_id: VisitId | str, technician_id: TechnicianId | str, *, expected_version: int | None = None) -> Ask[VisitFace]:
    """Give a visit to a technician. Raises `NotAssignable` with the reasons, `IllegalMove` in the wrong stage."""
    return _act(visit_id, "assign", technician_id=technician_id, expected_version=expected_version)


def reassign(
    visit_id: VisitId | str, technician_id: TechnicianId | str, reason: str, *, expected_version: int | None = None
) -> Ask[VisitFace]:
    """Give a visit to another technician, with the reason that is kept."""
    return _act(visit_id, "reassign", technician_id=technician_id, reason=reason, expected_version=expected_version)


def extend(visit_id: VisitId | str, minutes: int, *, expected_version: int | None = None) -> Ask[VisitFace]:
    """Add minutes to the service."""
    return _act(visit_id, "extend", minutes=minutes, expected_version=expected_version)


def cancel(visit_id: VisitId | str, reason: str, *, expected_version: int | None = None) -> Ask[VisitFace]:
    """Call a visit off, with the reason that is kept."""
    return _act(visit_id, "cancel", reason=reason, expected_version=expected_version)


def make_link(visit_id: VisitId | str, holder: LinkHolder = LinkHolder.CUSTOMER, label: str = "") -> Ask[NewLinkFace]:
    """Make a customer's link; its `url` and `token` are told this once. Never repeated by itself: each request makes another link."""
    return doing(at(_ONE + "/links", visit=visit_id), NewLinkFace, LinkBody(holder=holder, label=label))


def list_links(visit_id: VisitId | str) -> Ask[Items[LinkFace]]:
    """List the links of a visit, revoked ones too, oldest first."""
    return reading(at(_ONE + "/links", visit=visit_id), Items[LinkFace])


def revoke_link(link_id: LinkId | str) -> Ask[None]:
    """End a link at once; its sockets close. Revoking twice is fine."""
    return Ask(method="DELETE", path=at("/v1/links/{link}", link=link_id), answer=type(None), repeat=Repeat.ALWAYS)


def _act(visit_id: str, act: str, **body: str | int | None) -> Ask[VisitFace]:
    return doing(at(_ONE + "/{act}", visit=visit_id, act=act), VisitFace, body, repeat=Repeat.KEYED)

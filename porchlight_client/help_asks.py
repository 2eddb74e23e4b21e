"""What can be asked when somebody needs help? Each function returns one request."""

from core.ids import IncidentId, SiteId, TechnicianId, VisitId
from porchlight_client.ask import Ask, Items, Repeat, at, doing, reading
from safety.console_view import IncidentCard, Timeline
from safety.sos_body import TapReceipt


def press(
    tap_id: str,
    *,
    technician_id: TechnicianId | str | None = None,
    visit_id: VisitId | str | None = None,
    reason: str = "",
    lat: float | None = None,
    lon: float | None = None,
    accuracy_m: float | None = None,
    drill: bool = False,
) -> Ask[TapReceipt]:
    """Call for help for a technician, or with `visit_id` alone for the customer of a visit.

    `tap_id`: your own name of this press, the same in every retry, 1 to 80 characters: one press makes one incident. The receipt comes
    only after the incident is committed. Degrees WGS-84. The hub alerts people; it is not an emergency number.
    """
    said = {
        "tap_id": tap_id,
        "technician_id": technician_id,
        "visit_id": visit_id,
        "reason": reason,
        "lat": lat,
        "lon": lon,
        "accuracy_m": accuracy_m,
        "drill": drill,
    }
    return doing("/v1/sos", TapReceipt, said, repeat=Repeat.ALWAYS)


def open_incidents(site_id: SiteId | str) -> Ask[Items[IncidentCard]]:
    """List the open incidents of a site, gravest and oldest first. Needs the scope incidents:read."""
    return reading("/v1/incidents", Items[IncidentCard], site_id=site_id)


def read_incident(incident_id: IncidentId | str) -> Ask[Timeline]:
    """Read one incident with its whole log."""
    return reading(at("/v1/incidents/{incident}", incident=incident_id), Timeline)

"""What can be asked about technicians and shifts? Each function returns one request."""

from core.ids import SiteId, TechnicianId
from porchlight_client.ask import Ask, Items, Page, at, reading
from tracking.nearby import NearbyTechnician
from visits.person_face import TechnicianFace
from visits.shift_face import ShiftFace


def list_technicians(*, site: SiteId | str | None = None, on_shift: bool = False, limit: int = 50) -> Ask[Page[TechnicianFace]]:
    """List technicians, with `on_shift` those who have an open or paused shift; `limit` 1 to 200 a page."""
    return reading("/v1/technicians", Page[TechnicianFace], site=site, on_shift=on_shift, limit=limit)


def read_technician(technician_id: TechnicianId | str) -> Ask[TechnicianFace]:
    """Read one technician with her phone number; the look is noted. Needs the scope people:write."""
    return reading(at("/v1/technicians/{technician}", technician=technician_id), TechnicianFace)


def nearby(
    site: SiteId | str, lat: float, lon: float, *, radius_m: float = 5_000, limit: int = 20, max_age_s: float = 120
) -> Ask[Items[NearbyTechnician]]:
    """List technicians near a place in degrees WGS-84, nearest first; `radius_m` up to 50 km, `limit` up to 100."""
    return reading(
        "/v1/technicians/nearby",
        Items[NearbyTechnician],
        site=site,
        lat=lat,
        lon=lon,
        radius_m=radius_m,
        limit=limit,
        max_age_s=max_age_s,
    )


def list_shifts(*, site: SiteId | str | None = None, only_open: bool = False, limit: int = 50) -> Ask[Page[ShiftFace]]:
    """List shifts of the key's sites; `limit` 1 to 200 a page."""
    return reading("/v1/shifts", Page[ShiftFace], site=site, open=only_open, limit=limit)

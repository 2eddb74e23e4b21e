"""What is told of a technician who is near a place?"""

import msgspec

from core.ids import TechnicianId


class NearbyTechnician(msgspec.Struct, frozen=True, kw_only=True):
    """One technician near a place: great-circle metres away, and how old her position is. Degrees WGS-84, 6 decimals."""

    technician_id: TechnicianId
    distance_m: float
    age_s: float
    at_ms: int
    lat: float
    lon: float
    accuracy_m: float | None = None

"""What may be read of a technician and her phones? Lists carry names, the single view her phone, and nothing a token."""

from datetime import datetime

import msgspec

from core.ids import DeviceId, SiteId, TechnicianId
from visits.person import BlockedPair, Device, Technician
from visits.service import VerifiedLevel
from visits.shift import Shift
from visits.shift_face import ShiftFace, shift_face
from visits.site import EmergencyNumber, Site


class TechnicianFace(msgspec.Struct, frozen=True, kw_only=True):
    """A technician. `phone` only where one technician is read; `shift` only in lists: her open or paused one."""

    id: TechnicianId
    site_id: SiteId
    name: str
    shown_name: str
    verified_level: VerifiedLevel
    is_active: bool
    version: int
    helps_colleagues: bool = False
    language: str | None = None
    phone: str | None = None
    shift: ShiftFace | None = None


class DeviceFace(msgspec.Struct, frozen=True, kw_only=True):
    """A phone; `revoked_at` null while it counts."""

    id: DeviceId
    device_no: int
    technician_id: TechnicianId
    label: str
    platform: str
    enrolled_at: datetime
    revoked_at: datetime | None


class BlockedFace(msgspec.Struct, frozen=True, kw_only=True):
    """A blocked pair; the customer appears as the beginning of a keyed digest."""

    id: str
    technician_id: TechnicianId
    customer: str
    reason: str
    made_by: str
    made_at: datetime


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """What a technician's app needs at its start: who she is, her shift, whom to call, which notice to show."""

    technician: TechnicianFace
    device_id: DeviceId | None
    shift: ShiftFace | None
    site_name: str
    zone: str
    locale: str
    desk_phone: str | None
    emergency_numbers: tuple[EmergencyNumber, ...]
    location_notice_version: str
    arrival_suggest_m: float
    arrival_hold_s: float
    shift_max_h: int


def technician_face(technician: Technician, *, phone: str | None = None, shift: Shift | None = None) -> TechnicianFace:
    """Return a technician as she may be read; `phone` and `shift` where they belong."""
    return TechnicianFace(
        id=technician.id,
        site_id=technician.site_id,
        name=technician.name,
        shown_name=technician.shown_name,
        verified_level=technician.verified_level,
        is_active=technician.is_active,
        version=technician.version,
        helps_colleagues=technician.helps_colleagues,
        language=technician.language,
        phone=phone,
        shift=None if shift is None else shift_face(shift),
    )


def device_face(device: Device) -> DeviceFace:
    """Return a phone as it may be read."""
    return DeviceFace(
        id=device.id,
        device_no=device.device_no,
        technician_id=device.technician_id,
        label=device.label,
        platform=device.platform,
        enrolled_at=device.enrolled_at,
        revoked_at=device.revoked_at,
    )


def blocked_face(pair: BlockedPair) -> BlockedFace:
    """Return a blocked pair as the desk may read it."""
    return BlockedFace(
        id=pair.id,
        technician_id=pair.technician_id,
        customer=pair.customer_key[:12],
        reason=pair.reason,
        made_by=pair.made_by,
        made_at=pair.made_at,
    )


def me_face(technician: Technician, device_id: DeviceId | None, shift: Shift | None, site: Site) -> Me:
    """Return what her app needs at its start."""
    return Me(
        technician=technician_face(technician, phone=technician.phone),
        device_id=device_id,
        shift=None if shift is None else shift_face(shift),
        site_name=site.name,
        zone=site.zone,
        locale=technician.language or site.locale,
        desk_phone=site.desk_phone,
        emergency_numbers=site.emergency_numbers,
        location_notice_version=site.settings.location_notice_version,
        arrival_suggest_m=site.settings.arrival_suggest_m,
        arrival_hold_s=site.settings.arrival_hold_s,
        shift_max_h=site.settings.shift_max_h,
    )

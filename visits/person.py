"""Who goes to the door, and whom must she not meet? Technicians, their phones, and blocked pairs."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from core.ids import DeviceId, SiteId, TechnicianId
from visits.service import ServiceKind, VerifiedLevel
from visits.site import Site


class Technician(msgspec.Struct, frozen=True, kw_only=True):
    """She who works. `name` and `phone` (E.164) are for the desk; `shown_name` is what a customer reads; inactive ones are not assigned."""

    id: TechnicianId
    site_id: SiteId
    name: str
    shown_name: str
    phone: str | None = None
    language: str | None = None
    verified_level: VerifiedLevel = VerifiedLevel.UNKNOWN
    is_active: bool = True
    helps_colleagues: bool = False
    """Set by herself: the desk may ask her to help a colleague near by."""
    created_at: datetime
    version: int = 1


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A technician's phone. `device_no` is its short number in compact fix rows; `label` what she calls it; revoked ones open nothing."""

    id: DeviceId
    device_no: int
    site_id: SiteId
    technician_id: TechnicianId
    label: str
    platform: str = ""
    enrolled_at: datetime
    revoked_at: datetime | None = None


class BlockedPair(msgspec.Struct, frozen=True, kw_only=True):
    """These two must not meet again. `customer_key` is the keyed digest of the customer's phone; the reason is for the desk alone."""

    id: str
    site_id: SiteId
    technician_id: TechnicianId
    customer_key: str
    reason: str
    made_by: str
    made_at: datetime


def reasons_against(technician: Technician, site: Site, service: ServiceKind, blocked: Iterable[BlockedPair]) -> list[str]:
    """Return why `technician` may not be sent to this customer, a sentence each; empty when nothing speaks against it.

    `blocked` are the pairs of this technician and this customer. The sentences never say who blocked whom or why.
    """
    wanted = VerifiedLevel(max(service.policy.min_verified_level, site.settings.min_verified_level))
    found = [
        (technician.site_id == site.id, "She belongs to another site. Choose somebody of this one."),
        (technician.is_active, "She is not active. Activate her first or choose somebody else."),
        (
            technician.verified_level >= wanted,
            f"She is verified as {technician.verified_level.name.lower()}; {service.name} needs {wanted.name.lower()}. Verify her first.",
        ),
        (not any(True for _ in blocked), "She is not to be sent to this customer. Choose somebody else."),
    ]
    return [sentence for is_fine, sentence in found if not is_fine]

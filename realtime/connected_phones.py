"""Which phones are connected to this worker, whose are they, and what was heard of them? By device, of which one is in force, and by
technician."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from core.ids import DeviceId, TechnicianId
from realtime.session import Session
from realtime.session_effects import Effect
from realtime.wire import Cadence, VisitChanged
from realtime.wire_sos import Prompt
from tracking.fix import Sender


class ConnectedPhone(Protocol):
    """One connection of one device."""

    session: Session
    sender: Sender | None

    def say(self, frame: Cadence | VisitChanged | Prompt) -> None:
        """Queue a frame and write it."""
        ...

    def do(self, effects: Sequence[Effect]) -> None:
        """Carry out effects of the session."""
        ...


class ConnectedPhones:
    """The phones of this worker."""

    def __init__(self) -> None:
        self._by_device: dict[DeviceId, ConnectedPhone] = {}
        self._by_technician: dict[TechnicianId, set[ConnectedPhone]] = {}
        self._left: list[tuple[Sender, int]] = []

    def has(self, device_id: DeviceId) -> bool:
        """Tell whether the device has a live socket on this worker."""
        return device_id in self._by_device

    def enter(self, phone: ConnectedPhone, sender: Sender) -> None:
        """Put a phone in force; the older connection of the same device ends."""
        older = self._by_device.get(sender.device_id)
        self._by_device[sender.device_id] = phone
        self._by_technician.setdefault(sender.technician_id, set()).add(phone)
        if older is not None and older is not phone:
            older.do(older.session.superseded())

    def leave(self, phone: ConnectedPhone, sender: Sender) -> None:
        """Forget a phone; a newer connection of the device stays."""
        self._left.append((sender, phone.session.acked))
        if self._by_device.get(sender.device_id) is phone:
            del self._by_device[sender.device_id]
        phones = self._by_technician.get(sender.technician_id, set())
        phones.discard(phone)
        if not phones:
            self._by_technician.pop(sender.technician_id, None)

    def taken_over(self, device_id: DeviceId, session_no: int) -> None:
        """End the connection of a device that has a newer one on another worker."""
        phone = self._by_device.get(device_id)
        if phone is not None and 0 < phone.session.session_no < session_no:
            phone.do(phone.session.superseded())

    def say(self, technician_id: TechnicianId, frame: Cadence | VisitChanged | Prompt) -> None:
        """Say something to all phones of a technician."""
        for phone in tuple(self._by_technician.get(technician_id, ())):
            phone.say(frame)

    def tell(self, device_id: DeviceId, frame: Cadence) -> None:
        """Say something to one device, if it is here."""
        if (phone := self._by_device.get(device_id)) is not None:
            phone.say(frame)

    def heard(self) -> Iterator[tuple[Sender, int]]:
        """Yield every device with the time of its last frame, ms since 1970: an open socket alone proves nothing."""
        return ((phone.sender, phone.session.heard_ms) for phone in self._all() if phone.sender is not None)

    def acked(self) -> Iterator[tuple[Sender, int]]:
        """Yield the devices that left since the last call, and those here, with the highest seq acknowledged on their connection."""
        left, self._left = self._left, []
        here = [(phone.sender, phone.session.acked) for phone in self._all() if phone.sender is not None]
        return (pair for pair in (*left, *here) if pair[1] >= 0)

    def _all(self) -> Iterator[ConnectedPhone]:
        return (phone for phones in self._by_technician.values() for phone in phones)

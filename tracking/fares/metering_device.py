"""Which of her devices meters the way? One at a time; another takes over once it has been silent for a minute.

A technician may carry a phone and a tablet; summing both would pay her twice, mixing them would zigzag. The others are evidence.
"""

import msgspec

from tracking.fares.meter_fix import MeterFix

FAILOVER_MS = 60_000
"""Silence after which another device takes over (the gap between them is bridged like any other)."""


class MeteringDevice(msgspec.Struct, array_like=True):
    """The device that meters now, and when it last sent something usable."""

    device_id: str | None = None
    heard_ms: int = 0


def meters(device: MeteringDevice, fix: MeterFix, gate_dm: int) -> bool:
    """Tell whether this fix is the metering device's own; changes `device` where it takes over.

    Mocked or inaccurate fixes do not keep a device in charge, so a second, honest one takes over.
    """
    sender = fix.key[0]
    is_usable = not fix.mocked and (fix.accuracy_dm is None or fix.accuracy_dm <= gate_dm)
    if device.device_id != sender:
        if device.device_id is not None and not (is_usable and fix.at_ms - device.heard_ms > FAILOVER_MS):
            return False
        device.device_id, device.heard_ms = sender, fix.at_ms
    if is_usable:
        device.heard_ms = fix.at_ms
    return True

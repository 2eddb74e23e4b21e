"""The slow hash of a PIN: argon2id over the PIN keyed with the hub's pepper, in a thread.

A PIN has few digits, so a stolen table could be guessed through in minutes; with the pepper outside the database it cannot. No deadline of
its own: about 50 ms of one core.
"""

import asyncio
import hmac

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from core.key_ring import KeyRing

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""19 MiB, two passes. Source: OWASP Password Storage Cheat Sheet, argon2id minimum."""


class Argon2Pins:
    """See `safety.pin_ports.PinHashes`."""

    def __init__(self, keys: KeyRing) -> None:
        self._pepper = keys.bytes_for("pin")

    async def hashed(self, pin: str) -> str:
        """See `PinHashes.hashed`."""
        return await asyncio.to_thread(_hasher.hash, self._peppered(pin))

    async def fits(self, stored: str, pin: str) -> bool:
        """See `PinHashes.fits`."""
        return await asyncio.to_thread(self._fits, stored, self._peppered(pin))

    def _peppered(self, pin: str) -> bytes:
        return hmac.digest(self._pepper, pin.encode(), "sha256")

    @staticmethod
    def _fits(stored: str, peppered: bytes) -> bool:
        try:
            return _hasher.verify(stored, peppered)
        except VerificationError:
            return False

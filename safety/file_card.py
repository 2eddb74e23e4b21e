"""The safety card on disk: sealed, written beside and renamed, synced, so that a crash leaves the old card or the new one, never half."""

import asyncio
import contextlib
import os
from pathlib import Path

import msgspec

from core.key_ring import KeyRing, KeyRingError
from safety.safety_card import SafetyCard

_PURPOSE = "safety card"


class FileCard:
    """See `safety.journal_ports.CardStore`."""

    def __init__(self, folder: Path, keys: KeyRing) -> None:
        self._path = folder / "safety.card"
        self._keys = keys

    async def save(self, card: SafetyCard) -> None:
        """See `CardStore.save`."""
        await asyncio.to_thread(self._write, self._keys.seal(_PURPOSE, msgspec.json.encode(card).decode()).encode())

    def load(self) -> SafetyCard | None:
        """See `CardStore.load`."""
        with contextlib.suppress(OSError, KeyRingError, msgspec.MsgspecError):
            return msgspec.json.decode(self._keys.unseal(_PURPOSE, self._path.read_text()), type=SafetyCard)
        return None

    def _write(self, sealed: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._path.with_suffix(f".{os.getpid()}")
        try:
            # A file object writes all of it or raises; os.write would leave half a card behind on a disk without room.
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        finally:
            beside.unlink(missing_ok=True)

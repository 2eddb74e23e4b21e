"""Writes letters as JSON lines into a file, for trying the hub out without any network. Numbers are written masked, words in full.

The write is one line, flushed; a letter whose write fails was not processed.
"""

import asyncio
from datetime import datetime
from pathlib import Path

import msgspec

from core.clock import Clock, to_ms
from notifications.carrier import CarrierName, Found, FoundHow, Letter, Outcome
from notifications.delivery import Receipt
from notifications.error_class import ErrorClass
from notifications.notice import Channel


class FileChannel:
    """See `ports.Carrier`: carries one channel into `path`, readable by the hub's own user only."""

    name = CarrierName.FILE
    can_find = False

    def __init__(self, path: Path, channel: Channel, clock: Clock) -> None:
        self._path = path
        self.channel = channel
        self._clock = clock

    async def send(self, letter: Letter) -> Outcome:
        """See `Carrier.send`."""
        try:
            await asyncio.to_thread(self._append, self._line(letter))
        except OSError as error:
            return Outcome(error=ErrorClass.NOT_PROCESSED, code="file", detail=type(error).__name__)
        return Outcome(provider_id=f"file-{letter.notice_id}-{letter.attempt}", receipt=Receipt.DELIVERED)

    async def status(self, provider_id: str) -> Outcome:
        """See `Carrier.status`."""
        return Outcome()

    async def find(self, letter: Letter, since: datetime) -> Found:
        """See `Carrier.find`."""
        return Found(FoundHow.UNKNOWN)

    def _line(self, letter: Letter) -> bytes:
        return msgspec.json.encode(
            {
                "at_ms": to_ms(self._clock.now()),
                "notice_id": letter.notice_id,
                "lane": letter.lane,
                "channel": letter.channel,
                "to": letter.to_masked,
                "language": letter.language,
                "text": letter.text,
                "code": letter.code,
            }
        )

    def _append(self, line: bytes) -> None:
        is_new = not self._path.exists()
        with self._path.open("ab") as file:
            file.write(line + b"\n")
        if is_new:
            self._path.chmod(0o600)

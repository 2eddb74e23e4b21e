"""How far was a device acknowledged? The mark, and the text it is kept as."""

from typing import Self

from msgspec import Struct


class AckMark(Struct, frozen=True):
    """The highest `seq` of a `device_epoch` that was acknowledged to a device."""

    device_epoch: int
    seq: int

    @property
    def text(self) -> str:
        """Return it as it is kept."""
        return f"{self.device_epoch}/{self.seq}"

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Return the mark that `text` keeps."""
        epoch, _, seq = text.partition("/")
        return cls(int(epoch), int(seq))

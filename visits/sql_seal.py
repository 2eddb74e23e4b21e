"""Personal fields at rest: structs and texts sealed with the key ring under the purpose "person"."""

from typing import Any, TypeVar

import msgspec

from core.key_ring import KeyRing

PURPOSE = "person"
T = TypeVar("T")


class Seal:
    """Seals and opens what goes into columns named `*_sealed`, and makes the keyed digests of `*_key` columns."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def close(self, value: Any) -> str | None:
        """Return `value` (struct or text) as sealed JSON; None stays None."""
        return None if value is None else self._keys.seal(PURPOSE, msgspec.json.encode(value).decode())

    def open(self, sealed: str | None, wanted: type[T]) -> T | None:
        """Return what was sealed; None stays None. Raises `KeyRingError` when the key is gone."""
        return None if sealed is None else msgspec.json.decode(self._keys.unseal(PURPOSE, sealed), type=wanted)

    def must_open(self, sealed: str, wanted: type[T]) -> T:
        """Return what was sealed in a column that is never empty."""
        return msgspec.json.decode(self._keys.unseal(PURPOSE, sealed), type=wanted)

    def key(self, purpose: str, text: str | None) -> str | None:
        """Return the keyed digest of `text` for `purpose`; None stays None."""
        return None if text is None else self._keys.fingerprint(purpose, text)

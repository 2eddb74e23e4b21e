"""Which key protects what? Secret keys of the operator, derived per purpose, with rotation.

`PORCHLIGHT_SECRET_KEYS` holds one or more keys, newest first: the first encrypts and signs, all of them decrypt and verify.
Each purpose (personal fields, quotes, journal, ...) gets its own key by HKDF-SHA-256 (RFC 5869), so that one leak is one leak.
"""

import base64
import functools
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_SECRET_CHARS = 32
"""32 characters of a random alphabet hold more than 128 bits; shorter secrets are typed by hand and guessable."""


class KeyRingError(ValueError):
    """A secret key is too short or a sealed value was not sealed by any key of this ring."""


class KeyRing:
    """Derived keys of one hub. `secrets`: one or more texts of at least 32 characters, newest first."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise KeyRingError("PORCHLIGHT_SECRET_KEYS is empty. Make a key with: porchlight token secret")
        for place, secret in enumerate(secrets, start=1):
            if len(secret) < MIN_SECRET_CHARS:
                raise KeyRingError(
                    f"Key {place} of PORCHLIGHT_SECRET_KEYS has {len(secret)} characters; {MIN_SECRET_CHARS} are needed. "
                    "Make one with: porchlight token secret"
                )
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._sealers: dict[str, MultiFernet] = {}

    def seal(self, purpose: str, text: str) -> str:
        """Return `text` encrypted and authenticated for `purpose`; different each time, safe to store."""
        return self._sealer(purpose).encrypt(text.encode()).decode()

    def unseal(self, purpose: str, sealed: str) -> str:
        """Return the text sealed for `purpose`; raises `KeyRingError` when no key of this ring fits or it was changed."""
        try:
            return self._sealer(purpose).decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise KeyRingError(
                f"A stored {purpose} value fits no key in PORCHLIGHT_SECRET_KEYS. Put the older key back behind the new one."
            ) from None

    def sign(self, purpose: str, message: bytes) -> str:
        """Return the HMAC-SHA-256 of `message` under the newest key of `purpose`, URL-safe base64 without padding."""
        return _b64(hmac.digest(self._derived(self._secrets[0], purpose), message, "sha256"))

    def verifies(self, purpose: str, message: bytes, signature: str) -> bool:
        """Tell whether any key of the ring made `signature` over `message`; takes the same time for every wrong one."""
        found = [
            hmac.compare_digest(_b64(hmac.digest(self._derived(secret, purpose), message, "sha256")), signature)
            for secret in self._secrets
        ]
        return any(found)

    def fingerprint(self, purpose: str, text: str) -> str:
        """Return a keyed digest by which equal texts (phone numbers) are found without being stored, 64 hex digits.

        Uses the oldest key, so that adding a newer one in front keeps look-ups working.
        """
        return hmac.new(self._derived(self._secrets[-1], purpose), text.encode(), hashlib.sha256).hexdigest()

    def bytes_for(self, purpose: str) -> bytes:
        """Return 32 key bytes of the newest key for `purpose`, for peppers and journals."""
        return self._derived(self._secrets[0], purpose)

    def _sealer(self, purpose: str) -> MultiFernet:
        if purpose not in self._sealers:
            self._sealers[purpose] = MultiFernet(
                [Fernet(base64.urlsafe_b64encode(self._derived(secret, purpose))) for secret in self._secrets]
            )
        return self._sealers[purpose]

    @staticmethod
    @functools.lru_cache(maxsize=256)
    def _derived(secret: bytes, purpose: str) -> bytes:
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"porchlight/" + purpose.encode()).derive(secret)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")

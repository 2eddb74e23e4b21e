"""Codes of an authenticator app by pyotp. Source: RFC 6238, SHA-1, six digits, half minutes: what every app speaks."""

import hmac
from datetime import datetime

import pyotp

STEP_S = 30
ISSUER = "Porchlight"


class PyotpCodes:
    """See `visits.ports.OneTimeCodes` for the contract."""

    def new_secret(self) -> str:
        """See `OneTimeCodes.new_secret`."""
        return pyotp.random_base32()

    def uri(self, secret: str, user: str) -> str:
        """See `OneTimeCodes.uri`."""
        return pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name=ISSUER)

    def step_of(self, secret: str, code: str, at: datetime) -> int | None:
        """See `OneTimeCodes.step_of`."""
        now_step = int(at.timestamp()) // STEP_S
        app = pyotp.TOTP(secret)
        for step in (now_step, now_step - 1, now_step + 1):
            if hmac.compare_digest(app.generate_otp(step), code):
                return step
        return None

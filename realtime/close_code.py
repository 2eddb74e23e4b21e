"""Why was this socket closed, and may the other side come back? Close codes by range, each with its sentence.

4000-4099: connect again, after the jitter of `hints`. 4100-4199: do not, until a person or program changed something. Codes below 4000 are
RFC 6455's own: 1009 comes from the server library for a frame above 64 KiB, 1012 when the process stops without a drain.
"""

from enum import IntEnum

RECONNECT = range(4000, 4100)
STAY_AWAY = range(4100, 4200)


class CloseCode(IntEnum):
    """The hub's own close codes."""

    DRAINING = 4000
    HELLO_LATE = 4001
    FAILED = 4002
    TOO_SLOW = 4003
    SILENT = 4004
    UNAVAILABLE = 4005
    SUPERSEDED = 4100
    NOT_SIGNED_IN = 4101
    REVOKED = 4102
    BAD_PROTOCOL = 4103
    LINK_ENDED = 4104
    FOREIGN_ORIGIN = 4105
    TOO_LARGE = 1009


SENTENCES: dict[CloseCode, str] = {
    CloseCode.DRAINING: "This worker is being replaced. Connect again after a random wait of up to the seconds named in the reason.",
    CloseCode.HELLO_LATE: "The first frame did not come within 5 seconds. Connect again and send it at once.",
    CloseCode.FAILED: "Something failed inside the hub. Connect again; what was not acknowledged is still yours to send.",
    CloseCode.TOO_SLOW: "You read too slowly: too much was waiting for you. Connect again and read while you send.",
    CloseCode.SILENT: "Nothing was heard for three heartbeats, so the line counts as dead. Connect again.",
    CloseCode.UNAVAILABLE: "A part that this socket needs is away. Connect again shortly.",
    CloseCode.SUPERSEDED: "A newer connection of the same device took over. Do not reconnect from this one.",
    CloseCode.NOT_SIGNED_IN: "The token or ticket is missing, unknown, used or expired. Sign in or enrol again first.",
    CloseCode.REVOKED: "This credential was revoked. Enrol the device again or ask the desk.",
    CloseCode.BAD_PROTOCOL: "Too many frames were not understood. Correct the program before it connects again.",
    CloseCode.LINK_ENDED: "There is nothing to watch under this link: it ended, was replaced, or never was.",
    CloseCode.FOREIGN_ORIGIN: "A page of another origin opened this socket. Use the hub's own page.",
    CloseCode.TOO_LARGE: "The frame is larger than 64 KiB. Send the fixes in several frames.",
}


def may_reconnect(code: int) -> bool:
    """Tell a client whether to come back by itself: yes, except for 4100-4199 and 1008 (policy) and 1009 (too large: mend it first)."""
    return code not in STAY_AWAY and code not in (1008, 1009)


def sentence_of(code: int) -> str:
    """Return what a person should know of a close code and do about it; the codes of the protocol itself have no sentence of ours."""
    return SENTENCES[CloseCode(code)] if code in set(CloseCode) else "Look at the hub's log for what happened."

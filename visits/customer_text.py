"""Which texts may a site send to its customers? Each is a template of `notifications/texts` and a switch in the site's settings."""

from enum import StrEnum


class CustomerText(StrEnum):
    """A text about a visit."""

    BOOKED = "booked"
    """Who comes, and when. Off at first: booking platforms confirm themselves."""
    DEPARTED = "departed"
    """She is on her way, with a link to follow."""
    ARRIVING = "arriving"
    """She is there in a few minutes; once a visit."""
    LATE = "late"
    """She cannot be there within the agreed window any more; once a visit."""
    CANCELLED = "cancelled"
    """The visit is off."""
    RECEIPT = "receipt"
    """What the way costs, once it is settled or when that changes."""

    @property
    def template(self) -> str:
        """Return the id of its template."""
        return f"visit_{self.value}"


USUAL = (CustomerText.DEPARTED, CustomerText.ARRIVING, CustomerText.LATE, CustomerText.CANCELLED, CustomerText.RECEIPT)

"""What does the hub tell a console about its own view? That a topic is not up to date."""

from core.units import Millis
from realtime.wire import Frame


class TopicBehind(Frame, frozen=True, tag="behind"):
    """What is shown of a topic is as it was at `since_ms`: the hub cannot read it. None: it can again, and what changed follows."""

    topic: str
    since_ms: Millis | None

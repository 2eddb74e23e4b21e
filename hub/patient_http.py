"""How does a request get from the line to its task? By uvicorn's own protocol, given to it as `http=`, with two additions.

A worker that stood still (a paused machine) finds its timers due before it has read anything: a connection whose idle time passed meanwhile
would be closed with the next request unread in it, and that may be a press. So it is closed after one more look.

A press has the right of way as soon as its head is read. Its task has its first turn behind all that this turn of the loop has still to
do, and would only then ask for it.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core.right_of_way import RightOfWay

LOOK_S = 0.05
"""By then the loop has read whatever lay in the socket; what comes takes the end of the idle time back."""
BESPOKEN_S = 0.02
"""By then the press has its task, which takes the right of way itself."""
PRESS = b"/v1/sos"


class PatientHttpProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, which reads once more before it closes an idle connection, and makes way for a press."""

    def __init__(self, way: RightOfWay, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._way = way

    def on_headers_complete(self) -> None:
        """Begin to answer a request."""
        if self.url.partition(b"?")[0] == PRESS:
            self._way.bespeak(BESPOKEN_S)
        super().on_headers_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection soon, unless something came."""
        self.timeout_keep_alive_task = self.loop.call_later(LOOK_S, super().timeout_keep_alive_handler)

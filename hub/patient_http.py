"""When is an idle connection closed? After its time, and after a look whether something has come on it meanwhile.

Given to uvicorn as `http=`. A worker that stood still (a paused machine) finds its timers due before it has read anything: a connection
whose idle time passed meanwhile would be closed with the next request unread in it, and that may be a press.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LOOK_S = 0.05
"""By then the loop has read whatever lay in the socket; what comes takes the end of the idle time back."""


class PatientHttpProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, which reads once more before it closes an idle connection."""

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection soon, unless something came."""
        self.timeout_keep_alive_task = self.loop.call_later(LOOK_S, super().timeout_keep_alive_handler)

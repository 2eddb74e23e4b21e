"""A web server of this process in a thread of its own, for tests that wait in the main thread, as those with a browser do."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from tests.doubles.free_port import free_listener

START_S = END_S = 20.0


@contextlib.contextmanager
def threaded_server(app_at: Callable[[str], Any]) -> Iterator[str]:
    """Serve the application that `app_at` makes for a URL; yield the URL. Whoever is still connected at the end is cut off."""
    listening = free_listener()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(app_at(url), log_level="error", ws="websockets-sansio", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_S
    while not server.started:
        assert thread.is_alive(), "The server ended before it had started."
        assert time.monotonic() < deadline, f"The server did not start within {START_S:g} s."
        time.sleep(0.005)  # another thread's start has no other sign
    try:
        yield url
    finally:
        server.should_exit = server.force_exit = True
        thread.join(END_S)
        assert not thread.is_alive(), f"The server did not end within {END_S:g} s."

"""How does a process of the hub live and end with its parent? By two pipes: one tells it that the parent is gone, one that it still runs.

Used by `hub/worker.py` and `hub/recorder.py`, which `hub/parent.py` starts.
"""

import asyncio
import contextlib
import gc
import os
import threading
from collections.abc import Callable

PARENT_FD = "PORCHLIGHT_PARENT_FD"
ALIVE_FD = "PORCHLIGHT_ALIVE_FD"
PART = "PORCHLIGHT_PART"
RECORDER = "PORCHLIGHT_RECORDER"
BEAT_S = 1.0


def end_with_parent(fd: int, end: Callable[[], None], grace_s: float) -> None:
    """Call `end` on this loop when the parent's end of the pipe `fd` closes; leave the process `grace_s` later, whatever it does."""
    loop = asyncio.get_running_loop()

    def wait_for_parent() -> None:
        with contextlib.suppress(OSError):
            os.read(fd, 1)  # returns only when the last writer, the parent, is gone
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(end)
        # A loop that hangs would keep the port, or the lease, for ever.
        threading.Event().wait(grace_s)
        os._exit(1)

    threading.Thread(target=wait_for_parent, name="parent-watch", daemon=True).start()


async def beat(fd: int) -> None:
    """Say once a second on the pipe `fd` that this loop runs, until cancelled. A parent that reads nothing is no reason to wait."""
    os.set_blocking(fd, False)
    while True:
        with contextlib.suppress(BlockingIOError):
            os.write(fd, b".")
        await asyncio.sleep(BEAT_S)


def settle_memory() -> None:
    """Leave what was made at the start out of later collections, and collect less often: fixes and frames make no cycles.

    A full collection walks every object there is, up to 200 ms in a worker with many sockets, while nobody is answered; a middle one walks
    what came since the last of its kind, 30 ms after ten of the youngest, so it comes after three. The full ones come seldom.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 3, 100)

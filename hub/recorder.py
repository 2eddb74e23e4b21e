"""What does the recorder process do? It writes the ledger: fixes from the stream into SQL with their journeys, until it is told to end.

Started by `hub/parent.py` as `python -m hub.recorder`, so that a transaction of a thousand fixes never stands between a press and its
answer on a worker's loop. It serves nobody. Each parent has one, or several that divide the shards (decision 25); over several machines the
lease of a shard lets one of them record it, the others stand by. A recorder that ends is started again, one that hangs is killed first.
"""

import asyncio
import gc
import os
import signal
import sys

import structlog
import uvloop

from hub.lifeline import ALIVE_FD, PARENT_FD, RECORDER, beat, end_with_parent, settle_memory
from hub.logs import start_logging
from hub.part import Share
from hub.settings import Settings, load
from hub.settings_read import BadSettings
from hub.wiring import open_hub

log = structlog.get_logger(__name__)
GRACE_S = 10.0
"""A transaction under way ends within SQLite's five seconds of waiting."""
NICENESS_POSTGRESQL, NICENESS_SQLITE = 5, 10
"""A third and a tenth of the processor's share of whoever else wants it. Each batch of fixes waits for Valkey's process to be given a
processor, each statement of a press for PostgreSQL's, and a recorder that is busy with journeys would keep it for milliseconds."""

SWITCH_S = 0.0005
"""The thread that writes to SQLite waits at most so long for Python's own lock, after each statement of its transaction. By default these
are 5 ms, for all of which it holds SQLite's lock, and other recorders stand still."""


async def record(settings: Settings, share: Share, parent_fd: int, alive_fd: int) -> None:
    """Record its share until SIGTERM, or until the parent's end of `parent_fd` closes; beat on `alive_fd` meanwhile."""
    ending = asyncio.Event()
    async with open_hub(settings, part=share.part, share=share) as hub:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
        end_with_parent(parent_fd, ending.set, GRACE_S)
        heart = asyncio.create_task(beat(alive_fd))
        log.info("recorder_ready", recorder=share.number, worker_id=hub.floor.worker_id, pid=os.getpid())
        settle_memory()
        await ending.wait()
        heart.cancel()


def niceness(settings: Settings) -> int:
    """Return by how much this process lets others first (decisions 26 and 32)."""
    return NICENESS_POSTGRESQL if settings.store.truth_url.startswith("postgresql") else NICENESS_SQLITE


def hand_over_soon() -> None:
    """Let the threads of this process have their turns soon: journeys, which compute all the time, give way to what is being written."""
    sys.setswitchinterval(SWITCH_S)


def main() -> None:
    """Run the recorder."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        settings = load()
    except BadSettings as error:
        sys.exit(str(error))
    start_logging(settings.serve.log_level, settings.serve.log_format)
    os.nice(niceness(settings))
    hand_over_soon()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        share = Share(int(os.environ.get(RECORDER, "0")), settings.serve.recorders)
        runner.run(record(settings, share, int(os.environ[PARENT_FD]), int(os.environ[ALIVE_FD])))
    gc.freeze()  # everything is closed; the kernel frees memory faster


if __name__ == "__main__":
    main()

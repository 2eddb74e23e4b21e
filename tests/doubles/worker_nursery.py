"""Real workers of the hub, each a process of its own that can be killed in earnest and started again within half a second.

A nursery imports the hub once and forks a worker at each start: what is killed is a whole process with its loop, connections and leases;
what is spared is the second of importing. Run as `python -m tests.doubles.worker_nursery`, it takes orders as lines of JSON on stdin.
"""

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.doubles.free_port import free_listener
from tests.doubles.whole_hub import ROOT

STATUS_PATH = "/in/twilio/status"
ANSWER_S = 60.0
DEATHS = ("before_send", "after_send", "before_apply", "after_apply")
"""Where a worker may be told to kill itself: around the request to Twilio, and around the callback's transaction."""


@dataclass
class Nursery:
    """The parent of workers, as a test sees it. `url`: where its workers answer; `folder`: what they say."""

    folder: Path
    process: subprocess.Popen[str]
    url: str
    environ: dict[str, str] = field(default_factory=dict)
    alive: set[int] = field(default_factory=set)

    def start(self, dies: str | None = None) -> int:
        """Fork a worker; return its process id. `dies`: one of `DEATHS`."""
        pid = int(self._order({"environ": self.environ, "dies": dies, "log": str(self.folder / "workers.log")}))
        self.alive.add(pid)
        return pid

    def kill(self, pid: int) -> None:
        """Kill -9, and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        self.wait(pid)

    async def died(self, pid: int) -> None:
        """Wait for a worker that kills itself; fails unless SIGKILL was what ended it."""
        status = await asyncio.to_thread(self.wait, pid)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"it ended with {status}\n{self.said()[-3000:]}"

    def wait(self, pid: int) -> int:
        """Wait for the end of a worker; return its wait status."""
        status = int(self._order({"wait": pid}))
        self.alive.discard(pid)
        return status

    def said(self) -> str:
        """Return what its workers logged."""
        log = self.folder / "workers.log"
        return log.read_text() if log.exists() else ""

    def _order(self, order: dict[str, Any]) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        is_answered, _, _ = select.select([self.process.stdout], [], [], ANSWER_S)
        assert is_answered, f"The nursery did not do {list(order)} within {ANSWER_S:g} s.\n{self.said()[-3000:]}"
        return self.process.stdout.readline()


@contextlib.contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """Start a nursery; end it and whatever it forked."""
    with free_listener() as listener:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.doubles.worker_nursery", str(listener.fileno())],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            text=True,
        )
        try:
            yield (parent := Nursery(folder, process, f"http://127.0.0.1:{listener.getsockname()[1]}"))
        finally:
            try:
                process.communicate(timeout=20)  # the end of its stdin is its end
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate(timeout=5)
                for pid in parent.alive:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                raise


def main() -> None:
    """Fork workers on order; kill what is left of them at the end."""
    import hub.worker  # noqa: F401 - what every child would import

    listener = socket.socket(fileno=int(sys.argv[1]))
    alive: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            alive.discard(order["wait"])
            _answer(status)
        else:
            alive.add(child := os.fork())
            if child == 0:
                _work(listener, order)
            _answer(child)
    for child in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _work(listener: socket.socket, order: dict[str, Any]) -> None:
    import uvloop

    from hub.logs import start_logging
    from hub.settings import load
    from hub.worker import serve

    log = os.open(order["log"], os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for fd in (0, 1, 2):
        os.dup2(log if fd else os.open(os.devnull, os.O_RDONLY), fd)
    settings = load(order["environ"])
    start_logging("info", settings.serve.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, listener, None, between=_deadly(order["dies"])))
    os._exit(0)


def _deadly(dies: str | None) -> Any:
    from hub.joints import Joint, nothing
    from notifications.carrier import CarrierName
    from notifications.notice import Channel

    def between(joint: Joint, part: Any) -> Any:
        if joint is Joint.CARRIER and (part.name, part.channel) == (CarrierName.TWILIO, Channel.SMS):
            return _DeadlyCarrier(part, dies)
        return _deadly_app(part, dies) if joint is Joint.APP else part

    return between if dies is not None else nothing


class _DeadlyCarrier:
    """Kills its process before or after the request."""

    def __init__(self, carrier: Any, dies: str | None) -> None:
        self._carrier, self._dies = carrier, dies

    def __getattr__(self, name: str) -> Any:
        return getattr(self._carrier, name)

    async def send(self, letter: Any) -> Any:
        if self._dies == "before_send":
            _die()
        outcome = await self._carrier.send(letter)
        if self._dies == "after_send":
            _die()
        return outcome


def _deadly_app(app: Any, dies: str | None) -> Any:
    async def deadly(scope: Any, receive: Any, send: Any) -> None:
        is_callback = scope.get("path") == STATUS_PATH
        if is_callback and dies == "before_apply":
            _die()

        async def answer(message: Any) -> None:
            if is_callback and dies == "after_apply":
                _die()
            await send(message)

        await app(scope, receive, answer)

    return deadly


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()

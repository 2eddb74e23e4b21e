"""No test holds up the run. Hooks of pytest that tests/conftest.py takes in; the limits of a test itself stand in pyproject.toml.

What happens to a test that hangs:

1. After its `timeout` an alarm fails it where it stands, with the stacks of all threads; what it holds is cleaned up and the run goes on.
2. What cleans up has a limit of its own, for a failure has stopped the clocks of its test (for the sake of pdb).
3. Where no alarm is heard, as in a thread that waits in C, the process says its stacks and ends; xdist counts the test as failed and starts
   another process for the rest of the file.
"""

import faulthandler
import os
import signal
from collections.abc import Generator, Iterator
from typing import Any

import pytest

CLEAN_UP_S = float(os.environ.get("PORCHLIGHT_TEST_CLEAN_UP_S", "60"))
_stderr = os.dup(2)
"""Where a process says why it ends: pytest takes what goes to number 2 for itself."""
_lost: list[str] = []
"""Processes of tests that ended by themselves."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Hold the clean-up to a limit. The alarm rings again and again, so that each thing that hangs is left in its turn."""
    def give_up(*_: object) -> None:
        pytest.fail(f"The clean-up took longer than {CLEAN_UP_S:g} s.")

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, CLEAN_UP_S, CLEAN_UP_S)
    faulthandler.dump_traceback_later(3 * CLEAN_UP_S, exit=True, file=_stderr)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return a scheduler of whole files that gives no test to a second process after the first one ended on it."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class EachOnce(LoadFileScheduling):  # type: ignore[misc]
        def remove_node(self, node: Any) -> Any:
            crashed = next(_unfinished(self.assigned_work[node]), None)
            if crashed is not None:
                unit, test = crashed
                unit[test] = True
            super().remove_node(node)
            return crashed and crashed[1]

    return EachOnce(config, log)


def _unfinished(work: dict[str, dict[str, bool]]) -> Iterator[tuple[dict[str, bool], str]]:
    return ((unit, test) for unit in work.values() for test, is_done in unit.items() if not is_done)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Remember a process that ended: what it hung in may be the clean-up of a test that is counted already."""
    if error:
        _lost.append(f"{node.gateway.id}: {error}")


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Fail a run that lost a process, though every test be counted as passed."""
    if _lost and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return (yield)

"""How do works that belong together run, fail and end together? As in a group of tasks, except that whoever is told to end does end.

A group of Python 3.11 raises what a member broke on its way out (a connection cut off in the middle of a commit) in place of the
cancellation that made it break. Whoever outlives failures would take that for one, and go on for ever.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

AGAIN_S = 1.0
"""So often a work is told to end: the library below it may have kept the first time to itself."""


async def side_by_side(*works: Coroutine[Any, Any, Any], again_s: float = AGAIN_S) -> list[Any]:
    """Run `works` until all have returned; return what they did, in their order.

    The first that fails ends the others, and its failure is raised once they have ended. A cancellation is passed on to all of them and
    raised once they have ended, whatever they make of it; those that still run are told again every `again_s` seconds.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failures = [failure for task in tasks if task.done() and not task.cancelled() and (failure := task.exception())]
    finally:
        await _end(tasks, again_s)
    if failures:
        raise failures[0]
    return [task.result() for task in tasks]


async def _end(tasks: list[asyncio.Task[Any]], again_s: float) -> None:
    """Cancel until done. Who waits for it may be cancelled as well, and still waits."""
    told: asyncio.CancelledError | None = None
    while late := [task for task in tasks if not task.done()]:
        for task in late:
            task.cancel()
        try:
            await asyncio.wait(late, timeout=again_s)
        except asyncio.CancelledError as again:
            told = again
    for task in tasks:
        if not task.cancelled():
            # Asked for, so that nobody warns of a failure that came after the one that is raised.
            task.exception()
    if told:
        raise told

"""What does a process cost? CPU seconds, memory and core of processes, read from /proc of Linux.

Figures of this bench are counted per CPU second of the process under test (user and system time of all its threads), because the load
generator shares the machine: the time on the wall would measure both.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


def cpu_s(pids: Sequence[int]) -> float:
    """Return the CPU seconds that `pids` have used since they began, exact to 10 ms each. Source: utime and stime of proc(5)."""
    return sum(_stat(pid)[11] + _stat(pid)[12] for pid in pids) / _TICKS_PER_S


def rss_kb(pid: int) -> int:
    """Return the memory that is resident, in KB of 1024 bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KB


def children(pid: int, named: str) -> list[int]:
    """Return the child processes of `pid` whose command line contains `named`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if named in command and _stat(int(folder.name))[1] == pid:
                found.append(int(folder.name))
    return found


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Give processes started inside the block to one core, this process keeps its own."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def move(pid: int, core: int) -> None:
    """Give all threads of a running process to one core."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), {core})


def cores() -> tuple[int, int]:
    """Return the core of the process under test and the one of everything else; the same one twice where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[min(1, len(usable) - 1)]


def machine() -> str:
    """Return the machine's class in words: processor, cores that may be used, memory."""
    model = next((line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown processor")
    memory_kb = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {memory_kb // 1024 // 1024} GB, Linux {os.uname().release.split('-')[0]}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _stat(pid: int) -> list[int]:
    # After the name in brackets come numbers only, but for the state, which is one letter.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [0, *(int(field) for field in fields[1:])]

"""The disk under the whole hub is full to the last byte: nobody dies of it, a press is kept, and all is well once there is room again.

The disk is a small one in memory, which takes root to mount; elsewhere `test_story_sos_faults` tells the same of one worker with a limit
on its files. Only here are the pages of mapped files missing too, for which the kernel kills.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.doubles.served_hub import served_hub

pytestmark = pytest.mark.anyio
MEGABYTES = 48


@pytest.fixture
def disk(tmp_path: Path):
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(mounted)]
    try:
        is_mounted = os.getuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        is_mounted = False
    if not is_mounted:
        pytest.skip("No file system can be mounted here: it takes root.")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(path: Path) -> None:
    """Write until the disk takes no more."""
    with pytest.raises(OSError, match="No space left"), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65_536))


async def test_on_a_full_disk_no_worker_dies_and_a_press_is_kept_until_there_is_room(disk):
    folder = disk / "data"
    with served_hub(folder, PORCHLIGHT_SAFETY_JOURNAL_DIR=str(folder / "journal")) as hub:
        she = hub.people.technicians[1]
        workers = hub.workers()
        fill(disk / "full")
        for path in ("/v1/me", "/v1/me/visits", "/v1/looks", "/v1/nowhere", "/metrics"):  # each has numbers of its own in /metrics
            assert (await hub.ask("GET", path, token=she.token))[0] < 500
        pressed = await hub.ask("POST", "/v1/sos", token=she.token, json={"tap_id": "kept"})
        await hub.until_fault("sql")
        ready, _ = await hub.ask("GET", "/readyz")
        (disk / "full").unlink()

        async def is_received() -> bool:
            return (await hub.ask("POST", "/v1/sos", token=she.token, json={"tap_id": "kept"}))[1]["status"] == "received"

        await hub.until(is_received, "the press is in SQL")

        assert (pressed[0], pressed[1]["status"], ready) == (200, "journaled", 200)
        assert hub.workers() == workers

"""Imports point down: hub > realtime > (tracking | safety) > visits > notifications > core."""

import subprocess
import sys

from house_files import ROOT


def test_imports_point_down():
    checked = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert checked.returncode == 0, checked.stdout[-4000:] + checked.stderr[-2000:]

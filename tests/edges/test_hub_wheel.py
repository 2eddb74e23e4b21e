"""A wheel built from the tree carries the pages with their libraries, or is not built at all."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "realtime/pages"


def build(tree: Path, out: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    return subprocess.run(command, cwd=tree, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


def test_a_wheel_carries_every_page_and_library(tmp_path: Path):
    if not (PAGES / "vendor/manifest.json").exists():
        pytest.skip("The pages' libraries are not there: run `make setup`.")
    built = build(ROOT, tmp_path)
    assert built.returncode == 0, built.stderr
    [wheel] = tmp_path.glob("*.whl")
    packed = {Path(name) for name in zipfile.ZipFile(wheel).namelist()}

    kinds = ("js/*.js", "css/*.css", "templates/*.html", "locales/*.ftl")
    pages = [path.relative_to(ROOT) for kind in kinds for path in PAGES.glob(kind)]
    libraries = json.loads((PAGES / "vendor/manifest.json").read_text())["libraries"]
    vendored = [Path("realtime/pages/vendor") / name for library in libraries for name in library["files"]]
    assert len(pages) > 50
    assert [str(path) for path in (*pages, *vendored, Path("tracking/batch.lua")) if path not in packed] == []
    assert [path for path in packed if "node_modules" in path.parts or path.parts[0] == "tests"] == []


def test_a_wheel_without_its_libraries_is_not_built(tmp_path: Path):
    tree = tmp_path / "tree"
    (tree / "realtime/pages").mkdir(parents=True)
    pages = ("realtime/pages/fetch_vendor.py", "realtime/pages/package-lock.json")
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", *pages):
        shutil.copyfile(ROOT / name, tree / name)

    refused = build(tree, tmp_path, PATH="/nowhere")

    assert refused.returncode != 0
    assert "has to carry the pages' libraries" in refused.stderr
    assert list(tmp_path.glob("*.whl")) == []

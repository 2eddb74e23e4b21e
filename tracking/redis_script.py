"""How does the house call its own functions in Redis? As a FUNCTION where there is one, else as a cached script.

Both forms are made from the same Lua file. The name carries a digest of the source, so that two versions of the hub can share a server
during an upgrade. A server that has lost its functions (restarted without persistence) is given them again.
"""

import hashlib
from importlib import resources
from typing import Any

from redis.exceptions import NoScriptError, ResponseError

from tracking.redis_line import RedisLine

_MISSING = ("function not found", "noscript")


class RedisScript:
    """One server-side function: `name` of the Lua function that `file` of this package defines as `local function NAME(keys, args)`."""

    def __init__(self, line: RedisLine, file: str, name: str) -> None:
        self._line = line
        self._source = resources.files("tracking").joinpath(file).read_text(encoding="utf-8")
        self._lua_name = name
        digest = hashlib.sha256(self._source.encode()).hexdigest()[:12]
        self._library = f"porchlight_{name}_{digest}"
        self._sha: bytes | None = None
        self._loaded = False

    async def call(self, keys: list[str], args: list[Any]) -> Any:
        """Call the function, loading it first where the server does not have it. Raises as `RedisLine.call`."""
        if not self._loaded:
            await self._load()
        try:
            return await self._send(keys, args)
        except ResponseError as error:
            if not _is_missing(error):
                raise
        await self._load()
        return await self._send(keys, args)

    async def _send(self, keys: list[str], args: list[Any]) -> Any:
        if self._sha is not None:
            return await self._line.call("EVALSHA", self._sha, len(keys), *keys, *args)
        return await self._line.call("FCALL", self._library, len(keys), *keys, *args)

    async def _load(self) -> None:
        code = f"#!lua name={self._library}\n{self._source}\nredis.register_function('{self._library}', {self._lua_name})\n"
        try:
            await self._line.call("FUNCTION LOAD", "REPLACE", code)
            self._sha = None
        except ResponseError as error:
            if "unknown command" not in str(error).lower():
                raise
            script = f"{self._source}\nreturn {self._lua_name}(KEYS, ARGV)\n"
            self._sha = await self._line.call("SCRIPT LOAD", script)
        self._loaded = True


def _is_missing(error: ResponseError) -> bool:
    return isinstance(error, NoScriptError) or any(word in str(error).lower() for word in _MISSING)

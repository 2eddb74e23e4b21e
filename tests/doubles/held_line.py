"""A line to a server that can be held: it stays open and passes nothing on, as a dead firewall does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class HeldLine:
    """`port` on 127.0.0.1 to connect to; `hold` and `release` decide whether bytes pass, in both directions."""

    def __init__(self) -> None:
        self.port = 0
        self._passes = asyncio.Event()
        self._passes.set()

    def hold(self) -> None:
        """Pass nothing from now on; what comes meanwhile waits."""
        self._passes.clear()

    def release(self) -> None:
        """Pass everything again."""
        self._passes.set()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one direction on until its end."""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._passes.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def held_line(path: str) -> AsyncIterator[HeldLine]:
    """Open a line to the server at a unix socket's `path` while the block runs."""
    line, carrying = HeldLine(), set[asyncio.Task[None]]()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(path)
        for pair in ((reader, far_writer), (far_reader, writer)):
            carrying.add(asyncio.get_running_loop().create_task(line.pump(*pair)))

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)

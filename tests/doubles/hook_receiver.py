"""Another company's web server that takes webhooks, or misbehaves."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class HookReceiver:
    """Remembers (headers, body) of every request. `answers`: statuses of the next ones, "hang", "redirect" or "huge"; then 204."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: deque[int | str] = deque()
        self.taken: list[tuple[dict[str, str], str]] = []
        self.elsewhere = 0

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.taken.append(({name.lower(): value for name, value in request.headers.items()}, await request.text()))
        answer = self.answers.popleft() if self.answers else 204
        if answer == "hang":
            await asyncio.sleep(3600)
        if answer == "redirect":
            raise web.HTTPFound("/elsewhere")
        if answer == "huge":
            return web.Response(body=b"x" * 2_000_000)
        return web.Response(status=int(answer))

    async def lead_astray(self, request: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response(status=204)


@asynccontextmanager
async def hook_receiver() -> AsyncIterator[HookReceiver]:
    receiver = HookReceiver()
    app = web.Application()
    app.router.add_post("/hooks", receiver.take)
    app.router.add_route("*", "/elsewhere", receiver.lead_astray)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
    try:
        yield receiver
    finally:
        await runner.cleanup()

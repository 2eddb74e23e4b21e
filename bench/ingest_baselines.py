"""What is the hub compared with? The shape that tutorials show, and the bare socket library, each served by the hub's own server settings.

    python -m bench.ingest_baselines tutorial PORT REDIS_URL

`tutorial`: json, for each fix one awaited GEOADD and one awaited PUBLISH, for each customer a PubSub of her own. The pool's cap is raised,
because at redis-py's default of 100 connections the shape dies with its hundredth customer. `in_memory`: the same with one awaited GEOADD
and a dictionary of sockets instead of PUBLISH, as the simplest tutorials do. `echo`: what comes is sent back, nothing else. None of them
checks who asks, judges a fix, stores it, or acknowledges it.
"""

import json
import sys

import uvicorn
from redis import asyncio as aioredis
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

READY = '{"type":"ready"}'


def tutorial(redis_url: str) -> Starlette:
    """Return the tutorial shape through Redis."""
    redis = aioredis.Redis.from_url(redis_url, max_connections=10_000)

    async def device(websocket: WebSocket) -> None:
        await websocket.accept()
        name = websocket.path_params["name"]
        try:
            while True:
                fix = json.loads(await websocket.receive_text())
                await redis.geoadd("technicians", (fix["lon"], fix["lat"], name))
                await redis.publish(f"technician:{name}", json.dumps(_shown(fix)))
        except WebSocketDisconnect:
            return

    async def customer(websocket: WebSocket) -> None:
        await websocket.accept()
        pubsub = redis.pubsub()
        await pubsub.subscribe(f"technician:{websocket.path_params['name']}")
        await websocket.send_text(READY)
        try:
            async for message in pubsub.listen():
                if message["type"] == "message":
                    await websocket.send_text(message["data"].decode())
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            await pubsub.aclose()

    return _app(device, customer)


def in_memory(redis_url: str) -> Starlette:
    """Return the tutorial shape with customers in a dictionary of this process."""
    redis = aioredis.Redis.from_url(redis_url, max_connections=10_000)
    customers: dict[str, WebSocket] = {}

    async def device(websocket: WebSocket) -> None:
        await websocket.accept()
        name = websocket.path_params["name"]
        try:
            while True:
                fix = json.loads(await websocket.receive_text())
                await redis.geoadd("technicians", (fix["lon"], fix["lat"], name))
                if name in customers:
                    await customers[name].send_text(json.dumps(_shown(fix)))
        except (WebSocketDisconnect, RuntimeError):
            return

    async def customer(websocket: WebSocket) -> None:
        await websocket.accept()
        customers[websocket.path_params["name"]] = websocket
        await websocket.send_text(READY)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            return

    return _app(device, customer)


def echo(_: str) -> Starlette:
    """Return a server that sends back what comes."""

    async def device(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                await websocket.send_text(await websocket.receive_text())
        except WebSocketDisconnect:
            return

    return _app(device, device)


def _shown(fix: dict[str, float]) -> dict[str, object]:
    return {"type": "position", "lat": fix["lat"], "lon": fix["lon"], "at_ms": fix["at_ms"], "speed_mps": fix.get("speed_mps")}


def _app(device: object, customer: object) -> Starlette:
    routes = [WebSocketRoute("/device/{name}", device), WebSocketRoute("/customer/{name}", customer)]  # type: ignore[arg-type]
    return Starlette(routes=routes)


def main() -> None:
    """Serve one of them on 127.0.0.1."""
    kind, port, redis_url = sys.argv[1:4]
    app = {"tutorial": tutorial, "in_memory": in_memory, "echo": echo}[kind](redis_url)
    uvicorn.run(
        app, host="127.0.0.1", port=int(port), loop="uvloop", http="httptools", ws="websockets-sansio", ws_per_message_deflate=False,
        ws_ping_interval=20.0, ws_ping_timeout=20.0, lifespan="off", log_level="warning", access_log=False, backlog=2048,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()

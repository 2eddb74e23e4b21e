"""What do the sockets say, in AsyncAPI 3.0? Made from the catalogue of frames and the table of close codes.

Called by `http_docs` and by the test that compares the committed document. Source: AsyncAPI Specification 3.0.0, WebSockets binding 0.1.0.
"""

from realtime.close_code import SENTENCES, may_reconnect
from realtime.schema_parts import Schema, schemas_of
from realtime.wire import SUBPROTOCOL
from realtime.wire_catalogue import CATALOGUE, Direction, Entry
from realtime.wire_values import MAX_FRAME_BYTES

_CHANNELS: dict[str, tuple[str, str, Direction, Direction]] = {
    "technician": (
        "/v1/ws/technician",
        "A technician's phone or page. Credential: Authorization header, or token or ticket in hello.",
        Direction.TECHNICIAN_TO_HUB,
        Direction.HUB_TO_TECHNICIAN,
    ),
    "visit": (
        "/v1/ws/visit",
        "A customer's page. Credential: the link's token or a ticket in the first frame.",
        Direction.CUSTOMER_TO_HUB,
        Direction.HUB_TO_CUSTOMER,
    ),
    "console": (
        "/v1/ws/console",
        "The desk's console. Credential: a ticket in the first frame.",
        Direction.CONSOLE_TO_HUB,
        Direction.HUB_TO_CONSOLE,
    ),
}


def asyncapi(version: str, server_host: str = "localhost") -> Schema:
    """Return the document of all sockets as plain JSON values, in a stable order."""
    schemas, components = schemas_of([entry.struct for entry in CATALOGUE])
    payloads = dict(zip(map(_key, CATALOGUE), schemas, strict=True))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Porchlight sockets",
            "version": version,
            "description": _about(),
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
        },
        "defaultContentType": "application/json",
        "servers": {"hub": {"host": server_host, "protocol": "wss"}},
        "channels": {name: _channel(name) for name in _CHANNELS},
        "operations": dict(pair for name in _CHANNELS for pair in _operations(name)),
        "components": {"messages": {_key(entry): _message(entry, payloads[_key(entry)]) for entry in CATALOGUE}, "schemas": components},
        "x-close-codes": [
            {"code": int(code), "name": code.name.lower(), "reconnect": may_reconnect(code), "sentence": text}
            for code, text in sorted(SENTENCES.items())
        ],
    }


def _about() -> str:
    return (
        f"Subprotocol {SUBPROTOCOL}: JSON text frames of at most {MAX_FRAME_BYTES} bytes, each an object with a type. "
        "Unknown fields are refused by name. A frame that is not understood gets an error frame; the socket stays open, "
        "unless it happens 20 times in a row. Close codes 4000-4099 say: connect again; 4100-4199: do not."
    )


def _key(entry: Entry) -> str:
    return f"{entry.direction}.{entry.name}"


def _entries(direction: Direction) -> list[Entry]:
    return [entry for entry in CATALOGUE if entry.direction is direction]


def _channel(name: str) -> Schema:
    address, about, to_hub, from_hub = _CHANNELS[name]
    messages = {_key(entry): {"$ref": f"#/components/messages/{_key(entry)}"} for entry in _entries(to_hub) + _entries(from_hub)}
    bindings = {"ws": {"method": "GET", "bindingVersion": "0.1.0"}}
    return {"address": address, "description": about, "messages": messages, "bindings": bindings}


def _operations(name: str) -> list[tuple[str, Schema]]:
    _, _, to_hub, from_hub = _CHANNELS[name]
    return [(f"{name}_says", _operation(name, "receive", to_hub)), (f"{name}_hears", _operation(name, "send", from_hub))]


def _operation(name: str, action: str, direction: Direction) -> Schema:
    messages = [{"$ref": f"#/channels/{name}/messages/{_key(entry)}"} for entry in _entries(direction)]
    return {"action": action, "channel": {"$ref": f"#/channels/{name}"}, "messages": messages}


def _message(entry: Entry, payload: Schema) -> Schema:
    return {"name": entry.name, "title": entry.name, "summary": entry.sentence, "payload": payload}


if __name__ == "__main__":
    import json
    import sys
    from importlib.metadata import version as installed

    json.dump(asyncapi(installed("porchlight-hub")), sys.stdout, indent=2)
    sys.stdout.write("\n")

"""What does a request say beside its body's fields? Which fields of a patch were sent, and where the request came from."""

from typing import Any

import msgspec

from core.http_endpoint import Call


def given(patch: msgspec.Struct) -> dict[str, Any]:
    """Return the fields of a patch that were sent."""
    sent = ((name, getattr(patch, name)) for name in patch.__struct_fields__)
    return {name: value for name, value in sent if value is not msgspec.UNSET}


def address_of(call: Call) -> str:
    """Return the address that a request came from, for limits on wrong tries; proxies are resolved by the server."""
    return call.request.client.host if call.request.client is not None else "unknown"

"""`GET|POST /in/osmand/{device_token}`: the address to put into Traccar Client or OsmAnd. Calls `PhoneFlow`.

The answer is an empty 200 whenever the report was taken, a bad fix included; 401 only for an unknown token; 503 when it must be sent again.
"""

from starlette.responses import Response

from core.clock import Clock
from core.errors import Busy, NotSignedIn
from core.http_endpoint import Call, Endpoint
from tracking.phones.osmand import reports
from tracking.phones.phone_flow import PhoneFlow

PATH = "/in/osmand/{device_token}"


def endpoints(phones: PhoneFlow, clock: Clock) -> list[Endpoint]:
    """Return the two endpoints of stock phones."""

    async def take(call: Call) -> Response:
        sender = await phones.sender(call.path["device_token"])
        query = call.request.query_params.multi_items()
        content_type = call.request.headers.get("content-type", "")
        await phones.take(sender, reports(query, content_type, call.raw, clock.now_ms()))
        return Response(status_code=200, headers={"Cache-Control": "no-store"})

    return [
        Endpoint(
            method=method,
            path=PATH,
            name=f"osmand_{method.lower()}",
            summary="Take a report of Traccar Client or OsmAnd: query, form or JSON; answered when it is durable.",
            handler=take,
            raw_body=True,
            tag="phones",
            answers=((200, ""),),
            errors=(NotSignedIn, Busy),
        )
        for method in ("GET", "POST")
    ]

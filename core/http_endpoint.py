"""How does an HTTP request reach a flow? A table of endpoints; each row names its path, who may call it, what goes in and comes out.

Called by Starlette, hands to the row's handler. The same rows give the OpenAPI document, so that it cannot drift. Every failure is
answered as an RFC 9457 problem; bodies are bounded and decoded by msgspec; a repeated `Idempotency-Key` gets the first answer again.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, get_args
from urllib.parse import urlsplit

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.caller import NOBODY, Caller, CallerKind, Scope, must_be_signed_in
from core.errors import BadInput, HubError, NotAllowed, NotSignedIn, TooLarge, Unavailable
from core.sql import is_away

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 1 << 20
PROBLEM_TYPE = "application/problem+json"
SQL_AWAY = "The hub's database does not answer. What was asked for may not have been done: try again shortly."


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, checked: `caller`, decoded `body` and `query` structs, `path` parameters as text; `raw` bytes for signed bodies."""

    request: Request
    caller: Caller
    path: dict[str, str]
    body: Any = None
    query: Any = None
    raw: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One row of the route table.

    `callers`: kinds that may call it, empty for everyone. `scope`: what an API key needs. `request`, `query`, `response`: msgspec structs
    (or types), None for none; a handler may return a Starlette `Response` instead. `raw_body`: the handler reads `call.raw` itself.
    `asks_caller_itself`: the handler checks the credential, because it also knows revoked ones, or must work while SQL is away.
    `idempotent`: obeys `Idempotency-Key`. `tag` groups the row in the documents. `answers`: (status, media type) of what a handler answers
    with a `Response` of its own, "" for no body; for the documents, where it is not `status` and JSON.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Callable[[Call], Awaitable[Any]]
    callers: frozenset[CallerKind] = frozenset()
    scope: Scope | None = None
    request: Any = None
    query: Any = None
    response: Any = None
    status: int = 200
    raw_body: bool = False
    asks_caller_itself: bool = False
    idempotent: bool = False
    max_body_bytes: int = MAX_BODY_BYTES
    tag: str = "hub"
    answers: tuple[tuple[int, str], ...] = ()
    errors: tuple[type[HubError], ...] = field(default=())


class Authenticator(Protocol):
    """Tells who sent a request. Met by visits; raises `NotSignedIn` for a credential that is shown but does not count."""

    async def caller_of(self, request: Request) -> Caller:
        """Return the caller, or `NOBODY` when no credential was shown."""
        ...


class IdempotencyStore(Protocol):
    """Remembers answers to requests that carried an `Idempotency-Key`, for 24 hours."""

    async def begin(self, owner: str, key: str, fingerprint: str) -> tuple[int, bytes] | None:
        """Reserve the key; return the stored (status, body) of a finished equal request, None when this one is to be carried out.

        Raises `Conflict` while an equal request is under way and `BadInput` when the key came with a different request before.
        """
        ...

    async def finish(self, owner: str, key: str, status: int, body: bytes) -> None:
        """Store the answer."""
        ...

    async def abandon(self, owner: str, key: str) -> None:
        """Forget the reservation, because the request failed and may be tried again."""
        ...


def route_of(endpoint: Endpoint, authenticator: Authenticator, answers: IdempotencyStore, public_origin: str) -> Route:
    """Return the Starlette route of a row. `public_origin`: such as `https://hub.example`, for the same-origin check of cookie callers."""

    async def serve(request: Request) -> Response:
        try:
            return await _answer(endpoint, request, authenticator, answers, public_origin)
        except HubError as error:
            return problem_response(error)
        except Exception as failure:
            if is_away(failure):
                log.error("request_without_sql", endpoint=endpoint.name, failure=type(failure).__name__)
                return problem_response(Unavailable(SQL_AWAY))
            log.exception("request_failed", endpoint=endpoint.name)
            return problem_response(HubError("Something failed inside the hub. Nothing else is known; try again, then tell the operator."))

    return Route(endpoint.path, serve, methods=[endpoint.method], name=endpoint.name)


def problem_response(error: HubError) -> Response:
    """Return `error` as an RFC 9457 problem document."""
    headers = {"Cache-Control": "no-store"}
    if (wait_s := error.members.get("retry_after_s")) is not None:
        headers["Retry-After"] = str(wait_s)
    elif error.retryable:
        headers["Retry-After"] = "1"
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(error.problem()), error.status, headers, PROBLEM_TYPE)


async def _answer(
    endpoint: Endpoint, request: Request, authenticator: Authenticator, answers: IdempotencyStore, public_origin: str
) -> Response:
    caller = NOBODY if endpoint.asks_caller_itself else await authenticator.caller_of(request)
    _check_caller(endpoint, caller, request, public_origin)
    raw = await read_body(request, endpoint.max_body_bytes)
    if not endpoint.raw_body:
        _must_hold_no_zero([*request.path_params.values(), *request.query_params.values()])
    call = Call(
        request=request,
        caller=caller,
        path=dict(request.path_params),
        raw=raw,
        body=None if endpoint.request is None or endpoint.raw_body else decode_body(raw, endpoint.request),
        query=None if endpoint.query is None else _decode_query(request, endpoint.query),
    )
    key = request.headers.get("idempotency-key") if endpoint.idempotent else None
    if key is None:
        return _response(endpoint, await endpoint.handler(call))
    return await _answer_once(endpoint, call, answers, key)


async def _answer_once(endpoint: Endpoint, call: Call, answers: IdempotencyStore, key: str) -> Response:
    if not 1 <= len(key) <= 200:
        raise BadInput(f"Idempotency-Key has {len(key)} characters; 1 to 200 are allowed. A UUID is a good key.")
    owner = f"{call.caller.kind.value}:{call.caller.id}"
    fingerprint = hashlib.sha256(f"{endpoint.method} {call.request.url.path}\n".encode() + call.raw).hexdigest()
    if (stored := await answers.begin(owner, key, fingerprint)) is not None:
        return Response(stored[1], stored[0], {"Idempotency-Replayed": "true"}, "application/json")
    try:
        response = _response(endpoint, await endpoint.handler(call))
    except BaseException:
        await answers.abandon(owner, key)
        raise
    await answers.finish(owner, key, response.status_code, bytes(response.body))
    return response


def _check_caller(endpoint: Endpoint, caller: Caller, request: Request, public_origin: str) -> None:
    if not endpoint.callers:
        return
    must_be_signed_in(caller)
    if caller.kind not in endpoint.callers:
        wanted = ", ".join(sorted(kind.value for kind in endpoint.callers))
        raise NotAllowed(f"This is for credentials of kind {wanted}; one of kind {caller.kind.value} was shown. Use the right one.")
    if endpoint.scope is not None:
        caller.must_have(endpoint.scope)
    if caller.by_cookie and request.method not in ("GET", "HEAD"):
        check_same_origin(request, public_origin)


def check_same_origin(request: Request, public_origin: str) -> None:
    """Raise `NotAllowed` unless the browser says that this page's own origin sent the request (Fetch Metadata, else Origin)."""
    origin = request.headers.get("origin")
    if origin is not None and origin not in (public_origin, _own_origin(request)):
        raise NotAllowed("This request came from a page of another origin. Use the hub's own page.")
    if origin is None and request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotAllowed("This request came from a page of another origin. Use the hub's own page.")


def _own_origin(request: Request) -> str:
    # Behind TLS termination this says http://: then `public_origin` is the one that fits.
    parts = urlsplit(str(request.url))
    return f"{parts.scheme}://{parts.netloc}"


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body, or raise `TooLarge` as soon as more than `max_bytes` have come."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge(f"The body is larger than {max_bytes} bytes. Send it in smaller parts.", max_bytes=max_bytes)
    return bytes(body)


def decode_body(raw: bytes, wanted: Any) -> Any:
    """Return `raw` JSON as `wanted`; raises `BadInput` with the path of the field that does not fit."""
    try:
        if rb"\u0000" in raw:
            _must_hold_no_zero(msgspec.json.decode(raw))
        return msgspec.json.decode(raw or b"{}", type=wanted)
    except RecursionError:
        raise BadInput("The body is nested more deeply than anything that is asked for here. Send what the API describes.") from None
    except msgspec.MsgspecError as error:
        raise BadInput(f"The body does not fit: {error}.{_choices(error, wanted)} Correct that field and send it again.") from None


def _must_hold_no_zero(value: Any) -> None:
    """Refuse a zero character in a text or in any text within: PostgreSQL keeps none, and would fail where SQLite does not."""
    if isinstance(value, dict):
        for each in (*value, *value.values()):
            _must_hold_no_zero(each)
    elif isinstance(value, list):
        for each in value:
            _must_hold_no_zero(each)
    elif isinstance(value, str) and "\0" in value:
        raise BadInput("A text holds a zero character (U+0000), which cannot be stored. Leave it out and send it again.")


def _decode_query(request: Request, wanted: Any) -> Any:
    try:
        return msgspec.convert(dict(request.query_params), wanted, strict=False)
    except msgspec.MsgspecError as error:
        raise BadInput(f"The query does not fit: {error}.{_choices(error, wanted)} Correct that parameter and ask again.") from None


_NO_CHOICE = re.compile(r"^Invalid enum value .* - at `\$(.*)`$")


def _choices(error: msgspec.MsgspecError, wanted: Any) -> str:
    """Return what could have been chosen where a value is none of the choices, as a sentence; "" for every other error."""
    found = _NO_CHOICE.match(str(error))
    if found is None:
        return ""
    kind = wanted
    for name in re.findall(r"\w+", re.sub(r"\[[^\]]*\]", "", found[1])):
        kind = next((each.type for part in _parts(kind) for each in _fields(part) if each.encode_name == name), None)
    choices = [str(member.value) for part in _parts(kind) if isinstance(part, type) and issubclass(part, Enum) for member in part]
    return f" Choose one of {', '.join(choices)}." if choices else ""


def _parts(kind: Any) -> Iterator[Any]:
    """Yield the plain types within a union, an annotation or a sequence."""
    if get_args(kind):
        for each in get_args(kind):
            yield from _parts(each)
    else:
        yield kind


def _fields(part: Any) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(part) if isinstance(part, type) and issubclass(part, msgspec.Struct) else ()


def _response(endpoint: Endpoint, answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    if answer is None:
        return Response(status_code=204 if endpoint.status == 200 else endpoint.status)
    return Response(msgspec.json.encode(answer), endpoint.status, {"Cache-Control": "no-store"}, "application/json")



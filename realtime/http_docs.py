"""The documents of the interfaces: `/docs` as plain pages, `/openapi.json`, `/asyncapi.json`.

The pages are made from the same two documents by small templates: they work without scripts, under a policy that allows nothing but
their own
style sheet. Everything is rendered once, when the hub starts.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.http_endpoint import Endpoint
from realtime.asyncapi import asyncapi
from realtime.openapi import openapi

TEMPLATES = Path(__file__).parent / "docs_templates"
_CODE = re.compile(r"`([^`]+)`")
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "public, max-age=300",
}


def routes(endpoints: Sequence[Endpoint], version: str, public_url: str) -> list[Route]:
    """Return the routes of the documents of `endpoints` and of all sockets. `public_url`: such as `https://hub.example`."""
    http = openapi(endpoints, version, public_url)
    sockets = asyncapi(version, public_url.partition("://")[2] or "localhost")
    pages = _pages()
    return [
        _fixed("/openapi.json", msgspec.json.encode(http), "application/json"),
        _fixed("/asyncapi.json", msgspec.json.encode(sockets), "application/json"),
        _fixed("/docs", _page(pages, "index.html", http=http, sockets=sockets), "text/html"),
        _fixed("/docs/http", _page(pages, "http.html", http=http, groups=by_tag(http)), "text/html"),
        _fixed("/docs/sockets", _page(pages, "sockets.html", sockets=sockets), "text/html"),
        _fixed("/docs/docs.css", (TEMPLATES / "docs.css").read_bytes(), "text/css"),
    ]


def by_tag(document: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the operations of an OpenAPI document by tag, each with its `path` and `method`."""
    groups: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups[operation["tags"][0]].append({"path": path, "method": method.upper(), **operation})
    return groups


def type_words(schema: Mapping[str, Any]) -> str:
    """Return a schema's type in a few words, such as `integer, 0 to 100` or `list of FixFrame`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_words(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(f'"{one}"' for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_words(schema['items'])}" if schema.get("items") else "list"
    return str(schema.get("type", "anything")) + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and high is None:
        return ""
    return f", {low} to {high}" if None not in (low, high) else f", at least {low}" if low is not None else f", at most {high}"


def with_code(text: str) -> Markup:
    """Return a sentence as HTML in which what stands between backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  (escaped first)


def _pages() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters["with_code"] = with_code
    pages.filters["type_words"] = type_words
    pages.filters["ref_name"] = lambda ref: str(ref).rpartition("/")[2]
    return pages


def _page(pages: Environment, name: str, **values: Any) -> bytes:
    return pages.get_template(name).render(**values).encode()


def _fixed(path: str, body: bytes, media_type: str) -> Route:
    async def serve(_request: Request) -> Response:
        return Response(body, 200, _HEADERS, media_type)

    return Route(path, serve, methods=["GET"], name="docs" + path.replace("/", "_"))

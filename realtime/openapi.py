"""What does the HTTP interface look like, said in OpenAPI 3.1? Made from the same table of endpoints that serves it.

Called by `http_docs` and by the test that compares the committed document. Source: OpenAPI Specification 3.1.1; RFC 9457 for problems.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from core.caller import CallerKind
from core.errors import BadInput, Conflict, HubError, NotAllowed, NotFound, NotSignedIn, TooLarge
from core.http_endpoint import PROBLEM_TYPE, Endpoint
from realtime.schema_parts import Schema, schemas_of, sentence

_JSON = "application/json"
_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong and what to do about it (RFC 9457). `code` is stable for programs; problems may have further members."""

    type: str
    title: str
    status: int
    detail: str
    code: str


_SECURITY: dict[CallerKind, tuple[str, Schema]] = {
    CallerKind.DEVICE: ("device", {"type": "http", "scheme": "bearer", "description": "A device's token, pl_dev_..."}),
    CallerKind.API: ("api_key", {"type": "http", "scheme": "bearer", "description": "An integrator's key, pl_api_..."}),
    CallerKind.LINK: ("link", {"type": "http", "scheme": "bearer", "description": "A customer's link token, pl_lnk_..."}),
    CallerKind.DISPATCHER: (
        "session",
        {"type": "http", "scheme": "bearer", "description": "A dispatcher's session, pl_ses_...; browsers send it as a cookie."},
    ),
}


def openapi(endpoints: Sequence[Endpoint], version: str, server_url: str = "/") -> Schema:
    """Return the document of `endpoints` as plain JSON values, in a stable order."""
    rows = sorted(endpoints, key=lambda row: (row.path, row.method))
    book = _Schemas(rows)
    paths: dict[str, Schema] = {}
    for row in rows:
        path = _PARAMETER.sub(r"{\1}", row.path)
        paths.setdefault(path, {})[row.method.lower()] = _operation(row, book)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Porchlight",
            "version": version,
            "summary": "A real-time safety and tracking hub for services that come to people's doors.",
            "description": "Sockets are described in /asyncapi.json. The hub alerts people; it is not an emergency number.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server_url}],
        "tags": [{"name": tag} for tag in sorted({row.tag for row in rows})],
        "paths": paths,
        "components": {"schemas": book.components, "securitySchemes": dict(_SECURITY.values())},
    }


class _Schemas:
    """The schemas of all types in the table, asked for at once so that equal structs share one component."""

    def __init__(self, rows: Sequence[Endpoint]) -> None:
        types: list[Any] = [Problem]
        for row in rows:
            types += [wanted for wanted in (row.request, row.response, row.query) if wanted is not None]
        schemas, self.components = schemas_of(types)
        self._types = types
        self._schemas = schemas

    def of(self, wanted: Any) -> Schema:
        """Return the schema of a type of the table."""
        return next(schema for one, schema in zip(self._types, self._schemas, strict=True) if one is wanted or one == wanted)

    def fields_of(self, wanted: Any) -> Schema:
        """Return the component that a struct's schema refers to."""
        schema = self.of(wanted)
        component: Schema = self.components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        return component


def _operation(row: Endpoint, book: _Schemas) -> Schema:
    operation: Schema = {"operationId": row.name, "summary": row.summary, "tags": [row.tag]}
    if parameters := _parameters(row, book):
        operation["parameters"] = parameters
    if row.request is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": book.of(row.request)}}}
    operation["responses"] = _responses(row, book)
    operation["security"] = _security(row)
    return operation


def _parameters(row: Endpoint, book: _Schemas) -> list[Schema]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer" if kind == "int" else "string"}}
        for name, kind in _PARAMETER.findall(row.path)
    ]
    if row.query is not None:
        fields = book.fields_of(row.query)
        required = fields.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in fields.get("properties", {}).items()
        ]
    if row.idempotent:
        about = "A name of this request, 1-200 characters: repeated within 24 hours it gets the first answer again."
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": about,
                "schema": {"type": "string", "minLength": 1, "maxLength": 200},
            }
        )
    return parameters


def _responses(row: Endpoint, book: _Schemas) -> Schema:
    responses: Schema = {str(status): _answer(row, media_type, book) for status, media_type in _answers(row)}
    for status, errors in sorted(_errors_by_status(row).items()):
        said = " ".join(dict.fromkeys(f"`{error.code}`: {sentence(error.__doc__)}" for error in errors))
        responses[str(status)] = {"description": said, "content": {PROBLEM_TYPE: {"schema": book.of(Problem)}}}
    return responses


def _answers(row: Endpoint) -> tuple[tuple[int, str], ...]:
    if row.answers:
        return row.answers
    if row.response is None:
        return ((204 if row.status == 200 else row.status, ""),)
    return ((row.status, _JSON),)


def _answer(row: Endpoint, media_type: str, book: _Schemas) -> Schema:
    if not media_type:
        return {"description": row.summary}
    if media_type == _JSON and row.response is not None:
        schema = book.of(row.response)
    else:
        schema = {"type": "string"} if media_type.startswith("text/") else {}
    return {"description": row.summary, "content": {media_type: {"schema": schema}}}


def _errors_by_status(row: Endpoint) -> dict[int, list[type[HubError]]]:
    errors: list[type[HubError]] = [NotSignedIn]
    if row.callers:
        errors.append(NotAllowed)
    if "{" in row.path:
        errors.append(NotFound)
    if row.request is not None or row.raw_body:
        errors += [BadInput, TooLarge]
    elif row.query is not None or row.idempotent:
        errors.append(BadInput)
    if row.idempotent:
        errors.append(Conflict)
    by_status: dict[int, list[type[HubError]]] = {}
    for error in dict.fromkeys([*errors, *row.errors]):
        by_status.setdefault(error.status, []).append(error)
    return by_status


def _security(row: Endpoint) -> list[dict[str, list[str]]]:
    """Return the alternatives; an empty requirement where anybody may call."""
    if not row.callers:
        return [{}]
    known = [kind for kind in CallerKind if kind in row.callers and kind in _SECURITY]
    return [{_SECURITY[kind][0]: [row.scope.value] if kind is CallerKind.API and row.scope else []} for kind in known]

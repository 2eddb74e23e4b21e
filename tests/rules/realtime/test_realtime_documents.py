"""Both documents are made from the tables that serve, are valid, and name everything."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from openapi_spec_validator import validate

from core.caller import CallerKind, Scope
from core.errors import IllegalMove
from core.http_endpoint import Endpoint
from realtime import http_docs, http_fixes, http_visit_view
from realtime.asyncapi import asyncapi
from realtime.close_code import CloseCode
from realtime.openapi import openapi
from realtime.wire_catalogue import CATALOGUE


class Thing(msgspec.Struct):
    """A thing. With details."""

    id: str
    size_m: float = 1.0


class ThingQuery(msgspec.Struct):
    """What to look for."""

    near: str
    limit: int = 20


async def nothing(_call):
    return None


ROWS = [
    *http_fixes.endpoints(None, None),
    *http_visit_view.endpoints(None, None, None),
    Endpoint(
        method="PUT",
        path="/v1/things/{thing_id}",
        name="put_thing",
        summary="Put a thing.",
        handler=nothing,
        callers=frozenset({CallerKind.API, CallerKind.DISPATCHER}),
        scope=Scope.VISITS_WRITE,
        request=Thing,
        response=Thing,
        idempotent=True,
        errors=(IllegalMove,),
        tag="things",
    ),
    Endpoint(
        method="GET",
        path="/v1/things",
        name="list_things",
        summary="List things.",
        handler=nothing,
        query=ThingQuery,
        response=list[Thing],
        tag="things",
    ),
    Endpoint(method="DELETE", path="/v1/things", name="clear_things", summary="Forget all.", handler=nothing, tag="things"),
]


@pytest.fixture
def document():
    return openapi(ROWS, "1.2.3")


def test_the_http_document_is_valid(document):
    validate(document)


def test_the_http_document_is_plain_and_stable(document):
    assert json.loads(json.dumps(document)) == document
    assert json.dumps(openapi(list(reversed(ROWS)), "1.2.3")) == json.dumps(document)


def test_a_scope_is_asked_of_keys_alone(document):
    assert document["paths"]["/v1/things/{thing_id}"]["put"]["security"] == [{"session": []}, {"api_key": ["visits:write"]}]
    assert document["paths"]["/v1/things"]["get"]["security"] == [{}]


def test_failures_are_problems_named_by_code(document):
    responses = document["paths"]["/v1/things/{thing_id}"]["put"]["responses"]

    assert set(responses) == {"200", "401", "403", "404", "409", "413", "422"}
    assert "`illegal_move`" in responses["409"]["description"]
    assert "application/problem+json" in responses["409"]["content"]


def test_query_and_path_become_parameters(document):
    parameters = {one["name"]: one for one in document["paths"]["/v1/things"]["get"]["parameters"]}

    assert parameters["near"]["required"]
    assert parameters["limit"]["schema"]["default"] == 20
    put = {one["name"] for one in document["paths"]["/v1/things/{thing_id}"]["put"]["parameters"]}
    assert put == {"thing_id", "Idempotency-Key"}


def test_nothing_to_say_is_204(document):
    assert "204" in document["paths"]["/v1/things"]["delete"]["responses"]


def test_answers_of_the_handlers_own_are_documented():
    row = ROWS[-2]
    made = openapi([replace(row, answers=((201, "application/json"), (200, "text/plain"), (206, "")))], "1")

    responses = made["paths"]["/v1/things"]["get"]["responses"]
    assert set(responses) - {"401", "422"} == {"201", "200", "206"}
    assert responses["201"]["content"]["application/json"]["schema"]["type"] == "array"
    assert responses["200"]["content"] == {"text/plain": {"schema": {"type": "string"}}}
    assert "content" not in responses["206"]


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


@pytest.mark.parametrize("made", [openapi(ROWS, "1"), asyncapi("1")], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere(made):
    for reference in references(made):
        place = made
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_the_socket_document_holds_every_frame_and_close_code():
    made = asyncapi("1")

    assert len(made["components"]["messages"]) == len(CATALOGUE)
    assert {row["code"] for row in made["x-close-codes"]} == set(CloseCode)
    in_operations = {ref["$ref"] for operation in made["operations"].values() for ref in operation["messages"]}
    assert len(in_operations) == len(CATALOGUE)


def test_pages_name_every_path_and_frame_and_need_no_script():
    pages = {route.path: route for route in http_docs.routes(ROWS, "1.2.3", "https://hub.example")}

    assert set(pages) == {"/docs", "/docs/http", "/docs/sockets", "/docs/docs.css", "/openapi.json", "/asyncapi.json"}
    templates = http_docs._pages()
    made = openapi(ROWS, "1")
    http = http_docs._page(templates, "http.html", http=made, groups=http_docs.by_tag(made)).decode()
    sockets = http_docs._page(templates, "sockets.html", sockets=asyncapi("1")).decode()
    assert all(row.path in http for row in ROWS)
    assert all(f"<code>{entry.name}</code>" in sockets for entry in CATALOGUE)
    assert "<script" not in http + sockets
    assert "style=" not in http + sockets


def test_the_committed_socket_document_is_the_present_one():
    """Made anew with: python -m realtime.asyncapi > docs/asyncapi.json"""
    committed = Path(__file__).resolve().parents[3] / "docs/asyncapi.json"

    assert json.loads(committed.read_text()) == asyncapi(json.loads(committed.read_text())["info"]["version"])

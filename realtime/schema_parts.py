"""How is a struct said in JSON Schema? One set of components, made by msgspec from the very structs that decode and encode.

Shared by `openapi` and `asyncapi`, so that both documents and the code say the same. Source: JSON Schema 2020-12, OpenAPI 3.1, AsyncAPI
3.0.
"""

import inspect
import re
from collections.abc import Sequence
from typing import Any

import msgspec

REF = "#/components/schemas/{name}"
Schema = dict[str, Any]
_SENTENCE = re.compile(r"(?<=[.!?])\s")


def schemas_of(types: Sequence[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """Return the schema of each type and the named components that they refer to, sorted by name."""
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    tidied = {name: tidy(component) for name, component in sorted(components.items())}
    return [tidy(schema) for schema in schemas], tidied


def tidy(schema: Any) -> Any:
    """Return a schema with dedented descriptions, and with fixed arrays of one kind as plain arrays: readers know those better."""
    if isinstance(schema, list):
        return [tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {key: tidy(value) for key, value in schema.items()}
    if isinstance(tidied.get("description"), str):
        tidied["description"] = inspect.cleandoc(tidied["description"])
    return tidied


def sentence(text: str | None) -> str:
    """Return the first sentence of a docstring, on one line."""
    paragraph = " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())
    return _SENTENCE.split(paragraph, maxsplit=1)[0]

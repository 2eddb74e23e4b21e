"""Does a request obey Twilio's published interface? Names, types, lengths, patterns and enumerations of each parameter.

From the published OpenAPI document where it lies beside the checkout, else from a subset of names and limits written here.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data" / "twilio" / "twilio_api_v2010.json"
_SID = {"type": "string", "minLength": 34, "maxLength": 34}
_SUBSET: dict[str, dict[str, Any]] = {
    "Messages": {
        "required": ["To"],
        "properties": {
            "To": {"type": "string"},
            "From": {"type": "string"},
            "MessagingServiceSid": {**_SID, "pattern": "^MG[0-9a-fA-F]{32}$"},
            "Body": {"type": "string"},
            "StatusCallback": {"type": "string"},
            "ValidityPeriod": {"type": "integer"},
            "ContentRetention": {"type": "string", "enum": ["retain", "discard"]},
            "AddressRetention": {"type": "string", "enum": ["retain", "obfuscate"]},
            "RiskCheck": {"type": "string", "enum": ["enable", "disable"]},
        },
    },
    "Calls": {
        "required": ["To", "From"],
        "properties": {
            "To": {"type": "string"},
            "From": {"type": "string"},
            "Twiml": {"type": "string"},
            "Timeout": {"type": "integer"},
            "TimeLimit": {"type": "integer"},
            "StatusCallback": {"type": "string"},
            "StatusCallbackMethod": {"type": "string", "enum": ["GET", "POST"]},
            "StatusCallbackEvent": {"type": "array", "items": {"type": "string"}},
        },
    },
}


def violations(resource: str, form: dict[str, list[str]]) -> list[str]:
    """Return what is wrong with a create request of `Messages` or `Calls`, in words; empty when it is right."""
    schema = _schema(resource)
    wrong = [f"{name} is required" for name in schema.get("required", []) if name not in form]
    for name, values in form.items():
        wrong += _wrong_parameter(name, values, schema["properties"])
    return wrong + _beyond_the_document(resource, form)


def _wrong_parameter(name: str, values: list[str], properties: dict[str, Any]) -> list[str]:
    if name not in properties:
        return [f"{name} is no parameter"]
    wanted = properties[name]
    if wanted.get("type") != "array" and len(values) > 1:
        return [f"{name} is given {len(values)} times"]
    wanted = wanted.get("items", wanted)
    return [f"{name}={value!r} {why}" for value in values if (why := _why_not(value, wanted))]


def _why_not(value: str, wanted: dict[str, Any]) -> str | None:
    kind = wanted.get("type", "string")
    if kind == "integer" and not re.fullmatch(r"-?\d+", value):
        return "is no integer"
    if kind == "boolean" and value not in ("true", "false", "True", "False"):
        return "is no boolean"
    if "enum" in wanted and value not in wanted["enum"]:
        return f"is none of {wanted['enum']}"
    if len(value) > wanted.get("maxLength", len(value)) or len(value) < wanted.get("minLength", 0):
        return "has a wrong length"
    return "does not match" if "pattern" in wanted and not re.search(wanted["pattern"], value) else None


def _beyond_the_document(resource: str, form: dict[str, list[str]]) -> list[str]:
    """Limits that the document only says in prose."""
    wrong = []
    if resource == "Messages" and not {"From", "MessagingServiceSid"} & form.keys():
        wrong.append("a sender is required")
    if resource == "Messages" and len(form.get("Body", [""])[0]) > 1600:
        wrong.append("Body is longer than 1,600 characters")
    if "ValidityPeriod" in form and not 1 <= int(form["ValidityPeriod"][0]) <= 36000:
        wrong.append("ValidityPeriod is outside 1-36000")
    if resource == "Calls" and not {"Url", "Twiml", "ApplicationSid"} & form.keys():
        wrong.append("Url, Twiml or ApplicationSid is required")
    if len(form.get("Twiml", [""])[0]) > 4000:
        wrong.append("Twiml is longer than 4,000 characters")
    return wrong


@cache
def _schema(resource: str) -> dict[str, Any]:
    if not PUBLISHED.is_file():
        return _SUBSET[resource]
    document = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    operation = document["paths"][f"/2010-04-01/Accounts/{{AccountSid}}/{resource}.json"]["post"]
    schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    schemas = document["components"]["schemas"]
    resolved = {
        name: schemas[value["$ref"].rsplit("/", 1)[1]] if "$ref" in value else value for name, value in schema["properties"].items()
    }
    return {"required": schema.get("required", []), "properties": resolved}

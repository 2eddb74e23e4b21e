"""The page for integrators is run as it stands, and the OpenAPI document is held against what the hub really answers."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from tests.doubles.served_hub import served_hub

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.anyio, pytest.mark.story]
TAGS = ("visits", "links", "shifts", "people", "positions", "webhooks", "hub", "customer")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    options = {"PORCHLIGHT_WEBHOOKS_ALLOW_PRIVATE": "true", "PORCHLIGHT_SAFETY_PREFLIGHT": "warn"}
    with served_hub(tmp_path_factory.mktemp("integrate"), **options) as running:
        yield running


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / "docs/integrate.md").read_text(), re.M | re.S)


def run(hub, *command: str, folder: Path = ROOT) -> str:
    environment = {**os.environ, "PORCHLIGHT_URL": hub.url, "PORCHLIGHT_TOKEN": hub.people.api_key}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_the_pages_python_works_from_top_to_bottom(hub):
    said = run(hub, sys.executable, "-c", "\n".join(blocks("python")))

    assert re.search(r"Send this to the customer: http\S+/t/pl_lnk_", said)
    assert "A visit that is cancelled cannot cancel." in said


def test_the_pages_curl_works(hub):
    [asking] = blocks("sh")

    assert '"shift"' in run(hub, "bash", "-c", asking)


async def test_what_the_hub_answers_is_what_the_document_says(hub):
    _, document = await hub.ask("GET", "/openapi.json")
    validate(document)

    run(
        hub,
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{hub.url}/openapi.json", "--header", f"Authorization: Bearer {hub.people.api_key}"),
        *("--phases", "coverage", "--seed", "7", "--max-examples", "1", "--checks", CHECKS, "--warnings", "off"),
        *(option for tag in TAGS for option in ("--include-tag", tag)),
        *("--exclude-path", "/v1/enrolments"),
        folder=hub.folder,  # it leaves a folder of its own
    )

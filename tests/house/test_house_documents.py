"""The generated documents equal what the code generates."""

import json

import pytest
from house_files import ROOT

from hub.write_docs import documents


@pytest.fixture(scope="module")
def generated():
    return documents()


@pytest.mark.parametrize("name", ["settings.md", "states.md", "wire.md", "openapi.json", "asyncapi.json"])
def test_documents_are_as_the_code_makes_them(generated, name):
    committed = (ROOT / "docs" / name).read_text()
    is_same = json.loads(committed) == json.loads(generated[name]) if name.endswith("json") else committed == generated[name]

    assert is_same, f"docs/{name} is not what the code makes. Run: make docs"

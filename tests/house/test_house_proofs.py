"""Every test that the documents name as a proof exists."""

import ast
import re

from house_files import ROOT

PROOFS = ROOT / "docs" / "safety-proofs.md"


def test_every_proof_that_is_named_exists():
    named = set(re.findall(r"`(test_\w+)`", PROOFS.read_text()))
    found = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert named
    assert named - found == set()

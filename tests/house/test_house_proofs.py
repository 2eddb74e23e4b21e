"""Every test that the documents name as a proof exists."""

import re

from house_files import ROOT

PROOFS = ROOT / "docs" / "safety-proofs.md"


def test_every_proof_that_is_named_exists():
    named = set(re.findall(r"`(test_\w+)`", PROOFS.read_text()))
    written = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    found = {name for text in written for name in re.findall(r"^ *(?:async )?def (test_\w+)\(", text, re.MULTILINE)}

    assert named
    assert named - found == set()

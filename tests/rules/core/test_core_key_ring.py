import pytest

from core.key_ring import KeyRing, KeyRingError

OLD, NEW = "old-" + "x" * 32, "new-" + "y" * 32


def test_a_sealed_text_opens_under_its_own_purpose_only():
    ring = KeyRing([OLD])
    sealed = ring.seal("person", "+49 170 1234567")

    assert ring.unseal("person", sealed) == "+49 170 1234567"
    with pytest.raises(KeyRingError, match="fits no key"):
        ring.unseal("journal", sealed)


def test_rotation_keeps_old_values_readable_and_old_signatures_valid():
    before, after = KeyRing([OLD]), KeyRing([NEW, OLD])

    assert after.unseal("person", before.seal("person", "door 4")) == "door 4"
    assert after.verifies("quote", b"12.30", before.sign("quote", b"12.30"))
    assert after.fingerprint("phone", "+491") == before.fingerprint("phone", "+491")


def test_a_changed_message_is_not_verified():
    ring = KeyRing([OLD])

    assert not ring.verifies("quote", b"12.31", ring.sign("quote", b"12.30"))


@pytest.mark.parametrize("secrets", [[], ["short"], [OLD, "short"]])
def test_a_weak_or_missing_key_is_refused_with_the_cure(secrets):
    with pytest.raises(KeyRingError, match="porchlight token secret"):
        KeyRing(secrets)

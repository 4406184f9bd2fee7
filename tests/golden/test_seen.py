"""A set of digests against Python's own set."""

import random

import pytest

from polydistill import seen
from polydistill.seen import Seen


def test_a_value_is_new_once():
    known = Seen()
    assert [known.add(value) for value in (b"one", b"two", b"one", b"", b"", b"two")] == [True, True, False, True, False, False]
    assert len(known) == 3


def test_what_was_not_added_is_not_there():
    known = Seen()
    known.add(b"one")
    assert b"one" in known
    assert b"two" not in known
    assert len(known) == 1, "asking adds nothing"


def test_it_answers_as_a_set_does_while_it_grows():
    draw, known, expected = random.Random(0), Seen(), set()
    for _ in range(20_000):
        value = draw.randrange(12_000).to_bytes(4)
        assert (value in known) == (value in expected)
        assert known.add(value) == (value not in expected)
        expected.add(value)
    assert len(known) == len(expected)


def test_it_takes_the_memory_it_says():
    known = Seen()
    for number in range(100_000):
        known.add(number.to_bytes(4))
        if number > 1000:
            assert 12 <= known._places.itemsize * len(known._places) / len(known) <= 24.01


def test_keys_of_one_place_and_the_key_zero_are_kept_apart(monkeypatch: pytest.MonkeyPatch):
    """1024 places at first: these keys all belong to the last one, and wrap around."""

    class Digest:
        def __init__(self, value: bytes, digest_size: int):
            self.value = value

        def digest(self) -> bytes:
            return self.value

    monkeypatch.setattr(seen.hashlib, "blake2b", Digest)
    known, keys = Seen(), [(1023 + 1024 * number).to_bytes(8) for number in range(50)]
    assert all(known.add(key) for key in keys)
    assert all(key in known for key in keys)
    assert not any(known.add(key) for key in keys)
    assert known.add(bytes(8))
    assert bytes(8) in known

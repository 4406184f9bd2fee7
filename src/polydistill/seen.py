"""What was there before, in few bytes."""

import hashlib
from array import array


class Seen:
    """Remembers 64 bits of a digest of each value, in 12 to 24 bytes of memory (36 for a moment while it grows).

    Two of a million different values are taken for one with a chance of 3 in 100 million, of a billion with one of 3 in 100.
    """

    def __init__(self) -> None:
        self._places = array("Q", bytes(8 * 1024))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, value: bytes) -> bool:
        key = _key(value)
        return self._places[_place(self._places, key)] == key

    def add(self, value: bytes) -> bool:
        """Remembers a value; whether it is new."""
        key = _key(value)
        place = _place(self._places, key)
        if self._places[place] == key:
            return False
        self._places[place] = key
        self._count += 1
        if 3 * self._count > 2 * len(self._places):
            self._grow()
        return True

    def _grow(self) -> None:
        wider = array("Q", bytes(16 * len(self._places)))
        for key in self._places:
            if key:
                wider[_place(wider, key)] = key
        self._places = wider


def _key(value: bytes) -> int:
    # Zero means that a place is empty.
    return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest()) or 1


def _place(places: "array[int]", key: int) -> int:
    """Where a key lies, or else the empty place where it belongs."""
    last = len(places) - 1  # all ones: the length is a power of two
    at = key & last
    while places[at] and places[at] != key:
        at = (at + 1) & last
    return at

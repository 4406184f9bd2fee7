"""Near-duplicates: texts that say almost the same words."""

from .seen import Seen
from .texts import words

HASHES = 64


class Near:
    """Remembers texts and tells whether a new one shares most of its word pairs with an earlier one.

    MinHash (datasketch) with 64 permutations, cut into bands; texts with an equal band are near. At the threshold of 0.8 there
    are 5 bands and a text takes 60 to 120 bytes of memory: 1 GB is enough for more than five million texts.
    """

    def __init__(self, threshold: float = 0.7):
        from datasketch import MinHash, MinHashLSH

        self._bands = MinHashLSH(threshold=threshold, num_perm=HASHES).hashranges
        self._empty = MinHash(num_perm=HASHES)
        self._seen = Seen()

    def seen(self, text: str) -> bool:
        """Whether a near-duplicate was here before; if not, remembers this one."""
        found = [word.casefold() for word in words(text)]
        pairs = {" ".join(pair) for pair in zip(["", *found], [*found, ""], strict=True)}
        print_ = self._empty.copy()
        print_.update_batch([pair.encode("utf-8") for pair in pairs])
        bands = [bytes([begin]) + print_.hashvalues[begin:end].tobytes() for begin, end in self._bands]
        if any(band in self._seen for band in bands):
            return True
        for band in bands:
            self._seen.add(band)
        return False

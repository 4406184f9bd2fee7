"""Near-duplicates: texts that say almost the same words."""

from .texts import words


class Near:
    """Remembers texts and tells whether a new one shares most of its word pairs with an earlier one.

    MinHash with locality-sensitive hashing (datasketch), 64 permutations, in memory: meant for up to 100,000 texts.
    """

    def __init__(self, threshold: float = 0.7):
        from datasketch import MinHashLSH

        self._index = MinHashLSH(threshold=threshold, num_perm=64)
        self._count = 0

    def seen(self, text: str) -> bool:
        """Whether a near-duplicate was here before; if not, remembers this one."""
        from datasketch import MinHash

        found = [word.casefold() for word in words(text)]
        pairs = {" ".join(pair) for pair in zip(["", *found], [*found, ""], strict=True)}
        print_ = MinHash(num_perm=64)
        print_.update_batch([pair.encode("utf-8") for pair in pairs])
        if self._index.query(print_):
            return True
        self._index.insert(str(self._count), print_)
        self._count += 1
        return False

"""Shares as there is, up to a most."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from . import Measures, Sampler, divided


class Capped(Sampler):
    """share_i = min(most, c n_i), c such that they sum to 1: what the largest may not have goes to the others as there is.

    At ``most`` 1 the shares are the sizes'. Where it is below 1 / N, N the number of sizes that are not zero, all get 1 / N.

    Checked: by hand on three sizes.
    """

    most: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The largest share of one language."""

    def __call__(self, sizes: Mapping[str, float], measures: Measures | None = None) -> dict[str, float]:
        some = {name: size for name, size in sizes.items() if size} or dict.fromkeys(sizes, 1.0)
        found: dict[str, float] = dict.fromkeys(sizes, 0.0)
        most, left = max(self.most, 1 / max(1, len(some))), 1.0
        for name in sorted(some, key=lambda name: some[name], reverse=True):
            found[name] = min(most, left * divided(some)[name])
            left -= found[name]
            del some[name]
        return found

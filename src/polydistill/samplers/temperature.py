"""Shares that lie between what there is and the same for all."""

from collections.abc import Mapping

from pydantic import Field

from . import Measures, Sampler, divided


class Temperature(Sampler):
    """share_i = (n_i / N)^(1/T) / sum_j (n_j / N)^(1/T).

    At ``temperature`` 1 the shares are the sizes'; as it grows they become equal. A size of zero gets no share.

    Paper: Conneau et al. 2020, XLM-R, arXiv 1911.02116, section 3.1 (there alpha = 1/T = 0.3).
    Checked: by hand on two sizes.
    """

    temperature: float = Field(default=1.0, ge=1)
    """1 follows the sizes; larger is more even."""

    def __call__(self, sizes: Mapping[str, float], measures: Measures | None = None) -> dict[str, float]:
        shares = divided(sizes)
        return divided({name: shares[name] ** (1 / self.temperature) if size else 0.0 for name, size in sizes.items()})

"""Shares that lie between what there is and the same for all."""

from collections.abc import Mapping

from pydantic import Field

from . import Sampler


class Temperature(Sampler):
    """share_i = (n_i / N)^(1/T) / sum_j (n_j / N)^(1/T).

    At ``temperature`` 1 the shares are the sizes'; as it grows they become equal. A size of zero gets no share.

    Paper: Conneau et al. 2020, XLM-R, arXiv 1911.02116, section 3.1 (there alpha = 1/T = 0.3).
    Checked: by hand on two sizes.
    """

    temperature: float = Field(default=1.0, ge=1)
    """1 follows the sizes; larger is more even."""

    def __call__(self, sizes: Mapping[str, float]) -> dict[str, float]:
        total = sum(sizes.values())
        if not total:
            return {name: 1 / len(sizes) for name in sizes}
        weights = {name: (size / total) ** (1 / self.temperature) if size else 0.0 for name, size in sizes.items()}
        whole = sum(weights.values())
        return {name: weight / whole for name, weight in weights.items()}

"""Shapes of tensors, by name. Only type checkers and tests import this: components name these types in quotes."""

from jaxtyping import Bool, Float, Int
from torch import Tensor

Logits = Float[Tensor, "positions vocabulary"]
Hidden = Float[Tensor, "positions width"]
OtherHidden = Float[Tensor, "positions other_width"]
PerToken = Float[Tensor, "positions"]
PerRow = Float[Tensor, "rows"]
Heads = Float[Tensor, "rows heads length head_width"]
Shares = Float[Tensor, "rows heads length length"]
Seen = Bool[Tensor, "rows length length"]
SupportIds = Int[Tensor, "positions k"]
SupportValues = Float[Tensor, "positions k"]

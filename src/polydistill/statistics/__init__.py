"""Whether a difference is more than chance: items joined, resampled in their groups, tested, and what their number can show."""

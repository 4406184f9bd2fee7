"""``python -m polydistill``."""

from .cli import main

main()

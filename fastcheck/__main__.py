"""``python -m fastcheck`` is the command ``fastcheck``."""

from fastcheck.cli import main

main()

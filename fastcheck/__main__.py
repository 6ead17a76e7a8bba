"""``python -m fastcheck`` is the command ``fastcheck``."""

from fastcheck.command.cli import main

main()

"""``python -m benchmarks.shown``: what the command of the README's first example prints, into the README between its markers."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.files import README, tell, write
from benchmarks.markdown import refreshed

MARKS = "demo"
COMMAND = ("demo", "--bug", "row")


def printed() -> str:
    """As on a terminal of 80 columns without colours."""
    asked = [sys.executable, "-m", "fastcheck", *COMMAND]
    given = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    told = subprocess.run(asked, capture_output=True, text=True, env=given).stdout
    return "\n".join(line.rstrip() for line in told.strip().splitlines())


def main() -> int:
    write({README: refreshed(README.read_text(), f"```\n{printed()}\n```", MARKS).encode()})
    tell(f"wrote the first example of {README.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

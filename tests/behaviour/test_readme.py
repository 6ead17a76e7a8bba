from __future__ import annotations

import re
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_python_of_the_readme_runs():
    space: dict = {}
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, space)
    assert space["report"].passed
    theta, x, y = space["theta"], space["X"], space["Y"]
    assert space["cost"](space["descend"](theta, x, y), x, y) < space["cost"](theta, x, y)

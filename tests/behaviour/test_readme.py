from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text()


BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
MADE = re.findall(r"### ([^\n]+)\n(?:(?!###).)*?```python\n(.*?)```", README, re.DOTALL)


def test_the_python_of_the_readme_runs():
    space: dict = {}
    blocks = [block for block in BLOCKS if block not in {code for _, code in MADE}]
    assert len(blocks) == 2
    for block in blocks:
        exec(block, space)
    assert space["report"].passed
    theta, x, y = space["theta"], space["X"], space["Y"]
    assert space["cost"](space["descend"](theta, x, y), x, y) < space["cost"](theta, x, y)


@pytest.mark.parametrize(("title", "code"), MADE, ids=[title for title, _ in MADE])
def test_the_makers_of_the_readme_run_as_they_stand(title, code):
    for library in ("torch", "jax"):
        if f"{library} " in code or f"{library}\n" in code:
            pytest.importorskip(library)
    space: dict = {}
    exec("import numpy as np, fastcheck as fc; rng = np.random.default_rng(0)", space)
    exec(code, space)
    assert space["report"].passed


def test_there_are_four_of_them_of_five_lines():
    assert [title for title, _ in MADE] == ["From torch", "From JAX", "A layer's forward and backward", "A Jacobian"]
    assert all(len([line for line in code.splitlines() if line]) <= 5 for _, code in MADE)

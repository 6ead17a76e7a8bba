from __future__ import annotations

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastcheck as fc

shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
tensors = st.lists(shapes, min_size=1, max_size=6).filter(lambda found: any(np.prod(shape) for shape in found))

CACHED = """
import fastcheck as fc, numba, numpy as np

theta, layout = fc.pack({{f"W{{k}}": np.ones({shape}) for k in range(30)}})
unpack = layout.jit_unpack()

@numba.njit(cache=True)
def cost(theta):
    rows = 0
    for k in range(3):
        rows += unpack(k * theta)[5].shape[0]  # so large that it is called, not inlined
    return rows + unpack(theta)[3].shape[0] + unpack(theta)[4].shape[0] + unpack(theta)[29].shape[0]
"""


def named(found):
    sizes = np.cumsum([0] + [int(np.prod(shape)) for shape in found])
    return {f"T{k}": sizes[k] + np.arange(float(np.prod(shape))).reshape(shape) for k, shape in enumerate(found)}


@given(tensors)
def test_unpack_is_the_inverse_of_pack_with_views(found):
    params = named(found)
    theta, layout = fc.pack(params)
    assert theta.tolist() == list(range(theta.size))
    for name, array in layout.unpack(theta).items():
        assert np.array_equal(array, params[name])
        assert np.shares_memory(array, theta) or not array.size


@given(tensors)
def test_every_component_is_named_by_its_tensor_and_index(found):
    params = named(found)
    theta, layout = fc.pack(params)
    named_values = {
        name if not index else f"{name}[{', '.join(map(str, index))}]": value
        for name, array in params.items()
        for index, value in np.ndenumerate(array)
    }
    assert {layout.name(i): theta[i] for i in range(theta.size)} == named_values


@settings(max_examples=5)
@given(tensors)
def test_jit_unpack_gives_the_same_views_inside_njit(found):
    theta, layout = fc.pack(named(found))
    unpack = layout.jit_unpack()
    for array, expected in zip(unpack(theta), layout.unpack(theta).values(), strict=True):
        assert array.shape == expected.shape
        assert np.array_equal(array, expected)
        assert np.shares_memory(array, theta) or not array.size


def test_jit_unpack_views_can_be_written_to_and_outlive_theta():
    theta, layout = fc.pack({"W": np.ones((2, 3)), "b": np.array(2.0)})
    unpack = layout.jit_unpack()

    @numba.njit
    def view_of_a_copy(theta):
        w, b = unpack(theta.copy())
        w[1, 2] = 5.0
        return w, b

    w, b = view_of_a_copy(theta)
    assert w[1, 2] == 5.0
    assert b[()] == 2.0
    assert theta[5] == 1.0


def test_jit_unpack_refuses_another_length():
    unpack = fc.pack({"W": np.ones(3)})[1].jit_unpack()
    with pytest.raises(ValueError, match="another length"):
        unpack(np.ones(4))


def test_pack_keeps_the_order_and_copies():
    b, w = np.zeros(2), np.asfortranarray(np.arange(6.0).reshape(2, 3))
    theta, layout = fc.pack({"b": b, "W": w})
    assert layout.names == ("b", "W")
    assert theta.tolist() == [0, 0, 0, 1, 2, 3, 4, 5]
    theta[:] = 9
    assert not b.any()
    assert w[0, 0] == 0


def test_names_of_examples():
    layout = fc.pack({"W2": np.ones((4, 20)), "s": np.array(1.0), "b": np.ones(3)})[1]
    assert layout.name(3 * 20 + 17) == "W2[3, 17]"
    assert layout.name(80) == "s"
    assert layout.name(82) == "b[1]"
    with pytest.raises(fc.InputError, match=r"index must lie in \[0, 84\), got 84"):
        layout.name(84)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({}, ValueError, "at least one component, got none"),
        ({"e": np.ones((0, 3))}, ValueError, "at least one component, got none"),
        ([np.ones(2)], TypeError, "must be a dict of named arrays, got list"),
        ({"b": np.arange(3)}, TypeError, r"'b' must be real floating point .*got int64: convert"),
        ({"b": np.ones(3) + 1j}, TypeError, "got complex128: take a real parametrisation"),
        ({"b": np.array(["x"])}, TypeError, "'b' must be real floating point"),
        ({"b": [[1.0], [1.0, 2.0]]}, ValueError, "'b' must be an array of numbers"),
        ({3: np.ones(2)}, TypeError, "names must be non-empty strings, got 3"),
        ({"W": np.ones((2, 2)), "b": np.array([1.0, np.nan])}, ValueError, r"must be finite, got b\[1\] = nan"),
        ({"W": np.array([[0.0, -np.inf]])}, ValueError, r"got W\[0, 1\] = -inf"),
    ],
)
def test_pack_refuses(params, error, message):
    with pytest.raises(error, match=message) as caught:
        fc.pack(params)
    assert isinstance(caught.value, fc.InputError)
    assert "\n" not in str(caught.value)


def test_costs_with_layouts_of_their_own_that_different_processes_cached_are_told_apart(tmp_path):
    for name, shape in (("one", (2, 3)), ("other", (3, 2))):
        (tmp_path / f"{name}.py").write_text(CACHED.format(shape=shape))

    def process(*names: str) -> list[str]:
        code = f"import {','.join(names)}; print(*(m.cost(m.theta) for m in ({','.join(names)},)))"
        own = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        words = [sys.executable, "-c", code]
        return subprocess.run(words, cwd=tmp_path, env=own, capture_output=True, text=True, check=True).stdout.split()

    assert process("one") + process("other") == process("one", "other") == ["12", "18"]

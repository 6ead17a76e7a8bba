"""exp, log and their kin against mpmath, over all of float64 and at its ends; for numbers and for arrays of any shape."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import mpmath
import numba
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastcheck import functions

ULPS = 4
REFERENCES = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}
FROM = {"log": 5e-324, "log1p": -1 + 2.0**-53}  # the least number that has a value
HUGE = 1e5  # beyond it exp and its kin are 0, inf, or x itself
every = pytest.mark.parametrize("name", REFERENCES)
positive = st.floats(5e-324, 1.7e308) | st.floats(0.5, 2) | st.floats(1e-20, 800)


def off_by(name: str, x: float) -> float:
    """The error in units in the last place of the true value."""
    with mpmath.workprec(200):
        true = REFERENCES[name](mpmath.mpf(x))
        found = getattr(functions, name)(x)
        rounded = float(true)
        if not math.isfinite(rounded):
            return 0.0 if found == rounded else math.inf
        return float(abs(mpmath.mpf(found) - true) / float(np.spacing(abs(rounded))))


@every
@given(positive)
@example(5e-324)
@example(2.2250738585072014e-308)
@example(709.782712893384)
@example(745.1332191019411)
@example(1 / math.sqrt(2))
@example(math.sqrt(2) - 1)
def test_errors_are_a_few_units_in_the_last_place(name, x):
    for signed in (x, -x):
        if signed >= FROM.get(name, -HUGE) and (signed <= HUGE or name.startswith("log")):
            assert off_by(name, signed) <= ULPS


INF, NAN = math.inf, math.nan
ENDS = {  # at inf, -inf, nan, 0, -0, 1e308, -1e308
    "exp": (INF, 0, NAN, 1, 1, INF, 0),
    "expm1": (INF, -1, NAN, 0, -0.0, INF, -1),
    "log": (INF, NAN, NAN, -INF, -INF, math.log(1e308), NAN),
    "log1p": (INF, NAN, NAN, 0, -0.0, math.log(1e308), NAN),
    "tanh": (1, -1, NAN, 0, -0.0, 1, -1),
    "sigmoid": (1, 0, NAN, 0.5, 0.5, 1, 0),
    "softplus": (INF, 0, NAN, math.log(2), math.log(2), 1e308, 0),
}


@every
def test_ends(name):
    found = getattr(functions, name)(np.array([INF, -INF, NAN, 0, -0.0, 1e308, -1e308]))
    assert np.allclose(found, ENDS[name], rtol=1e-15, atol=0, equal_nan=True)
    assert np.signbit(found[4]) == np.signbit(ENDS[name][4])
    assert functions.log1p(-1.0) == -INF


@every
@pytest.mark.parametrize(
    "x",
    [np.array(0.5), np.linspace(0.1, 2, 7), np.linspace(0.1, 2, 12).reshape(3, 4), np.empty((0, 3)), np.arange(1, 6)],
    ids=["0-d", "1-d", "2-d", "empty", "integers"],
)
def test_arrays_of_any_shape_and_order_are_taken_number_by_number(name, x):
    function, before = getattr(functions, name), x.copy()

    @numba.njit
    def inside(x):
        return function(x)

    for laid_out in (x, np.array(x, order="F"), np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x):
        found = inside(laid_out)
        assert found.shape == x.shape and found.dtype == np.float64
        assert found.ravel().tolist() == [function(float(value)) for value in x.ravel()]
    assert np.array_equal(x, before)


def test_what_is_no_number_is_refused():
    with pytest.raises(numba.core.errors.TypingError):
        functions.exp("1")


def test_functions_that_were_cached_by_different_processes_are_told_apart(tmp_path):
    def process(*names: str) -> str:
        code = f"import numpy; from fastcheck.functions import *; print(*(f(numpy.zeros(2))[0] for f in ({', '.join(names)},)))"
        own = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        return subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, check=True).stdout

    apart = [process("exp").strip(), process("expm1").strip()]
    assert process("exp", "expm1").split() == apart == ["1.0", "0.0"]


DERIVATIVES = {
    "exp": mpmath.exp,
    "expm1": mpmath.exp,
    "log": lambda x: 1 / x,
    "log1p": lambda x: 1 / (1 + x),
    "tanh": lambda x: 1 / mpmath.cosh(x) ** 2,
    "sigmoid": lambda x: 1 / (2 + mpmath.exp(x) + mpmath.exp(-x)),
    "softplus": lambda x: 1 / (1 + mpmath.exp(-x)),
}
STEP = 2.0**-100


@every
@given(st.floats(1e-10, 300))
@example(0.5)
@example(18.0)
def test_complex_steps_are_exact(name, x):
    for signed in (x, -x):
        if signed > FROM.get(name, -HUGE):
            stepped = getattr(functions, name)(complex(signed, STEP))
            with mpmath.workprec(1000):
                true, value = (float(of[name](mpmath.mpf(signed))) for of in (DERIVATIVES, REFERENCES))
            assert stepped.imag / STEP == pytest.approx(true, rel=1e-15, abs=0)
            assert stepped.real == pytest.approx(value, rel=1e-15, abs=0)
            assert getattr(functions, name)(complex(signed, 0)).imag == 0


@every
@given(st.complex_numbers(min_magnitude=0.1, max_magnitude=3).filter(lambda z: z.imag))
def test_complex_numbers_off_the_axis(name, z):
    if name.startswith("log") or abs(mpmath.mpc(REFERENCES[name](mpmath.mpc(z)))) > 0.01:
        true = complex(REFERENCES[name](mpmath.mpc(z)))
        assert abs(getattr(functions, name)(z) - true) <= 1e-13 * max(1.0, abs(true))


@every
def test_arrays_of_complex_numbers(name):
    function, x = getattr(functions, name), np.array([[0.3 + 1j, 2 - 0.1j], [1.5 + 0j, 0.1 - 1e-30j]])
    for array in (x, x.T, x.astype(np.complex64)):
        found = function(array)
        assert found.dtype == np.complex128
        assert found.tolist() == [[function(complex(z)) for z in row] for row in array]

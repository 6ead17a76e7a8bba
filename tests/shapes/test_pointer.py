"""C functions as problems: right passes, wrong is caught at the named entry, whoever made the pointer; others are refused."""

from __future__ import annotations

import ctypes
import gc
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from numba import carray, cfunc, types
from scipy import LowLevelCallable
from scipy.special import cython_special

from fastcheck import gradient
from fastcheck.errors import InputError, InputTypeError
from fastcheck.shapes.pointer import from_pointer

THETA = {"W": np.linspace(0.5, 1.5, 6).reshape(2, 3), "b": np.array([0.3, -0.7])}
WEIGHTS = np.linspace(1.0, 2.0, 8)
CC = shutil.which("cc")
C = """
#include <math.h>
double plain(int n, const double *x) {
    double total = 0; for (int i = 0; i < n; i++) total += (1 + i / 7.0) * pow(x[i], 4); return total; }
double with_data(int n, double *x, void *weights) {
    double total = 0; for (int i = 0; i < n; i++) total += ((double *)weights)[i] * pow(x[i], 4); return total; }
struct scaled { double scale; double *weights; };
double with_struct(int n, double *x, struct scaled *data) {
    double total = 0; for (int i = 0; i < n; i++) total += data->scale * data->weights[i] * pow(x[i], 4); return total; }
double writing(int n, double *x) { x[1] = 2; return plain(n, x); }
double undefined(int n, double *x) { return log(-x[0] * x[0]); }
"""
DOUBLES = ctypes.POINTER(ctypes.c_double)
PLAIN = types.double(types.intc, types.CPointer(types.double))
WITH_DATA = types.double(types.intc, types.CPointer(types.double), types.voidptr)


@cfunc(PLAIN)
def plain(n, x):
    theta = carray(x, n)
    return np.sum((1 + np.arange(n) / 7.0) * theta**4)


@cfunc(WITH_DATA)
def with_data(n, x, weights):
    return np.sum(carray(weights, n, np.float64) * carray(x, n) ** 4)


@cfunc(types.double(types.intc, types.CPointer(types.double), types.CPointer(types.double)))
def with_typed_data(n, x, weights):
    return np.sum(carray(weights, n) * carray(x, n) ** 4)


class Scaled(ctypes.Structure):
    _fields_ = (("scale", ctypes.c_double), ("weights", DOUBLES))


@cfunc(WITH_DATA)
def without_data(n, x, nothing):
    theta = carray(x, n)
    return np.sum((1 + np.arange(n) / 7.0) * theta**4)


def grad(theta):
    return 4 * WEIGHTS * theta**3


def wrong(theta):
    out = grad(theta)
    out[4] *= 1.1
    return out


def data(array):
    return array.ctypes.data_as(ctypes.c_void_p)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if CC is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("library")
    (folder / "costs.c").write_text(C)
    subprocess.run([CC, "-shared", "-fPIC", "-o", "costs.so", "costs.c", "-lm"], cwd=folder, check=True)
    found = ctypes.CDLL(str(folder / "costs.so"))
    for name in ("plain", "with_data", "with_struct", "writing", "undefined"):
        getattr(found, name).restype = ctypes.c_double
    found.with_data.argtypes = (ctypes.c_int, DOUBLES, ctypes.c_void_p)
    return found


def of_a_struct(library):
    library.with_struct.argtypes = (ctypes.c_int, DOUBLES, ctypes.POINTER(Scaled))
    held = ctypes.pointer(Scaled(1.0, WEIGHTS.ctypes.data_as(DOUBLES)))
    return LowLevelCallable(library.with_struct, ctypes.cast(held, ctypes.c_void_p))


def capsule(library):
    """As Cython exports a function."""
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    new = make(("PyCapsule_New", ctypes.pythonapi))
    return new(ctypes.cast(library.with_data, ctypes.c_void_p), b"double (int, double *, void *)", None)


def of_cffi(library):
    ffi = pytest.importorskip("cffi").FFI()
    address = ctypes.cast(library.with_data, ctypes.c_void_p).value
    function = ffi.cast("double (*)(int, const double *, void *)", address)
    return LowLevelCallable(function, ffi.cast("void *", WEIGHTS.ctypes.data))


KINDS = {
    "cfunc": lambda library: plain,
    "cfunc whose user_data is NULL": lambda library: without_data,
    "ctypes": lambda library: library.plain,
    "ctypes of an address": lambda library: ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)(plain.address),
    "ctypes with ndpointer": lambda library: declared(library, ctypes.c_int, np.ctypeslib.ndpointer(np.float64)),
    "low level of a cfunc": lambda library: LowLevelCallable(plain.ctypes),
    "low level of a cfunc, with data": lambda library: LowLevelCallable(with_data.ctypes, data(WEIGHTS)),
    "low level of a cfunc, with data of a type": lambda library: LowLevelCallable(
        with_typed_data.ctypes, data(WEIGHTS)
    ),
    "low level of ctypes, with a struct": of_a_struct,
    "low level of ctypes": lambda library: LowLevelCallable(library.plain, signature="double (int, const double*)"),
    "low level of ctypes, with data": lambda library: LowLevelCallable(library.with_data, data(WEIGHTS)),
    "low level of a capsule": lambda library: LowLevelCallable(capsule(library), data(WEIGHTS)),
    "low level of cffi": of_cffi,
}


def declared(library, *argtypes, restype=ctypes.c_double):
    """A function of its own, so that no other test sees the types."""
    function = library["plain"]
    function.restype, function.argtypes = restype, argtypes
    return function


@pytest.mark.parametrize("kind", KINDS)
def test_right_passes_and_wrong_is_caught_at_the_named_entry(kind, library):
    pointer = KINDS[kind](library)
    right = from_pointer(pointer, grad, THETA)
    report = right.check()
    assert report.passed and report.compiled
    assert right.screen().passed
    bad = from_pointer(pointer, wrong, THETA)
    assert [c.name for c in bad.check().witnesses] == ["W[1, 1]"]
    assert [c.name for c in bad.locate().components] == ["W[1, 1]"]
    assert not bad.screen().passed


@pytest.mark.parametrize("form", [np.asarray, lambda vector: {"W": vector[:6].reshape(2, 3), "b": vector[6:]}])
def test_a_gradient_may_be_an_array_or_a_dict(form):
    theta = np.concatenate([a.ravel() for a in THETA.values()])
    assert from_pointer(plain, form(grad(theta)), THETA).check().passed
    assert not from_pointer(plain, form(wrong(theta)), THETA).check().passed
    assert from_pointer(plain, lambda theta: form(grad(theta)), THETA).check().passed


def test_any_threads_give_the_same_bits():
    theta, weights = np.linspace(0.5, 1.5, 3000), np.linspace(1.0, 2.0, 3000)
    problem = from_pointer(
        LowLevelCallable(with_data.ctypes, data(weights)), lambda theta: 4 * weights * theta**3, theta
    )
    one = problem.check(workers=1)
    assert one.passed and one.workers == 1
    with ThreadPoolExecutor(2) as pool:
        for workers in (2, 3, pool):
            many = problem.check(workers=workers)
            assert many.workers > 1
            assert many.numeric.tobytes() == one.numeric.tobytes()


def test_what_owns_the_memory_lives_as_long_as_the_problem():
    def made():
        weights = WEIGHTS.copy()
        own = cfunc(WITH_DATA)(lambda n, x, w: np.sum(carray(w, n, np.float64) * carray(x, n) ** 4))
        return from_pointer(LowLevelCallable(own.ctypes, data(weights)), grad, THETA)

    problem = made()
    gc.collect()
    assert problem.check().passed


def test_a_function_that_writes_is_found_out(library):
    with pytest.raises(InputError, match=r"cost must not modify theta, got a change of W\[0, 1\]"):
        from_pointer(library.writing, grad, THETA).check()


def test_a_function_that_is_undefined_here_is_refused(library):
    with pytest.raises(InputError, match=r"J\(theta\) must be finite, got nan"):
        from_pointer(library.undefined, grad, THETA).check()


def test_a_complex_step_is_refused_with_its_reason():
    problem = from_pointer(plain, wrong, THETA)
    report = problem.check(method="complex")
    assert [c.name for c in report.witnesses] == ["W[1, 1]"]
    said = next(finding.message for finding in report.findings if finding.kind == "complex")
    assert "a C function of doubles takes no theta of complex128; two-sided differences were taken" in said
    with pytest.raises(InputError, match="got TypeError: a C function of doubles takes no theta of complex128"):
        gradient(problem.cost, problem.theta, problem.args, method="complex")


@pytest.mark.parametrize("method", ["check", "screen", "locate", "sweep"])
def test_other_processes_are_refused(method):
    with pytest.raises(InputError, match="workers must be threads where the cost is an address in this process"):
        getattr(from_pointer(plain, grad, THETA), method)(workers="processes")


def test_a_checkpoint_goes_on_wherever_the_function_lies(tmp_path):
    """With no address in its digests, it finds what is done, and compares one range with what it finds."""

    def again(factor):
        own = cfunc(PLAIN)(lambda n, x: factor * np.sum(carray(x, n) ** 2))
        return from_pointer(own, lambda theta: 2 * theta, THETA).check(checkpoint=tmp_path / "work.db")

    assert again(1.0).numeric.tobytes() == again(1.0).numeric.tobytes()
    with pytest.raises(InputError, match="must be of the same cost .* got another J than before"):
        again(2.0)


MISFITS = {
    "float32": (
        types.float32(types.intc, types.CPointer(types.double)),
        r"got float32 \(int, double \*\): declare it cfunc",
    ),
    "float32 x": (types.double(types.intc, types.CPointer(types.float32)), r"got double \(int, float32 \*\)"),
    "int64 n": (types.double(types.int64, types.CPointer(types.double)), r"got double \(int64, double \*\)"),
    "no n": (types.double(types.CPointer(types.double)), r"got double \(double \*\)"),
}


@pytest.mark.parametrize("what", MISFITS)
def test_other_cfuncs_are_refused(what):
    signature, got = MISFITS[what]
    bodies = {1: lambda x: 0.0, 2: lambda n, x: 0.0}
    pointer = cfunc(signature)(bodies[len(signature.args)])
    form = r"pointer must be of the form double \(int, double \*\) or double \(int, double \*, void \*\), "
    with pytest.raises(InputTypeError, match=form + got):
        from_pointer(pointer, grad, THETA)


@pytest.mark.parametrize(
    ("argtypes", "restype", "got"),
    [
        ((ctypes.c_int, DOUBLES), ctypes.c_int, r"got int \(int, double \*\): set restype = c_double"),
        ((ctypes.c_int, DOUBLES), None, r"got void \(int, double \*\)"),
        ((ctypes.c_int, DOUBLES), ctypes.c_float, r"got c_float \(int, double \*\)"),
        ((ctypes.c_int64, DOUBLES), ctypes.c_double, r"got double \(c_long(long)?, double \*\)"),
        ((DOUBLES,), ctypes.c_double, r"got double \(double \*\)"),
        ((ctypes.c_int, np.ctypeslib.ndpointer(np.float32)), ctypes.c_double, r"got double \(int, ndpointer_<f4\)"),
    ],
)
def test_other_ctypes_functions_are_refused(argtypes, restype, got):
    pointer = ctypes.CFUNCTYPE(ctypes.c_double)(plain.address)
    pointer.restype, pointer.argtypes = restype, argtypes
    with pytest.raises(InputTypeError, match=got):
        from_pointer(pointer, grad, THETA)


@pytest.mark.parametrize(
    ("pointer", "message"),
    [
        (LowLevelCallable.from_cython(cython_special, "gammaln"), r"of the form double .*, got double \(double.*\): declare its types"),
        (LowLevelCallable(plain.ctypes, data(WEIGHTS)), "must take the user_data that it brings, got double .*: leave user_data out"),
        (lambda theta: 0.0, "got <function .*: pass a function of Python, njit or not, to fastcheck.check itself"),
        (numba.njit(grad), r"got CPUDispatcher.*: pass a function of Python, njit or not, to fastcheck.check itself"),
        (123456, r"got 123456: wrap the address, ctypes.CFUNCTYPE\(c_double, c_int, POINTER\(c_double\)\)\(address\)"),
        (cython_special.__pyx_capi__["gammaln"], "got <capsule object .*: wrap what cffi or Cython gives in scipy.LowLevelCallable"),
        (ctypes.c_void_p(123456), r"got c_void_p\(123456\): wrap the address, ctypes.CFUNCTYPE"),
        (ctypes.CFUNCTYPE(ctypes.c_double), "got <class .*: pass a function of that type, made of an address or of a function of Python"),
        (ctypes.pythonapi, "got <PyDLL .*: pass one of its functions"),
        (None, "got None: pass the function that gives J"),
        (ctypes.pythonapi.PyFloat_AsDouble, "must run without the interpreter's lock, got a function of ctypes.PyDLL: load it"),
    ],
)  # fmt: skip
def test_other_pointers_are_refused(pointer, message):
    with pytest.raises(InputTypeError, match=message) as caught:
        from_pointer(pointer, grad, THETA)
    assert "\n" not in str(caught.value)


def test_a_function_that_takes_data_of_a_type_must_get_some(library):
    of_a_struct(library)
    message = r"come with the user_data that it takes, got double \(int, double \*, {} \*\) and none: wrap both"
    for pointer, kind in (
        (with_typed_data, "double"),
        (LowLevelCallable(with_typed_data.ctypes), "double"),
        (library.with_struct, "Scaled"),
    ):
        with pytest.raises(InputTypeError, match=message.format(kind)):
            from_pointer(pointer, grad, THETA)


def test_null_is_refused():
    with pytest.raises(InputError, match="pointer must point to a function, got NULL"):
        from_pointer(ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)(), grad, THETA)


def test_more_components_than_an_int_counts_are_refused(monkeypatch):
    monkeypatch.setattr("fastcheck.shapes.pointer._LARGEST", 7)
    with pytest.raises(InputError, match="theta must have at most 7 components, as n is an int in C, got 8"):
        from_pointer(plain, grad, THETA)


def test_what_else_cannot_be_used_is_refused():
    with pytest.raises(InputTypeError, match="grad must be a function or an array, got True"):
        from_pointer(plain, True, THETA)
    with pytest.raises(InputError, match="theta must be a vector, got 2 dimensions"):
        from_pointer(plain, grad, THETA["W"])

"""Jacobians, Hessians, and products of Hessians with vectors."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import fastcheck as fc
from fastcheck import InputError

A = np.random.default_rng(3).standard_normal((5, 3))
SIZES = np.array([1.0, 1e-6, 1e3, 1e-9, 1.0])  # of the rows
X = np.array([0.3, -0.7, 1.1])


def f(x):
    return SIZES * np.tanh(A @ x)


def jac(x):
    return (SIZES * (1 - np.tanh(A @ x) ** 2))[:, None] * A


def off_at(i, j, by=1.01):
    def wrong(x):
        found = jac(x)
        found[i, j] *= by
        return found

    return wrong


def without_transpose(matrix):
    return LinearOperator(matrix.shape, matvec=lambda v: matrix @ v)


FORMS = {
    "dense": np.asarray,
    "sparse array": sparse.csr_array,
    "sparse matrix": sparse.csc_matrix,
    "operator": aslinearoperator,
    "half an operator": without_transpose,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_right_and_wrong_in_every_form(form):
    assert fc.from_jacobian(f, lambda x: form(jac(x)), X).check().passed
    report = fc.from_jacobian(f, lambda x: form(off_at(1, 2)(x)), X).check()
    assert report.verdict.name == "WRONG" and report.witnesses[0].name == "x[2]"
    entries = [finding.message for finding in report.findings if finding.kind == "entry"]
    assert len(entries) == 1 and entries[0].startswith("jac[1, 2] is ") and "jac[0" not in entries[0]


@pytest.mark.parametrize("i", range(5))
@pytest.mark.parametrize("j", range(3))
def test_no_row_hides_beside_another(i, j):
    report = fc.from_jacobian(f, off_at(i, j), X).check()
    assert f"jac[{i}, {j}] is " in str(report)


def test_a_jacobian_that_comes_as_a_matrix_and_args():
    problem = fc.from_jacobian(lambda x, B: B @ x, A, X, (A,))
    assert problem.check().passed


def test_locate_takes_apart_as_well():
    found = fc.from_jacobian(f, off_at(3, 0), X).locate()
    assert [c.name for c in found.components] == ["x[0]"]
    assert found.findings[0].message.startswith("jac[3, 0] is ")


def test_locate_takes_a_few_apart_where_all_are_wrong():
    said = fc.from_jacobian(f, lambda x: -jac(x), X).locate().findings[0].message
    assert said.startswith("jac[") and "is -1 times what it should be" in said
    square = np.random.default_rng(5).standard_normal((9, 9))
    turned = fc.from_jacobian(
        lambda x: np.tanh(square @ x),
        lambda x: ((1 - np.tanh(square @ x) ** 2)[:, None] * square).T,
        np.linspace(-1, 1, 9),
    )
    assert [finding.kind for finding in turned.locate().findings] == ["transpose"]


def test_by_the_complex_step():
    report = fc.from_jacobian(f, jac, X).check(method="complex")
    assert report.passed and report.ratio < 1e-14
    assert "jac[1, 2] is " in str(fc.from_jacobian(f, off_at(1, 2), X).check(method="complex"))


def test_it_pickles():
    problem = fc.from_jacobian(f, jac, X)
    assert pickle.loads(pickle.dumps(problem)).check().passed
    assert pickle.loads(pickle.dumps(fc.from_hvp(grad, hvp, X))).check().passed


def test_a_length_that_changes():
    def shrinking(x):
        return x[x >= 0.3]

    with pytest.raises(InputError, match=r"f must return shape \(2,\), got \(1,\)"):
        fc.from_jacobian(shrinking, np.eye(3)[[0, 2]], X)
    seen = []

    def late(x):
        seen.append(x)
        return x if len(seen) < 8 else x[:2]

    problem = fc.from_jacobian(late, np.eye(3), X)
    with pytest.raises(InputError, match=r"f must return shape \(3,\), got \(2,\)"):
        problem.check()
    shapes = iter([3, 2])
    problem = fc.from_jacobian(lambda x: x, lambda x: np.eye(3)[: next(shapes)], X)
    with pytest.raises(InputError, match=r"jac must have shape \(3, 3\), .* got \(2, 3\)"):
        problem.check()


def test_a_wrong_row_is_seen_to_be_one():
    def wrong(x):
        found = jac(x)
        found[4] *= 2
        return found

    assert "It is row 4 in each of the components" in fc.from_jacobian(f, wrong, X).check().findings[0].message

    def beside_another(x):
        found = wrong(x)
        found[2, 1] *= -1
        return found

    said = fc.from_jacobian(f, beside_another, X).check().findings[0].message
    assert "jac[2, 1] is " in said and "Among them is row 4 in each of the components" in said


def test_a_row_that_is_left_zero():
    def wrong(x):
        found = jac(x)
        found[1] = 0
        return found

    assert "jac[1, 0] is 0, its differences give " in fc.from_jacobian(f, wrong, X).check().findings[0].message


def test_the_transpose_is_said():
    with pytest.raises(
        InputError, match=r"jac must have shape \(5, 3\), .* got \(3, 5\), the transpose: return its \.T"
    ):
        fc.from_jacobian(f, lambda x: jac(x).T, X)
    square = A[:3]
    report = fc.from_jacobian(
        lambda x: np.tanh(square @ x), lambda x: ((1 - np.tanh(square @ x) ** 2)[:, None] * square).T, X
    ).check()
    assert (
        report.findings[0].kind == "transpose" and "jac was handed over as its transpose" in report.findings[0].message
    )


def test_an_operator_whose_products_are_not_of_one_matrix():
    def operator(x):
        return LinearOperator(A.shape, matvec=lambda v: jac(x) @ v, rmatvec=lambda w: 2 * jac(x).T @ w)

    with pytest.raises(
        InputError, match="jac must be one matrix, got .* by matvec and .* by rmatvec: one of the two is wrong"
    ):
        fc.from_jacobian(f, operator, X)


def test_a_small_row_that_one_of_two_products_has_wrong():
    def operator(x):
        return LinearOperator(A.shape, matvec=lambda v: jac(x) @ v, rmatvec=lambda w: off_at(3, 0, 1.1)(x).T @ w)

    with pytest.raises(InputError, match="jac must be one matrix"):
        fc.from_jacobian(f, operator, X)


def test_values_that_are_large_beside_their_slopes_drown_nothing():
    def high(x):
        return np.append(f(x), 1e9)

    def with_nothing(x):
        return np.vstack([jac(x), np.zeros(3)])

    assert fc.from_jacobian(high, with_nothing, X).check().passed

    def wrong(x):
        found = with_nothing(x)
        found[1, 2] *= 1.01
        return found

    assert "jac[1, 2] is " in str(fc.from_jacobian(high, wrong, X).check())


@pytest.mark.parametrize("high", [1e10, 1e15])
def test_the_rounding_of_a_value_that_is_large_and_moves_accuses_nobody(high):
    lift = np.array([0, 0, high, 0, 0])

    def lifted(x):
        return np.tanh(A @ x) + lift

    def right(x):
        return (1 - np.tanh(A @ x) ** 2)[:, None] * A

    assert fc.from_jacobian(lifted, right, X).check().verdict.name in ("UNRESOLVED", "CORRECT")
    wrong = right(X)
    wrong[1, 1] *= 1.1
    report = fc.from_jacobian(lifted, wrong, X).check()
    assert high > 1e12 or "jac[1, 1] is " in str(report)


def test_a_buffer_that_f_uses_again():
    buffer = np.empty(5)

    def reused(x):
        buffer[:] = f(x)
        return buffer

    assert fc.from_jacobian(reused, jac, X).check().passed
    assert "jac[1, 2] is " in str(fc.from_jacobian(reused, off_at(1, 2), X).check())


def test_nan_in_one_entry_accuses_that_one():
    report = fc.from_jacobian(f, off_at(0, 1, np.nan), X).check()
    entries = [finding.message for finding in report.findings if finding.kind == "entry"]
    assert entries[0].startswith("jac[0, 1] is nan") and "jac[0, 0]" not in entries[0]


def test_a_hessian_that_is_nearly_symmetric_was_not_transposed(rng):
    Q = rng.standard_normal((30, 30)) / 5

    def wrong(x):
        found = Q.T @ ((1 - np.tanh(Q @ x) ** 2)[:, None] * Q)
        found[7, 20] *= 1.01
        return found

    report = fc.from_jacobian(lambda x: Q.T @ np.tanh(Q @ x), wrong, rng.standard_normal(30)).check()
    assert "transpose" not in [finding.kind for finding in report.findings]


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"])
def test_every_sparse_form(form, kind):
    made = getattr(sparse, f"{form}_{kind}")
    assert fc.from_jacobian(f, lambda x: made(jac(x)), X).check().passed
    assert "jac[1, 2] is " in str(fc.from_jacobian(f, lambda x: made(off_at(1, 2)(x)), X).check())


def test_a_sparse_matrix_is_left_as_it_was():
    columns, values = np.array([1, 0, 0, 0]), np.array([2.0, 1.0, 3.0, 4.0])  # not sorted, and one entry in two parts
    held = sparse.csr_matrix((values.copy(), columns.copy(), np.array([0, 2, 4])), shape=(2, 2))
    fc.from_hessian(lambda x: np.array([[1.0, 2.0], [7.0, 0.0]]) @ x, lambda x: held, X[:2]).check()
    np.testing.assert_array_equal(held.data, values)
    np.testing.assert_array_equal(held.indices, columns)


def test_whole_numbers():
    slopes = [[1, 2, 0], [0, 3, -1]]
    for matrix in (slopes, np.array(slopes), sparse.csr_array(slopes)):
        assert fc.from_jacobian(lambda x: np.array(slopes) @ x, lambda x, m=matrix: m, X).check().passed
        assert fc.from_jacobian(lambda x: np.array(slopes) @ x, matrix, X).check().passed


@pytest.mark.parametrize(
    ("f", "jac", "x"),
    [
        (lambda x: x @ x, lambda x: 2 * x, X),  # one row
        (lambda x: np.array([x[0], np.sin(x[0])]), lambda x: np.array([1.0, np.cos(x[0])]), X[:1]),  # one column
        (lambda x: np.array([x, x**3]), lambda x: [1, 3 * x**2], 1.5),
        (lambda x: x**3, lambda x: 3 * x**2, 1.5),
    ],
)
def test_one_row_or_column_without_its_second_dimension(f, jac, x):
    assert fc.from_jacobian(f, jac, x).check().passed
    assert not fc.from_jacobian(f, lambda x: np.multiply(jac(x), 1.1), x).check().passed


def test_a_jacobian_in_half_precision_is_asked_for_no_more_than_it_can_hold():
    def plain(x):
        return f(x) / SIZES

    def half(jac):
        return lambda x: (jac(x) / SIZES[:, None]).astype(np.float16)

    report = fc.from_jacobian(plain, half(jac), X).check()
    assert report.passed and "float32" in [finding.kind for finding in report.findings]
    said = fc.from_jacobian(plain, half(off_at(0, 1, -1)), X).check().findings[0].message
    assert said.startswith("jac[0, 1] is ") and said.count("its differences") == 1


def test_values_in_single_precision_are_said_and_accuse_nobody():
    report = fc.from_jacobian(lambda x: f(x).astype(np.float32), jac, X).check()
    assert not report.verdict.accuses and "what f returns has a spacing of 1e-07" in str(report.findings)


@pytest.mark.parametrize(
    ("f", "jac", "message"),
    [
        (lambda x: np.outer(x, x), jac, r"f must return shape \(m,\), got \(3, 3\)"),
        (f, lambda x: aslinearoperator(jac(x) * 1j), "a product with jac must be real floating point"),
        (lambda x: x * 1j, jac, "what f returns must be real floating point"),
        (lambda x: x / 0, jac, "f must return finite numbers, got inf"),
        (f, lambda x: jac(x)[None], r"jac must have shape \(m, n\), got \(1, 5, 3\)"),
        (f, lambda x: jac(x) * 1j, "jac must be real floating point"),
        (f, lambda x: jac(x).ravel(), r"jac must have shape \(5, 3\), .* got \(15,\)"),
        (f, lambda x: jac(x)[:4], r"jac must have shape \(5, 3\), .* got \(4, 3\): f\(x\) has 5 values"),
        (1.0, jac, "f must be a function"),
        (lambda x: np.empty(0), jac, "f must return at least one number"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_must_be_returned(f, jac, message):
    with pytest.raises(InputError, match=message):
        fc.from_jacobian(f, jac, X)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[None], r"x must be a vector, got shape \(1, 3\): join what f takes"),
        (np.array([]), r"x must be a vector, got shape \(0,\)"),
        (np.array([1.0, np.nan, 2.0]), r"x values must be finite, got x\[1\] = nan"),
        ({"a": X}, "x must be a vector, got a dict: join it with fastcheck.pack"),
        ([1, 2, 3], "x must be real floating point"),
    ],
)
def test_what_x_must_be(x, message):
    with pytest.raises(InputError, match=message):
        fc.from_jacobian(f, jac, x)


# --- Hessians -----------------------------------------------------------------------------------------------------------

S = A[:3] + A[:3].T


def grad(x):
    return S @ x + 4 * x**3


def hess(x):
    return S + np.diag(12 * x**2)


def hvp(x, v):
    return hess(x) @ v


def asymmetric(x):
    found = hess(x)
    found[0, 2] += 0.1
    return found


def test_hessian():
    assert fc.from_hessian(grad, hess, X).check().passed
    report = fc.from_hessian(grad, asymmetric, X).check()
    assert report.verdict.name == "WRONG"
    assert "hess[0, 2] is " in str(report) and "hess is not symmetric: hess[0, 2] = " in str(report)


def test_a_large_sparse_hessian_stays_sparse():
    n = 40_000
    second = sparse.diags_array([np.ones(n - 1), -2 * np.ones(n), np.ones(n - 1)], offsets=[-1, 0, 1]).tocsr()
    x = np.linspace(0.5, 1, n)
    wrong = sparse.csr_array(second + sparse.coo_array(([0.5], ([7], [9000])), shape=(n, n)))
    said = [finding.message for finding in fc.from_hessian(lambda x: second @ x, wrong, x).screen().findings]
    assert any("hess[7, 9000] = 0.5 and hess[9000, 7] = 0. " in message for message in said)
    assert fc.from_hvp(lambda x: second @ x, lambda x, v: second @ v, x).screen().passed


@pytest.mark.parametrize("made", [lambda g: fc.from_hessian(g, hess, X), lambda g: fc.from_hvp(g, hvp, X)])
def test_a_gradient_is_as_long_as_x(made):
    with pytest.raises(InputError, match=r"grad must return shape \(3,\) like x, got \(2,\)"):
        made(lambda x: grad(x)[:2])


def test_products():
    assert fc.from_hvp(grad, lambda x, v: hess(x) @ v, X).check().passed
    report = fc.from_hvp(grad, lambda x, v: asymmetric(x) @ v, X).check()
    assert report.witnesses[0].name == "x[0]"
    assert "hvp[0, 2] is " in str(report) and "hvp is not symmetric" in str(report)


def test_a_wrong_product_of_many_is_found_by_few():
    n, calls = 5000, []
    second = sparse.diags_array([np.ones(n - 1), -2 * np.ones(n), np.ones(n - 1)], offsets=[-1, 0, 1]).tocsr()
    wrong = sparse.csr_array(second + sparse.coo_array(([0.5, -0.3], ([7, 7], [4000, 8])), shape=(n, n)))

    def product(x, v):
        calls.append(v)
        return wrong @ v

    said = fc.from_hvp(lambda x: second @ x, product, np.linspace(0.5, 1, n)).locate().findings[0].message
    assert "hvp[7, 4000] is 0.5, its differences give 0 " in said and "hvp[7, 8] is 0.7, " in said
    assert said.count("its differences") == 2 and len(calls) < 300


def test_products_must_be_linear():
    with pytest.raises(InputError, match="hvp must be linear in v, got .* for 2 v"):
        fc.from_hvp(grad, lambda x, v: hess(x) @ v**2, X)
    with pytest.raises(InputError, match=r"hvp must be linear in v, got .* for v \+ w"):
        fc.from_hvp(grad, lambda x, v: hess(x) @ abs(v), X)


def test_products_must_be_vectors():
    with pytest.raises(InputError, match=r"hvp must return shape \(3,\) like x, got \(3, 3\)"):
        fc.from_hvp(grad, lambda x, v: hess(x), X)


def test_nothing_handed_in_is_changed():
    x, B = X.copy(), A.copy()
    problem = fc.from_jacobian(lambda x, B: B @ x, lambda x, B: B, x, (B,))
    problem.check(), problem.screen()
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(B, A)

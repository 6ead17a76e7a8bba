"""What goes to the cost beside theta: private copies, compared with the originals whatever is in them."""

from __future__ import annotations

from collections import OrderedDict, UserDict, defaultdict, namedtuple
from types import MappingProxyType, SimpleNamespace

import numba
import numpy as np
import pytest

import fastcheck as fc
from fastcheck.problem.arguments import private, require_unchanged

RECORD = np.dtype([("x", np.float64), ("n", np.int64)])
Pair = namedtuple("Pair", "x y")


def kinds() -> dict[str, object]:
    return {
        "NaT": np.array(["2020-01-01", "NaT"], dtype="datetime64[D]"),
        "a span of time": np.array([1, "NaT"], dtype="timedelta64[s]"),
        "records": np.array([(2.0, 3), (np.nan, 4)], dtype=RECORD),
        "one record": np.array([(2.0, 3)], dtype=RECORD)[0],
        "nan": np.array([np.nan, 1.0]),
        "complex": np.array([1j, np.nan]),
        "words": np.array(["a", "b"]),
        "nested": np.array([((1.0, np.nan),)], dtype=[("inner", [("x", float), ("y", float)])]),
        "bytes": np.frombuffer(b"abcdefgh", dtype="V4"),
    }


@pytest.mark.parametrize("kind", kinds())
def test_any_array_is_taken_by_a_plain_cost(kind, theta):
    fc.assert_gradient(lambda theta, x: float(theta.sum()), np.ones(theta.size), theta, (kinds()[kind],))


@pytest.mark.parametrize("kind", ["NaT", "a span of time", "records", "one record", "nan", "complex"])
def test_those_that_numba_knows_are_taken_by_an_njit_cost(kind, theta):
    cost = numba.njit(lambda theta, x: theta.sum())
    fc.assert_gradient(cost, lambda theta, x: np.ones(theta.size), theta, (kinds()[kind],))


def test_an_njit_cost_reads_records(theta):
    cost = numba.njit(lambda theta, table, one: theta.sum() * table[0].x * one.n)
    args = (kinds()["records"], kinds()["one record"])
    fc.assert_gradient(cost, np.full(theta.size, 6.0), theta, args)


WRITES = {
    "NaT": lambda x: x.__setitem__(0, np.datetime64("NaT")),
    "a span of time": lambda x: x.__setitem__(1, np.timedelta64(3, "s")),
    "records": lambda x: x["x"].__setitem__(1, 1.0),
    "one record": lambda x: x.__setitem__("n", 9),
    "nan": lambda x: x.__setitem__(0, 1.0),
    "complex": lambda x: x.__setitem__(0, 2j),
    "words": lambda x: x.__setitem__(0, "c"),
    "nested": lambda x: x["inner"]["y"].__setitem__(0, 0.0),
}


@pytest.mark.parametrize("kind", WRITES)
def test_what_is_written_into_them_is_noticed_and_does_no_harm(kind, theta):
    def cost(theta, pair):
        WRITES[kind](pair[1])
        return float(theta.sum())

    value, before = kinds()[kind], kinds()[kind]
    with pytest.raises(fc.InputError, match=r"cost must not modify its arguments, got a change of args\[0\]\[1\]"):
        fc.gradient(cost, theta, ((1.0, value),))
    require_unchanged(value, before, "the test", "value")


def test_an_njit_cost_that_writes_into_a_record_is_noticed(theta):
    @numba.njit
    def cost(theta, table):
        table[0].x = 5.0
        return theta.sum()

    with pytest.raises(fc.InputError, match=r"got a change of args\[0\]"):
        fc.gradient(cost, theta, (kinds()["records"],))


def test_copies_go_through_all_that_holds_arrays():
    array = np.ones(3)
    held = (array, [array], {"a": Pair(array, 1)})
    copy = private(held)
    require_unchanged(copy, held, "nobody", "args")
    assert isinstance(copy[2]["a"], Pair)
    array[1] = 2.0
    assert copy[0][1] == 1.0
    for k, place in enumerate((r"args\[0\]", r"args\[1\]\[0\]", r"args\[2\]\['a'\]\[0\]")):
        with pytest.raises(fc.InputError, match=f"change of {place}"):
            require_unchanged((*held[:k], *copy[k:]), held, "it", "args")


class Attributes(dict):
    """A dict whose items are attributes, as configurations often are."""

    __getattr__ = dict.__getitem__


class Several(list):
    pass


@pytest.mark.parametrize(
    "kind", [Attributes, OrderedDict, lambda items: defaultdict(float, items), UserDict, MappingProxyType]
)
def test_dicts_of_other_kinds_stay_what_they_are(kind):
    given = kind({"x": np.ones(3), "held": Several([np.ones(2)])})
    own = private(given)
    require_unchanged(own, given, "nobody", "args")
    assert type(own) is type(given) and type(own["held"]) is Several
    own["held"][0][1] = 3.0
    assert given["held"][0][1] == 1.0
    with pytest.raises(fc.InputError, match=r"change of args\['held'\]\[0\]"):
        require_unchanged(own, given, "it", "args")


def test_what_a_dict_or_a_tuple_of_its_own_kind_holds_beside_is_kept():
    class Config(dict):
        pass

    class Triple(tuple):
        __slots__ = ()

    given = Config(x=np.ones(3))
    given.name = "run 1"
    assert private(given).name == "run 1"
    assert private(defaultdict(list, x=[1]))["absent"] == []
    assert type(private(Triple((1, 2, 3)))) is Triple


def test_namespaces_are_copied_and_such_as_hold_themselves_are_told(theta):
    given = SimpleNamespace(x=np.ones(3), inner=SimpleNamespace(y=np.ones(2)))

    def writing(theta, held):
        held.inner.y[0] = 2.0
        return float(theta.sum())

    with pytest.raises(fc.InputError, match=r"got a change of args\[0\]\.inner\.y"):
        fc.gradient(writing, theta, (given,))
    assert given.inner.y[0] == 1.0
    given.itself = given
    with pytest.raises(fc.InputError, match="arguments must end, got a tuple nested too deeply, or in itself"):
        fc.gradient(writing, theta, (given,))

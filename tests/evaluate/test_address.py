"""Addresses among a cost's arguments: an int64 to compiled code, and to all else of no content; they stay where they are."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numba
import numpy as np
import pytest

from fastcheck.errors import InputError
from fastcheck.evaluate.address import Address
from fastcheck.evaluate.fingerprint import digest
from fastcheck.evaluate.workers import workers_of
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.held import held

ONE = Address(2**47 - 3, None)


def test_compiled_code_takes_it_as_a_number():
    assert numba.njit(lambda address: address + 1)(ONE) == 2**47 - 2


def test_it_keeps_its_owner_alive():
    owner = np.ones(3)
    address, alive = Address(owner.ctypes.data, owner), weakref.ref(owner)
    copied = Arguments((address,)).private()
    del owner, address
    gc.collect()
    assert alive() is not None
    del copied
    gc.collect()
    assert alive() is None


def test_no_digest_and_no_diagnosis_sees_where_it_points():
    assert digest(ONE) == digest(Address(5, np.ones(3)))
    assert held(Arguments((ONE,))) == {}


def test_a_copy_within_the_process_is_the_same():
    assert copy.copy(ONE) is ONE and copy.deepcopy((ONE, 1)) == (ONE, 1)


def test_it_does_not_leave_the_process():
    with pytest.raises(InputError, match="an address must stay in the process that it is of"):
        pickle.dumps(ONE)


@pytest.mark.parametrize("arguments", [Arguments((1, ONE)), Arguments((), {"where": ONE})])
def test_only_threads_work_on_it(arguments):
    message = "workers must be threads where the cost is an address in this process, got"
    with pytest.raises(InputError, match=f"{message} 'processes': leave workers out"):
        workers_of("processes", None, arguments)
    with ProcessPoolExecutor(1) as pool, pytest.raises(InputError, match=message):
        workers_of(pool, None, arguments)
    with ThreadPoolExecutor(1) as pool:
        workers_of(pool, None, arguments)

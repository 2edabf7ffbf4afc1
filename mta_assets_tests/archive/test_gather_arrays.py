"""Arrays of an answer: several in one block of memory, each whole and for itself."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mta_assets.archive import telemetry_gather
from mta_assets.archive.telemetry_gather import ALIGNED, BLOCK, arrays

TYPES = ("<f4", "<f8", "u1", "<i2", "O")


@given(st.integers(0, 3000), st.lists(st.sampled_from(TYPES), max_size=12))
def test_arrays_have_their_type_and_length_and_share_no_byte(rows, types):
    found = arrays(rows, {f"P{i}": np.dtype(t) for i, t in enumerate(types)})
    assert [found[f"P{i}"].dtype for i in range(len(types))] == [np.dtype(t) for t in types]
    assert all(len(array) == rows and array.flags.writeable for array in found.values())
    for i, array in enumerate(found.values()):
        array[:] = i
    assert all((array == i).all() for i, array in enumerate(found.values()))


def test_arrays_begin_where_vector_instructions_want_them():
    found = arrays(7, {"A": np.dtype("<f4"), "B": np.dtype("u1"), "C": np.dtype("<f8")})
    start = [array.__array_interface__["data"][0] for array in found.values()]
    assert [(place - start[0]) % ALIGNED for place in start] == [0, 0, 0]


def test_an_array_keeps_no_more_than_a_block_of_others():
    rows = BLOCK // 4 // np.dtype("<f4").itemsize
    found = arrays(rows, {f"P{i}": np.dtype("<f4") for i in range(9)})
    held = {id(array.base): array.base.nbytes for array in found.values()}
    assert len(held) == 3
    assert max(held.values()) <= BLOCK


def test_a_large_array_stands_alone(monkeypatch):
    monkeypatch.setattr(telemetry_gather, "BLOCK", 64)
    found = arrays(17, {"A": np.dtype("<f4"), "B": np.dtype("u1")})
    assert found["A"].base is None
    assert found["B"].base is not None

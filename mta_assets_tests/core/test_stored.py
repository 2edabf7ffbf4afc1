"""Tables whose rows lie in a file, and tables that are made block by block."""

from __future__ import annotations

import gc
import gzip
import itertools
import os
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.archive import fits_read
from mta_assets.archive.products import read_fits, write_fits
from mta_assets.core import spool, stored
from mta_assets.core.errors import BadData
from mta_assets.core.spool import spool_folder, spooled
from mta_assets.core.stored import StoredColumns
from mta_assets.core.tables import Column, Product, Schema, Table

EVENTS = Schema(
    "EVENTS",
    (
        Column("time", "f8", "s"),
        Column("expno", "i4"),
        Column("phas", "i2", "adu", shape=(3, 3)),
        Column("x", "f4", "pixel"),
        Column("counter", "u2"),
        Column("known", "bool"),
        Column("status", "bool", shape=(32,), bits=True),
        Column("shape", "U8"),
    ),
)


def events(count: int) -> Table:
    row = np.arange(count)
    return EVENTS.build({
        "time": row / 3.0, "expno": row, "phas": (row[:, None, None] + np.arange(9).reshape(3, 3)) % 4000,
        "x": np.where(row % 7 == 0, np.nan, row + 0.5).astype("f4"), "counter": row + 40_000, "known": row % 2 == 0,
        "status": (row[:, None] >> np.arange(32)) & 1 == 1, "shape": np.array([f"s{n % 13}" for n in row], "U8"),
    }, {"EXPTIME": (3.2, "[s]")})  # fmt: skip


def same(one: Table, other: Table) -> None:
    assert list(one.columns) == list(other.columns)
    for name in one.columns:
        assert one[name].dtype == other[name].dtype
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is large, and blocks are of seven rows."""
    monkeypatch.setattr(fits_read, "IN_MEMORY", 1000)
    monkeypatch.setattr(spool, "IN_MEMORY", 0)
    monkeypatch.setattr(stored, "ROWS", 7)


def written(folder: Path, table: Table, name: str = "events.fits") -> Path:
    path = folder / name
    write_fits(path, Product("EVT1", (table,), 0.0, 100.0), 100.0)
    return path


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["events.fits", "events.fits.gz"])
def test_rows_that_stay_in_the_file_are_those_that_are_read_at_once(tmp_path: Path, name: str) -> None:
    table = events(40)
    found = read_fits(written(tmp_path, table, name), "EVT1").tables[0]
    assert isinstance(found.columns, StoredColumns)
    assert len(found) == 40
    assert found.header["EXPTIME"] == (3.2, "[s]")
    same(found, table)
    pieces = list(found.blocks())
    assert [len(piece) for piece in pieces] == [7, 7, 7, 7, 7, 5]
    for number, piece in enumerate(pieces):
        same(piece, table.rows(7 * number, 7 * number + 7))
    odd = np.arange(40) % 2 == 1
    same(found.where(odd), table.where(odd))
    same(found.select(["x", "time"]), table.select(["x", "time"]))
    assert found.nbytes == 40 * (8 + 4 + 18 + 4 + 2 + 1 + 4 + 8)
    with pytest.raises(BadData, match=r"EVENTS has no column 'y'"):
        found["y"]
    with pytest.raises(BadData, match=r"EVENTS has no column 'y'"):
        found.select(["x", "y"])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 9), max_size=8), st.sampled_from([0, 500, 1 << 20]), st.integers(1, 9))
def test_a_table_of_blocks_is_the_same_in_memory_and_in_a_file(sizes: list[int], most: int, rows: int) -> None:
    ends = np.cumsum([0, *sizes]).tolist()
    table = events(ends[-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "IN_MEMORY", most)
        patch.setattr(stored, "ROWS", rows)
        made = spooled((table.rows(a, b) for a, b in itertools.pairwise(ends)), table.rows(0, 0))
        assert isinstance(made.columns, StoredColumns) == (ends[-1] > 0 and table.nbytes > most)
        assert (made.name, made.header, made.schema) == (table.name, table.header, table.schema)
        same(made, table)


@pytest.mark.usefixtures("small")
def test_the_file_of_a_stored_table_has_the_bytes_of_one_in_memory(tmp_path: Path) -> None:
    table = events(40)
    stored_table = spooled(table.blocks(), table.rows(0, 0))
    assert isinstance(stored_table.columns, StoredColumns)
    again = read_fits(written(tmp_path, table), "EVT1").tables[0]
    paths = [written(tmp_path, one, f"{n}.fits") for n, one in enumerate((table, stored_table, again))]
    assert len({path.read_bytes() for path in paths}) == 1


@pytest.mark.usefixtures("small")
def test_blocks_of_other_columns_are_refused() -> None:
    table = events(5)
    other = Table("EVENTS", {**table.columns, "expno": table["time"]})
    with pytest.raises(BadData, match="a block has columns"):
        spooled([table, other], table.rows(0, 0))


@pytest.mark.usefixtures("small")
def test_a_file_that_becomes_shorter_is_refused_with_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, events(400))
    found = read_fits(path, "EVT1").tables[0]
    os.truncate(path, path.stat().st_size - 5760)
    with pytest.raises(BadData, match=r"events.fits: the file ends at byte \d+, expected \d+: it was cut"):
        found["time"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("cut", [1, 2880, 6000])
def test_a_large_file_that_is_cut_or_damaged_is_refused(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path, events(400))
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    with pytest.raises(BadData, match="truncated"):
        read_fits(path, "EVT1")
    path.write_bytes(content[:-3000] + bytes([content[-3000] ^ 1]) + content[-2999:])
    with pytest.raises(BadData, match="CHECKSUM"):
        read_fits(path, "EVT1")
    packed = tmp_path / "events.fits.gz"
    packed.write_bytes(gzip.compress(content)[:-cut])
    with pytest.raises(BadData, match="damaged gzip data"):
        read_fits(packed, "EVT1")


@pytest.mark.usefixtures("small")
def test_files_are_closed_and_gone_with_their_tables(tmp_path: Path) -> None:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    with spool_folder(tmp_path):
        table = spooled(events(40).blocks(), events(0))
    narrow = table.select(["x"])
    del table
    assert len(narrow["x"]) == 40
    assert list(tmp_path.iterdir()) == []
    del narrow
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.usefixtures("small")
def test_blocks_are_let_go_while_they_are_put_down(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[int] = []

    def blocks() -> Iterator[Table]:
        seen: list[weakref.ref[np.ndarray]] = []  # type: ignore[type-arg]
        for number in range(20):
            block = events(7)
            seen.append(weakref.ref(block["time"]))
            alive.append(sum(ref() is not None for ref in seen))
            yield block
            del block
            assert number >= 0

    spooled(blocks(), events(0))
    assert max(alive) <= 3

"""Tables whose rows lie in a file, and tables that are made block by block."""

from __future__ import annotations

import errno
import gc
import gzip
import itertools
import os
import tempfile
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
from mta_assets.core.errors import BadData, TransientError
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


@pytest.mark.parametrize("most", [0, 1 << 20])
def test_blocks_of_other_columns_are_refused(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", most)
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


def full(*_: object, **__: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def broken(*_: object) -> int:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.usefixtures("small")
def test_a_full_disk_is_a_fault_that_passes_and_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = written(tmp_path, events(400), "events.fits.gz")
    with monkeypatch.context() as patch, spool_folder(tmp_path):
        patch.setattr(os, "write", full)
        with pytest.raises(TransientError, match=f"in {tmp_path}: can not write the rows: No space left"):
            spooled(events(40).blocks(), events(0))
        with pytest.raises(TransientError, match="can not write the rows: No space left"):
            read_fits(packed, "EVT1")
    with monkeypatch.context() as patch, spool_folder(tmp_path):
        patch.setattr(tempfile, "TemporaryFile", full)
        with pytest.raises(TransientError, match="can not make a file"):
            spool.nameless()


@pytest.mark.usefixtures("small")
def test_a_disk_that_fails_while_rows_are_read_is_a_fault_that_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_fits(written(tmp_path, events(40)), "EVT1").tables[0]
    monkeypatch.setattr(os, "preadv", broken)
    with pytest.raises(TransientError, match=r"events.fits: can not read the file"):
        found["time"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("old", "new"), [
    ("PCOUNT  =                    0", "PCOUNT  =               -31360"),
    ("GCOUNT  =                    1", "GCOUNT  =                    0"),
    ("NAXIS2  =                  400", "NAXIS2  =                 -400"),
])  # fmt: skip
def test_a_table_that_says_more_than_its_data_is_refused(tmp_path: Path, old: str, new: str) -> None:
    content = written(tmp_path, events(400)).read_bytes()
    assert old.encode() in content
    path = tmp_path / "lies.fits"
    path.write_bytes(content.replace(old.encode(), new.encode()))
    with pytest.raises(BadData, match=r"lies.fits.*(do not fit into its|truncated)"):
        read_fits(path, "EVT1", verify=False)


def test_two_columns_of_one_name_are_refused_and_one_without_a_name_gets_one(tmp_path: Path) -> None:
    content = written(tmp_path, events(4)).read_bytes()
    path = tmp_path / "names.fits"
    path.write_bytes(content.replace(b"'expno   '", b"'TIME    '"))
    with pytest.raises(BadData, match="two columns are called time"):
        read_fits(path, "EVT1", verify=False)
    path.write_bytes(content.replace(b"'expno   '", b"'        '"))
    assert list(read_fits(path, "EVT1", verify=False).tables[0].columns)[:3] == ["time", "COL2", "phas"]


@pytest.mark.usefixtures("small")
def test_what_follows_a_hole_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = written(tmp_path, events(4)).read_bytes()
    path = tmp_path / "hole.fits"
    path.write_bytes(content + bytes(2880 * 5))
    assert len(read_fits(path, "EVT1").tables) == 1
    monkeypatch.setattr(fits_read, "MOST_BLOCKS", 4)  # the header of the table has two
    path.write_bytes(content + bytes(2880 * 5) + content[2880:])
    with pytest.raises(BadData, match="has no END"):
        read_fits(path, "EVT1")


def test_a_file_that_unpacks_to_far_more_than_it_is_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits_read, "IN_MEMORY", 1 << 16)
    monkeypatch.setattr(fits_read, "SMALL", 1 << 17)
    path = tmp_path / "bomb.fits.gz"
    path.write_bytes(gzip.compress(b"SIMPLE  = " + bytes(4 << 20)))
    with pytest.raises(BadData, match=r"bomb.fits.gz: unpacks to more than 200 times its \d+ bytes"):
        read_fits(path, "EVT1")


@pytest.mark.usefixtures("small")
def test_text_is_as_wide_as_its_column_whatever_stands_in_the_first_row(tmp_path: Path) -> None:
    table = Table("T", {"name": np.array(["é", "longer text"], "U16"), "x": np.zeros(2)})
    paths = [written(tmp_path, one, f"{n}.fits") for n, one in enumerate((table, spooled([table], table.rows(0, 0))))]
    assert read_fits(paths[0], "T").tables[0]["name"].tolist() == ["?", "longer text"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


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
    assert isinstance(narrow.columns, StoredColumns)
    assert os.readlink(f"/proc/self/fd/{narrow.columns.file.descriptor}").startswith(str(tmp_path))
    del narrow
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.usefixtures("small")
def test_blocks_are_let_go_while_they_are_put_down(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[int] = []

    def blocks() -> Iterator[Table]:
        seen: list[weakref.ref[np.ndarray]] = []  # type: ignore[type-arg]
        for _ in range(20):
            block = events(7)
            seen.append(weakref.ref(block["time"]))
            alive.append(sum(ref() is not None for ref in seen))
            yield block
            del block

    monkeypatch.setattr(spool, "IN_MEMORY", 4 * events(7).nbytes)
    made = spooled(blocks(), events(0))
    assert isinstance(made.columns, StoredColumns)
    assert max(alive) <= 6  # five are held, then one at a time
    assert alive[-1] <= 3

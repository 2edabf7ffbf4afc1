from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.parquet import read_parquet, write_parquet
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Schema, Table

SCHEMA = Schema(
    "ENG",
    (
        Column("time", "f8", "s", "TT"),
        Column("STATE", "U4", "", "a state"),
        Column("img", "i2", "adu", "an image", shape=(2, 3), limits=(0, 9)),
        Column("q", "u1"),
    ),
    "engineering",
)


def table(rows: int = 3) -> Table:
    return SCHEMA.build(
        {
            "time": np.arange(rows) * 1.0,
            "STATE": np.array(["ON", "OFF", ""] * rows)[:rows],
            "img": np.arange(rows * 6).reshape(rows, 2, 3),
            "q": np.zeros(rows, "u1"),
        },
        {"OBS_ID": "1", "TSTART": (1.5, "[s] start")},
    )


@pytest.mark.parametrize("rows", [0, 3])
def test_a_table_comes_back_with_its_declarations(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, table(rows))
    back = read_parquet(path)
    assert back.schema == SCHEMA
    assert back.header == table().header
    for name, array in table(rows).columns.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype


def test_the_bytes_are_the_same_for_the_same_table(tmp_path: Path) -> None:
    assert write_parquet(tmp_path / "a.parquet", table()) == write_parquet(tmp_path / "b.parquet", table())


def test_other_files_are_bad_data(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(BadData, match=r"a\.parquet"):
        read_parquet(tmp_path / "a.parquet")

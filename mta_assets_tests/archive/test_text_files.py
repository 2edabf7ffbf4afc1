"""Products that are texts: written and read line by line, and what is none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.products import dump_product, read_product_file
from mta_assets.core.errors import BadData, ToolFailed
from mta_assets.core.tables import Product, Table
from mta_assets.core.texts import text_table

LINES = 'obs_id,s,h,"7",,,"Observation"\nobi_num,i,h,0,,,""\n'


def test_a_text_is_written_as_it_is_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "axaff00007_000N001_obs0a.par"
    digest = dump_product(path, Product("PAR", (text_table(LINES),), 1.0, 2.0), 3.0, {"REVISION": 1})
    assert path.read_text() == LINES
    assert digest == hashlib.sha256(LINES.encode()).hexdigest()
    back = read_product_file(path, "PAR")
    assert back.tables[0]["LINE"].tolist() == LINES.splitlines()
    assert back.rows == 2
    assert np.isnan(back.tstart)


def test_a_text_without_lines_is_an_empty_file(tmp_path: Path) -> None:
    dump_product(tmp_path / "a.par", Product("PAR", (text_table(""),), 1.0, 2.0), 3.0)
    assert (tmp_path / "a.par").read_bytes() == b""
    assert read_product_file(tmp_path / "a.par", "PAR").rows == 0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (Table("EVENTS", {"LINE": np.array(["a"])}), "expected a table TEXT with the column LINE"),
        (Table("TEXT", {"WORD": np.array(["a"])}), "expected a table TEXT with the column LINE"),
        (Table("TEXT", {"LINE": np.array(["a\nb"])}), "is not plain ASCII text"),
        (Table("TEXT", {"LINE": np.array(["\u00e9"])}), "is not plain ASCII text"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, table: Table, message: str) -> None:
    with pytest.raises(ToolFailed, match=message):
        dump_product(tmp_path / "a.par", Product("PAR", (table,), 1.0, 2.0), 3.0)


def test_bytes_that_are_no_ascii_are_bad_data(tmp_path: Path) -> None:
    (tmp_path / "a.par").write_bytes(b"\xff\xfe")
    with pytest.raises(BadData, match="not a text of ASCII characters"):
        read_product_file(tmp_path / "a.par", "PAR")

"""What is done with answers in section 4.2 of the SPIRE document: plots against each other, files; and the examples of
docs/query.md, run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

import mta_assets
from mta_assets.query.output import save
from mta_assets.query.plots import plot
from mta_assets_tests.spire.ask import Ask, only, utc

DOCUMENT = Path(mta_assets.__file__).parents[1] / "docs" / "query.md"
SECTION = (
    DOCUMENT.read_text(encoding="utf-8").partition("## The examples of SPIRE-RAL-DOC-002815")[2].partition("\n## ")[0]
)
EXAMPLES = [
    line.strip()
    for block in re.findall(r"```query\n(.*?)```", SECTION, re.DOTALL)
    for line in block.strip().splitlines()
]
REST = (
    "GET CHOPPOSN, JIGGPOSN DURING MISSION WHERE AOT NOT IN ('PointSource', 'SmallMap', 'SpectroRaster') EVERY 1 HOUR"
)


def test_the_document_has_all_the_examples() -> None:
    assert len(EXAMPLES) >= 18


@pytest.mark.parametrize("text", EXAMPLES)
def test_each_example_of_the_documentation_finds_something(ask: Ask, text: str) -> None:
    found = ask(text, now=utc("2010-10-17T06:00") if " AGO" in text else utc("2009-09-12T06:00"))
    assert len(only(found)) > 0
    assert not [note for note in found.notes if "no data" in note]


def test_rest_positions_are_drawn_against_each_other_in_a_colour_before_and_one_after_a_date(
    ask: Ask, tmp_path: Path
) -> None:
    answer = ask(REST)
    table = only(answer)
    figure = plot(answer, "xy", x="CHOPPOSN", y="JIGGPOSN", split=["2009-12-01"], path=tmp_path / "rest.png")
    drawn = [np.asarray(points.get_offsets()) for points in figure.axes[0].collections]
    complete = ~np.isnan(table.columns["CHOPPOSN"]) & ~np.isnan(table.columns["JIGGPOSN"])
    wanted = np.column_stack([table.columns["CHOPPOSN"], table.columns["JIGGPOSN"]])
    early = table.times < utc("2009-12-01")
    assert len(drawn) == 2
    assert np.array_equal(drawn[0], wanted[complete & early])
    assert np.array_equal(drawn[1], wanted[complete & ~early])
    assert (tmp_path / "rest.png").read_bytes().startswith(b"\x89PNG")


def test_the_weekly_averages_of_scal2_become_a_file_and_a_plot(ask: Ask, tmp_path: Path) -> None:
    answer = ask("GET SCAL2TEMP, SCAL2CURR FROM 2009-09-05 FOR 7 DAYS WHERE SCAL2STAT = 'ON' EVERY 1 HOUR MEAN")
    table = only(answer)
    save(answer, tmp_path / "scal2.fits")
    back = Table.read(tmp_path / "scal2.fits", hdu=1)
    assert np.array_equal(np.asarray(back["TIME"]), table.times)
    for name in ("SCAL2TEMP", "SCAL2CURR"):
        assert np.array_equal(np.asarray(back[name]), table.columns[name])
    figure = plot(answer, "xy", x="SCAL2CURR", y="SCAL2TEMP")
    (points,) = (np.asarray(one.get_offsets()) for one in figure.axes[0].collections)
    assert np.array_equal(points, np.column_stack([table.columns["SCAL2CURR"], table.columns["SCAL2TEMP"]]))

"""A small archive for the commands: two groups with overlapping sources, one with names that need quoting, products."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.cli import main
from mta_assets.core import times
from mta_assets.core.flags import Quality
from mta_assets.core.samples import ParameterInfo, to_nanoseconds
from mta_assets_tests.query.product_files import Shelf

START = times.from_utc("2024-03-01T00:00:00")  # 825638469.184 s
PERIOD = 32.8  # [s]
ROWS = 300
GRID = START + PERIOD * np.arange(ROWS)  # until 02:44 UTC
ODD_GROUP = 'it\'s "odd"; DROP'
ODD_NAME = 'A-B"x'
MODES = {1: "NPNT", 2: "NMAN", 3: "it's"}


def fill(folder: Path) -> None:
    """An archive of mission chandra below ``folder``."""
    root = folder / "chandra"
    shelf = Shelf(root)
    for number in range(2):
        path = root / "archive" / f"mask{number}.fits"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes([number]) * 100)
        shelf.enter("ACIS_MSK", path, START + 3600 * number, START + 3600 * (number + 1), rows=number)
    shelf.catalog.close()
    with TelemetryArchive(f"sqlite:///{root / 'catalog.sqlite'}", root / "telemetry") as archive:
        _thermal(archive, "b/first", slice(0, 200), 0.0)
        _thermal(archive, "a/second", slice(150, 300), 5.0)  # rows 150 to 199 come twice, the good cell of "a/second"
        _modes(archive)
        _odd(archive)


def _commit(archive: TelemetryArchive, source: str, rows: GroupRows) -> None:
    archive.commit(source, [rows], float(rows.time[0]) / 1e9, float(rows.time[-1]) / 1e9 + PERIOD)


def _thermal(archive: TelemetryArchive, source: str, part: slice, offset: float) -> None:
    number = np.arange(ROWS)
    counts = (100 + number % 50).astype(np.uint8)
    flags = np.zeros(ROWS, np.uint8)
    flags[[3, 160]] = Quality.OUT_OF_RANGE
    flags[[4, 170]] = Quality.MISSING
    if source.startswith("b"):
        flags[[160, 170]] = 0
    infos = (
        ParameterInfo("1CBAT", "THM", "f4", "DEGC", "camera body", period=PERIOD),
        ParameterInfo("COUNT", "THM", "i2", period=PERIOD),
    )
    values = {"1CBAT": (-60.0 + offset + counts / 16).astype(np.float32), "COUNT": (number - 100).astype(np.int16)}
    rows = GroupRows(
        "THM", infos, to_nanoseconds(GRID), values, {"1CBAT": counts}, {"1CBAT": flags}, PERIOD
    )  # fmt: skip
    _commit(archive, source, rows.where(part))


def _modes(archive: TelemetryArchive) -> None:
    codes = np.repeat([1, 2, 1, 3, 9, 1], ROWS // 6).astype(np.uint8)  # 9 has no name
    info = ParameterInfo("AOPCADMD", "PCAD", "u1", states=MODES, period=PERIOD)
    text = ParameterInfo("NOTE", "PCAD", "U4", period=PERIOD)
    values = {"AOPCADMD": codes, "NOTE": np.array(["é'", ""] * (ROWS // 2))}
    _commit(archive, "modes", GroupRows("PCAD", (info, text), to_nanoseconds(GRID), values, period=PERIOD))


def _odd(archive: TelemetryArchive) -> None:
    infos = (
        ParameterInfo(ODD_NAME, ODD_GROUP, "f8", "K", period=PERIOD),
        ParameterInfo("select", ODD_GROUP, "f8", "K", period=PERIOD),
        ParameterInfo("utc", ODD_GROUP, "i4", period=PERIOD),
    )
    values = {ODD_NAME: np.arange(3.0), "select": np.arange(3.0) + 10, "utc": np.arange(3, dtype=np.int32) + 20}
    _commit(archive, "odd", GroupRows(ODD_GROUP, infos, to_nanoseconds(GRID[:3]), values, period=PERIOD))


class Told(NamedTuple):
    """What a command wrote on standard output and standard error."""

    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON, which has to be all of it."""
        return json.loads(self.out)


def mta(*words: object, code: int = 0, given: str = "") -> Told:
    """Run the command as a shell would, errors and exit status as `main` makes them."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["mta", *map(str, words)])
        patch.setattr(sys, "stdin", io.StringIO(given))
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) == code, (out.getvalue(), err.getvalue())
    return Told(out.getvalue(), err.getvalue())

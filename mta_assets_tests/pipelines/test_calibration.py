"""Which calibration file holds for an observation."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mta_assets.core.errors import ConfigError
from mta_assets.core.request import Request
from mta_assets.core.times import from_utc
from mta_assets.missions.load import BUILT_IN, load_mission
from mta_assets.pipelines.calibration import calibration

GAIN = "acisD2000-01-29gain_ctiN0001.fits"


def request(date: str) -> Request:
    start = from_utc(date)
    return Request("28101_000", "sdp", start, start + 1000.0, start)


def test_the_newest_that_holds_and_of_that_the_highest_version_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "mission"
    shutil.copytree(BUILT_IN / "chandra", folder)
    given = folder / "calibration" / GAIN
    for name in ("D2010-01-01gain_ctiN0001", "D2010-01-01gain_ctiN0002", "D2030-01-01gain_ctiN0001"):
        shutil.copyfile(given, given.with_name(f"acis{name}.fits"))
    mission = load_mission(str(folder))
    chosen = {date: calibration(mission, request(date), instrument="acis") for date in ("2009-12-31", "2024-03-01")}
    assert chosen["2009-12-31"]["gain_cti"][0] == GAIN
    assert chosen["2024-03-01"]["gain_cti"][0] == "acisD2010-01-01gain_ctiN0002.fits"
    assert set(chosen["2024-03-01"]) == {"gain_cti", "cti", "t_gain", "subpix", "badpix"}


def test_without_any_that_holds_the_folder_is_named() -> None:
    with pytest.raises(ConfigError, match="calibration has no calibration of acis that holds"):
        calibration(load_mission("chandra"), request("1999-01-01"), instrument="acis")

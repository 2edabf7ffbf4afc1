from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.archive.names import build_name, check_name, parse_name, safe_name
from mta_assets.core.errors import BadData, ConfigError


@dataclass(frozen=True)
class Spec:
    id: str
    pattern: str

    @property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern)


EVT0 = Spec("ACIS_EVT0", r"acisf(?P<tstart>\d{9})N(?P<version>\d{3})_(?P<fep_id>\d)_evt0\.fits(\.gz)?")
ENG0 = Spec("ACIS_ENG0", r"acisf(?P<tstart>\d{9})N(?P<version>\d{3})_(?P<group>\w+)_eng0\.fits")
ROOT = "acisf{tstart:09d}N{version:03d}"


def test_a_name_is_built_from_root_suffix_and_fields() -> None:
    fields = {"tstart": 828602635.7, "tstop": 1.0, "version": 1, "fep_id": 3}
    assert build_name(EVT0, ROOT, "_{fep_id}_evt0.fits", fields) == "acisf828602635N001_3_evt0.fits"


def test_a_real_archive_name_is_recognised() -> None:
    found = parse_name([ENG0, EVT0], "acisf828602635N001_1_evt0.fits.gz")
    assert found == ("ACIS_EVT0", {"tstart": 828602635, "version": 1, "fep_id": 1})


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 999999999), st.integers(0, 999), st.integers(0, 9))
def test_every_built_name_is_parsed_back(tstart: int, version: int, fep_id: int) -> None:
    fields = {"tstart": tstart, "version": version, "fep_id": fep_id}
    name = build_name(EVT0, ROOT, "_{fep_id}_evt0.fits", fields)
    assert parse_name([EVT0], name) == ("ACIS_EVT0", fields)


def test_a_missing_field_and_a_name_against_the_pattern_are_told() -> None:
    with pytest.raises(ConfigError, match="needs the field 'fep_id'"):
        build_name(EVT0, ROOT, "_{fep_id}_evt0.fits", {"tstart": 1, "version": 1})
    with pytest.raises(ConfigError, match="does not match its pattern"):
        build_name(EVT0, ROOT, "_{fep_id}_evt0.fits", {"tstart": 1, "version": 1, "fep_id": 12})


@pytest.mark.parametrize(
    "name",
    ["", "../etc/passwd", "a/b", "a\\b", "a\0b", ".hidden", "-rf", "a b", "a\nb", "a..b", "$(x)", "é", "x" * 201],
)
def test_hostile_names_are_refused_and_can_be_made_harmless(name: str) -> None:
    with pytest.raises(BadData, match="file name"):
        check_name(name)
    assert check_name(safe_name(name))


@settings(derandomize=True, deadline=None)
@given(st.text())
def test_any_text_can_be_made_a_harmless_name(text: str) -> None:
    name = safe_name(text)
    assert check_name(name) == name


def test_a_hostile_field_makes_no_name() -> None:
    with pytest.raises(BadData, match="file name"):
        build_name(ENG0, ROOT, "_{group}_eng0.fits", {"tstart": 1, "version": 1, "group": "../../x"})


def test_a_name_that_fits_nothing_is_bad_data() -> None:
    with pytest.raises(BadData, match="fits no registered product"):
        parse_name([EVT0], "holiday.jpg")

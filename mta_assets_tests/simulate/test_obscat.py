import numpy as np
import pytest

from mta_assets.core.errors import ConfigError
from mta_assets.simulate.obscat import load_obscat
from mta_assets.simulate.orbit import ECLIPTIC_POLE
from mta_assets.simulate.sky import sources

HEAD = "obsid,target,ra,dec,instrument,grating,datamode,ccds,weight\n"


def test_the_obscat_asks_for_every_required_configuration():
    asked = {(e.instrument, e.grating, e.datamode) for e in load_obscat()}
    assert {
        ("ACIS-S", "HETG", "FAINT"),
        ("ACIS-I", "NONE", "VFAINT"),
        ("HRC-I", "NONE", ""),
        ("HRC-S", "LETG", ""),
        ("ACIS-S", "NONE", "CC33_FAINT"),
    } <= asked


def test_every_target_can_be_seen_all_year_and_has_sources():
    for entry in load_obscat():
        ra, dec = np.radians(entry.ra), np.radians(entry.dec)
        place = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
        assert abs(np.degrees(np.arcsin(place @ ECLIPTIC_POLE))) > 46
        assert sources(entry.obsid)
    assert len(sources(28102)) > 5


def test_no_more_chips_than_front_end_processors():
    assert all(len(entry.ccds) <= 6 for entry in load_obscat())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,A,0,80,EPIC,NONE,,,1\n", "'EPIC' is not one of"),
        ("1,A,0,80,ACIS-S,XETG,FAINT,7,1\n", "'XETG' is not one of"),
        ("1,A,0,80,HRC-I,NONE,FAINT,,1\n", "data mode 'FAINT' of HRC-I"),
        ("1,A,0,80,ACIS-S,NONE,,7,1\n", "data mode '' of ACIS-S"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(tmp_path, row, message):
    path = tmp_path / "obscat.csv"
    path.write_text(HEAD + row)
    with pytest.raises(ConfigError, match=message):
        load_obscat(path)

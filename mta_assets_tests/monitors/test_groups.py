"""Group lists: order, subsystems, plot ranges, and refusals with file and line."""

from __future__ import annotations

import math

import pytest

from mta_assets.core.errors import ConfigError
from mta_assets.missions.load import built_in_missions, load_mission
from mta_assets.monitors.groups import load_groups
from mta_assets.monitors.limit_table import load_limits

HEADER = "msid,group,subsystem,order,plot_low,plot_high"


def write(tmp_path, *rows, header=HEADER):
    path = tmp_path / "groups.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_groups_stand_in_file_order_and_their_parameters_in_page_order(tmp_path):
    groups = load_groups(write(tmp_path, "B2,Batt,EPS,2,,", "B1,Batt,EPS,1,0,40", "V,Bus,EPS,,,", "T,Temp,THM,1,,"))
    assert groups.groups("EPS") == {"Batt": ("B1", "B2"), "Bus": ("V",)}
    assert groups.msids("EPS") == ("B1", "B2", "V")
    assert groups.groups("PCAD") == {}
    assert groups.plot_range("B1") == (0.0, 40.0)
    assert all(math.isnan(end) for end in groups.plot_range("B2") + groups.plot_range("unknown"))


def test_a_parameter_may_stand_in_two_groups(tmp_path):
    groups = load_groups(write(tmp_path, "B1,Batt,EPS,1,,", "B1,Bus,EPS,1,,"))
    assert groups.msids("EPS") == ("B1",)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("B1,Batt,EPS,1,,", "line 3: B1 stands in group Batt already, line 2"),
        ("B2,Batt,EPS,1,5,5", "line 3: plot_low 5 must lie below plot_high 5"),
        ("B2,,EPS,1,,", "line 3: group is empty"),
        ("B2,Batt,EPS,one,,", "line 3: order: 'one' must be a whole number"),
    ],
)
def test_a_wrong_row_is_refused(tmp_path, row, message):
    with pytest.raises(ConfigError, match=message):
        load_groups(write(tmp_path, "B1,Batt,EPS,1,,", row))


def test_an_unknown_column_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"line 1: unknown columns \['page'\]"):
        load_groups(write(tmp_path, header=HEADER + ",page"))


@pytest.mark.parametrize("name", built_in_missions())
def test_every_limited_parameter_of_a_built_in_mission_has_a_group(name):
    folder = load_mission(name).folder
    listed = {member.msid for member in load_groups(folder / "groups.csv").members}
    assert [msid for msid in load_limits(folder / "limits.csv").msids if msid not in listed] == []


def test_chandra_groups_name_the_subsystem_of_the_dictionary():
    from mta_assets.telemetry.odb import dictionary_of

    mission = load_mission("chandra")
    dictionary = dictionary_of(mission)
    members = load_groups(mission.folder / "groups.csv").members
    assert [m for m in members if dictionary[m.msid].subsystem != m.subsystem] == []

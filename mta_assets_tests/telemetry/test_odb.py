"""The operational database: what it reads, what it refuses, and the one that comes with the Chandra mission."""

import os
import shutil
import time

import pytest

from mta_assets.core.errors import ConfigError
from mta_assets.missions.load import Mission, load_mission
from mta_assets.telemetry.calibrate import Points, Polynomial
from mta_assets.telemetry.odb import Layout, dictionary_of, load_odb, parse_minor_frames
from mta_assets_tests.telemetry.odb_samples import HEADER, odb, write_odb

GOOD = "TEMP,THM,1,1;2,3:64,40,4,12,uint,poly -10 0.5,,DEGC,a temperature"


def test_a_row_becomes_a_parameter(tmp_path):
    d = odb(tmp_path, GOOD, 'DOOR,SIM,2,2,0:128,45,7,1,bool,,0:OPEN;1:SHUT,,"a door, say"')
    p = d["TEMP"]
    assert (p.subsystem, p.group, p.formats, p.frames, p.step) == ("THM", 1, {1, 2}, (3, 67), 64)
    assert (p.offset, p.bit, p.length, p.type, p.unit) == (40, 4, 12, "uint", "DEGC")
    assert p.calibration == Polynomial((-10.0, 0.5))
    assert p.source.endswith("some.csv:2")
    assert d["DOOR"].states == {0: "OPEN", 1: "SHUT"}
    assert d["DOOR"].description == "a door, say"
    assert d.groups["THM", 1].content == "THM1ENG"
    assert d.groups["THM", 1].msids == ("TEMP",)
    assert d.subsystems == ("SIM", "THM")


def test_columns_may_stand_in_any_order(tmp_path):
    order = HEADER.split(",")[::-1]
    cells = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    write_odb(tmp_path, ",".join(cells[c] for c in order), header=",".join(order))
    assert load_odb(tmp_path)["TEMP"].offset == 40


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("TEMP,THM,1,2,0:128,40,0,8,word,,,,", "unknown type 'word'; known: uint, int, float, bool"),
        ("temp,THM,1,2,0:128,40,0,8,uint,,,,", "expected capitals"),
        ("A__q,THM,1,2,0:128,40,0,8,uint,,,,", "expected capitals"),
        ("TEMP,THM,1,2,0:3,40,0,8,uint,,,,", "power of two"),
        ("TEMP,THM,1,2,0:256,40,0,8,uint,,,,", "power of two"),
        ("TEMP,THM,1,2,4:4,40,0,8,uint,,,,", "must lie in 0 … 3"),
        ("TEMP,THM,1,2,4;4,40,0,8,uint,,,,", "different numbers"),
        ("TEMP,THM,1,2,4;128,40,0,8,uint,,,,", "different numbers"),
        ("TEMP,THM,1,,0:128,40,0,8,uint,,,,", "invalid literal"),
        ("TEMP,THM,1,300,0:128,40,0,8,uint,,,,", "formats '300'"),
        ("TEMP,THM,x,2,0:128,40,0,8,uint,,,,", "invalid literal"),
        ("TEMP,THM,1,2,0:128,40,8,8,uint,,,,", "bit 8"),
        ("TEMP,THM,1,2,0:128,40,1,64,uint,,,,", "at most 64"),
        ("TEMP,THM,1,2,0:128,40,0,0,uint,,,,", "length 0"),
        ("TEMP,THM,1,2,0:128,40,0,24,float,,,,", "length 24 does not suit type float"),
        ("TEMP,THM,1,2,0:128,40,0,2,bool,,,,", "length 2 does not suit type bool"),
        ("TEMP,THM,1,2,0:128,1024,0,16,uint,,,,", "not engineering bytes"),
        ("TEMP,THM,1,2,0:128,-1,0,16,uint,,,,", "not engineering bytes"),
        ("TEMP,THM,1,2,0:128,40,0,8,uint,poly 1,,,", "polynomial"),
        ("TEMP,THM,1,2,0:128,40,0,2,uint,,4:ON,,", r"state codes \[4\] do not fit into 2 bits"),
        ("TEMP,THM,1,2,0:128,40,0,2,int,,2:ON,,", r"state codes \[2\] do not fit"),
        ("TEMP,THM,1,2,0:128,40,0,8,uint,poly 0 1,0:A,,", "states and a calibration"),
        ("TEMP,THM,1,2,0:128,40,0,32,float,poly 0 1,,,", "takes no calibration"),
        ("TEMP,THM,1,2,0:128,40", "6 cells, but 13 columns"),
        ('TEMP,THM,1,2,0:128,40,0,8,uint,,,,"open', "unexpected end of data"),
    ],
)
def test_a_wrong_row_is_refused_with_file_and_line(tmp_path, row, says):
    write_odb(tmp_path, GOOD, row)
    with pytest.raises(ConfigError, match=rf"some\.csv:3.*: .*{says}"):
        load_odb(tmp_path)


def test_unknown_and_missing_columns_are_named_with_the_known_ones(tmp_path):
    write_odb(tmp_path, header=HEADER.replace("bit", "bitte"))
    with pytest.raises(
        ConfigError, match=r"some\.csv:1: unknown columns \['bitte'\], missing columns \['bit'\].*known"
    ):
        load_odb(tmp_path)


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"no \*\.csv"):
        load_odb(tmp_path)


def test_a_name_may_be_defined_once_also_across_files(tmp_path):
    write_odb(tmp_path, GOOD, name="a.csv")
    write_odb(tmp_path, GOOD.replace("3:64", "4:64"), name="b.csv")
    with pytest.raises(ConfigError, match=r"b\.csv:2: MSID TEMP is defined already at .*a\.csv:2"):
        load_odb(tmp_path)


def test_parameters_of_a_group_share_one_step(tmp_path):
    with pytest.raises(ConfigError, match=r"some\.csv:3: OTHER comes every 32 .* TEMP every 64"):
        odb(tmp_path, GOOD, "OTHER,THM,1,2,0:32,50,0,8,uint,,,,")


@pytest.mark.parametrize(
    ("place", "collides"),
    [
        ("2,3:64,40,4,12", True),
        ("2,3:128,41,7,1", True),  # the last bit of TEMP, in every second of its frames
        ("2,67;70,41,0,2", True),
        ("2,3:64,40,0,4", False),  # the free bits of the same byte
        ("2,3:64,42,0,8", False),
        ("2,4:64,40,0,16", False),  # other minor frames
        ("3,3:64,40,0,16", False),  # another format
    ],
)
def test_no_two_parameters_claim_the_same_bit(tmp_path, place, collides):
    formats, frames, offset, bit, length = place.split(",")
    row = f"OTHER,SIM,9,{formats},{frames},{offset},{bit},{length},uint,,,,"
    if not collides:
        assert "OTHER" in odb(tmp_path, GOOD, row)
        return
    with pytest.raises(ConfigError, match=r"some\.csv:3: OTHER claims bits that TEMP has \(.*some\.csv:2\)"):
        odb(tmp_path, GOOD, row)


def test_science_and_checksum_bytes_are_not_engineering(tmp_path):
    frame = load_mission("chandra").frame
    for offset in (16, 17, 18, 213, 300, 1024):
        write_odb(tmp_path, f"TEMP,THM,1,2,0:128,{offset},0,8,uint,,,,")
        with pytest.raises(ConfigError, match=rf"bytes {offset} to {offset} are not engineering"):
            load_odb(tmp_path, frame)
    for offset in (10, 32, 212, 271, 514):
        write_odb(tmp_path, f"TEMP,THM,1,2,0:128,{offset},0,8,uint,,,,")
        assert load_odb(tmp_path, frame)["TEMP"].offset == offset


def test_the_period_of_a_list_never_holds_two_of_its_frames():
    assert parse_minor_frames("4;12;20") == ((4, 12, 20, *[-1] * 13), 8)
    assert parse_minor_frames("7") == ((7,), 128)
    assert parse_minor_frames("0;64") == ((0, 64), 64)
    assert parse_minor_frames("63;64") == ((63, 64), 64)
    assert parse_minor_frames("1:2")[0] == tuple(range(1, 128, 2))


def test_an_unknown_msid_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no MSID 'NOPE' among the 1"):
        odb(tmp_path, GOOD)["NOPE"]


def test_a_dictionary_is_read_once_and_again_when_its_file_has_changed(tmp_path):
    built_in = load_mission("chandra")
    folder = tmp_path / "mission"
    folder.mkdir()
    shutil.copy(built_in.folder / "mission.toml", folder)
    write_odb(folder / "odb", GOOD)
    mission = Mission(folder, built_in.file)
    first = dictionary_of(mission)
    assert dictionary_of(mission) is first
    write_odb(folder / "odb", GOOD, GOOD.replace("TEMP", "MORE").replace("3:64", "4:64"))
    os.utime(folder / "odb" / "some.csv", ns=(1, time.time_ns() + 1))
    assert set(dictionary_of(mission).msids) == {"TEMP", "MORE"}


# The dictionary of the Chandra mission

SUBSYSTEMS = "ACIS CCDM CPE EPHIN EPS HRC MISC OBC PCAD PROP SIM SMS TEL THM"
NEEDED = """COBSRQID CCSDSTMF CVCDUCTR AOATTQT1 AOATTQT2 AOATTQT3 AOATTQT4 AORATE1 AORATE2 AORATE3 AOPCADMD AOACASEQ
AOACMAG0 AOACYAN7 AOACZAN3 AOACFCT0 3TSCPOS 3FAPOS 4HPOSARO 4HPOSBRO 4LPOSARO 4LPOSBRO 3LDRTNO 1DPAMZT 1DEAMZT
1PIN1AT 1PDEAAT TEPHIN 1CRAT ELBV ELBI_LOW ESAPYI EB1V AACCCDPT 2DETART 2SHEV1RT 2TLEV1RT 2VLEV1RT 2IMTPAST 2PRBSVL
SCE1300 SCP4GM CTXAPWR PM1THV1T OOBTHR10 OHRTHR10 4RT700T 1STAT0ST COSCS107S CORADMEN"""


@pytest.fixture(scope="module")
def chandra():
    return dictionary_of(load_mission("chandra"))


def test_the_chandra_dictionary_has_all_subsystems_and_over_a_thousand_parameters(chandra):
    assert len(chandra.msids) >= 1100
    assert " ".join(chandra.subsystems) == SUBSYSTEMS
    assert [name for name in NEEDED.split() if name not in chandra] == []


def test_real_positions_are_kept(chandra):
    obsid = chandra["COBSRQID"]
    assert (obsid.frames[:3], obsid.step, obsid.offset, obsid.length) == ((4, 12, 20), 8, 128, 32)
    assert (chandra["1PIN1AT"].frames, chandra["1PIN1AT"].offset) == ((0, 64), 271)
    assert (chandra["1CRAT"].frames, chandra["1CRAT"].offset) == ((94,), 10)
    assert {chandra[f"1STAT{i}ST"].offset for i in range(8)} == {514}
    assert {chandra[f"1STAT{i}ST"].frames for i in range(8)} == {(12,)}


def test_attitude_is_fine_enough(chandra):
    for i in range(1, 5):
        p = chandra[f"AOATTQT{i}"]
        assert isinstance(p.calibration, Polynomial)
        assert p.calibration.coefficients[1] < 1e-9
        assert p.step * chandra.layout.period == 1.025


def test_every_analogue_parameter_has_a_unit_or_is_a_count_and_a_description(chandra):
    assert [p.msid for p in chandra.msids.values() if not p.description] == []
    points = [p for p in chandra.msids.values() if isinstance(p.calibration, Points)]
    assert len(points) > 100


def test_bytes_are_left_for_growth(chandra):
    frame = load_mission("chandra").frame
    layout = Layout.of(frame)
    used = {b for p in chandra.msids.values() for b in p.bytes}
    free = set(range(32, 213)) - used - layout.reserved
    assert len(free) >= 40

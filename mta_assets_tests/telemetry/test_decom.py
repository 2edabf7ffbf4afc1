"""Decommutation: from bits to rows, with everything that can be missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.flags import Quality
from mta_assets.missions.load import load_mission
from mta_assets.simulate.engineering_encode import Encoder, encode
from mta_assets.telemetry.decom import decommutate, times_at, values
from mta_assets.telemetry.odb import Layout, Parameter, build_dictionary, dictionary_of
from mta_assets_tests.telemetry.odb_samples import PERIOD, block, odb

MAJOR = np.arange(128)


def flags(table, name):
    return table[f"{name}__q"].tolist() if f"{name}__q" in table else [0] * len(table)


def test_a_field_is_read_big_endian_from_its_first_bit(tmp_path):
    d = odb(tmp_path, "WORD,PCAD,3,2,5:128,40,4,12,uint,,,,", "BYTE,PCAD,3,2,5:128,43,0,8,int,,,,")
    b = block(MAJOR)
    b.data[5, 40:44] = [0xFA, 0xBC, 0xFF, 0x80]
    table = decommutate(b, d)["PCAD", 3]
    assert table["WORD"].tolist() == [0xABC]
    assert table["BYTE"].tolist() == [-128]
    assert table.name == "PCAD3ENG"


def test_rows_are_periods_with_the_time_of_the_frame_that_starts_them(tmp_path):
    d = odb(tmp_path, "A,PCAD,3,2,1:32,40,0,8,uint,,,,", "B,PCAD,3,2,30:32,40,0,8,uint,,,,")
    b = block(MAJOR + 12800)
    b.data[:, 40] = MAJOR
    table = decommutate(b, d)["PCAD", 3]
    assert table["A"].tolist() == [1, 33, 65, 97]
    assert table["B"].tolist() == [30, 62, 94, 126]
    assert table["counter"].tolist() == [12800, 12832, 12864, 12896]
    assert table["time"].tolist() == (1000 + table["counter"] * PERIOD).tolist()


def test_values_raw_counts_and_quality_stand_side_by_side_where_they_differ(tmp_path):
    d = odb(
        tmp_path,
        "T,THM,1,2,0:64,40,0,8,uint,points 10:0 20:100,,DEGC,temp",
        "S,THM,1,2,0:64,41,0,2,uint,,0:OFF;1:ON,,",
        "N,THM,1,2,0:64,42,0,8,uint,,,,",
    )
    b = block(MAJOR)
    b.data[[0, 64], 40] = [15, 21]
    b.data[[0, 64], 41] = [0x40, 0x80]
    b.data[[0, 64], 42] = [7, 8]
    table = decommutate(b, d)["THM", 1]
    assert list(table.columns) == ["time", "counter", "T", "T__r", "T__q", "S", "S__r", "S__q", "N"]
    assert table["T"].tolist() == [50.0, 100.0]
    assert table["T__r"].tolist() == [15, 21]
    assert table["T__q"].tolist() == [0, Quality.OUT_OF_RANGE]
    assert table["S"].tolist() == ["ON", ""]
    assert table["S__r"].tolist() == [1, 2]
    assert table["S__q"].tolist() == [0, Quality.OUT_OF_RANGE]
    assert table["N"].tolist() == [7, 8]
    assert table.schema is not None
    assert list(table.schema.names) == list(table.columns)
    assert table.schema.columns[2].unit == "DEGC"
    assert list(decommutate(b, d, fields=["values"])["THM", 1].columns) == ["time", "counter", "T", "S", "N"]
    assert list(decommutate(b, d, fields=["raw"])["THM", 1].columns) == ["time", "counter", "T__r", "S__r", "N"]


def test_only_the_parameters_asked_for_are_decommutated(tmp_path):
    d = odb(tmp_path, "A,PCAD,3,2,0:128,40,0,8,uint,,,,", "B,THM,3,2,0:128,41,0,8,uint,,,,")
    assert list(decommutate(block(MAJOR), d, ["B"])) == [("THM", 3)]


def test_a_missing_frame_leaves_a_filler_that_says_so(tmp_path):
    d = odb(
        tmp_path,
        "F,PCAD,3,2,2:64,40,0,8,uint,poly 5 1,,,",
        "N,PCAD,3,2,2:64,41,0,8,uint,,,,",
        "S,PCAD,3,2,2:64,42,0,1,bool,,0:OFF;1:ON,,",
        "X,PCAD,3,2,2:64,44,0,32,float,,,,",
    )
    data = np.full((128, 1025), 0x41, np.uint8)
    keep = MAJOR != 66
    table = decommutate(block(MAJOR[keep], data[keep]), d)["PCAD", 3]
    for name in "FNSX":
        assert flags(table, name) == [0, Quality.MISSING]
    assert np.isnan(table["F"][1])
    assert table["F"][0] == 0x46
    assert table["F__r"].tolist() == [0x41, 0]
    assert table["N"].tolist() == [0x41, 0]
    assert table["S"].tolist() == ["OFF", ""]
    assert np.isnan(table["X"][1])


def test_a_row_exists_if_any_frame_of_its_period_came_down(tmp_path):
    d = odb(tmp_path, "A,PCAD,3,2,0:32,40,0,8,uint,,,,")
    table = decommutate(block([5, 64, 65, 100]), d)["PCAD", 3]
    assert table["counter"].tolist() == [0, 64, 96]
    assert flags(table, "A") == [Quality.MISSING, 0, Quality.MISSING]
    assert table["time"].tolist() == pytest.approx([1000.0, 1000 + 64 * PERIOD, 1000 + 96 * PERIOD])


def test_a_gap_of_years_costs_no_memory(tmp_path):
    d = odb(tmp_path, "A,PCAD,3,2,0:128,40,0,8,uint,,,,")
    table = decommutate(block([0, 1, 10**12]), d)["PCAD", 3]
    assert table["counter"].tolist() == [0, 10**12 // 128 * 128]


def test_another_format_carries_nothing_and_is_flagged(tmp_path):
    d = odb(tmp_path, "A,PCAD,3,1;2,0:64,40,0,8,uint,poly 1 1,,,", "B,PCAD,3,1,0:64,41,0,8,uint,,,,")
    b = block(MAJOR, np.full((128, 1025), 9, np.uint8), format=np.where(MAJOR < 64, 1, 2))
    table = decommutate(b, d)["PCAD", 3]
    assert table["A"].tolist() == [10.0, 10.0]
    assert "A__q" not in table
    assert table["B"].tolist() == [9, 0]
    assert flags(table, "B") == [0, Quality.OTHER_FORMAT]


def test_flags_of_a_frame_go_to_its_samples_and_their_values_stay(tmp_path):
    d = odb(tmp_path, "A,PCAD,3,2,0:64,40,0,8,uint,points 0:0 5:5,,,", "B,PCAD,3,2,1:64,40,0,8,uint,,,,")
    b = block(MAJOR, np.full((128, 1025), 6, np.uint8))
    b.quality[64] = Quality.BAD_CHECKSUM | Quality.TIME_STEP
    table = decommutate(b, d)["PCAD", 3]
    both = Quality.OUT_OF_RANGE | Quality.BAD_CHECKSUM | Quality.TIME_STEP
    assert flags(table, "A") == [Quality.OUT_OF_RANGE, both]
    assert table["A"].tolist() == [5.0, 5.0]
    assert "B__q" not in table


def test_a_list_of_minor_frames_leaves_its_other_periods_missing(tmp_path):
    d = odb(tmp_path, "A,PCAD,3,2,4;12;28,40,0,8,uint,,,,")
    b = block(MAJOR)
    b.data[:, 40] = MAJOR
    table = decommutate(b, d)["PCAD", 3]
    assert table["A"].tolist()[:5] == [4, 12, 0, 28, 0]
    assert flags(table, "A")[:5] == [0, 0, Quality.MISSING, 0, Quality.MISSING]


def test_values_are_the_rows_of_the_table(tmp_path):
    d = odb(tmp_path, "A,PCAD,3,2,1:32,40,0,8,uint,poly 0 2,,,", "B,PCAD,3,2,0:32,41,0,8,uint,,,,")
    b = block(MAJOR[3:])
    b.data[:, 40] = MAJOR[3:]
    table = decommutate(b, d)["PCAD", 3]
    time, value, quality = values(b, d, "A")
    assert time.tolist() == table["time"].tolist()
    assert value.tolist()[1:] == [66.0, 130.0, 194.0]
    assert quality.tolist() == flags(table, "A")


def test_no_frames_give_no_tables(tmp_path):
    d = odb(tmp_path, "A,PCAD,3,2,0:128,40,0,8,uint,,0:ON,,")
    assert decommutate(block([]), d) == {}
    assert [len(a) for a in values(block([]), d, "A")] == [0, 0, 0]


def test_the_time_of_a_missing_frame_follows_from_the_one_before():
    at = times_at(np.array([10, 20]), np.array([100.0, 200.0]), np.array([8, 10, 19, 20, 21]), 0.25)
    assert at.tolist() == [99.5, 100.0, 102.25, 200.0, 200.25]


def test_the_frames_are_not_changed(tmp_path):
    d = odb(tmp_path, "A,PCAD,3,1,0:1,40,0,8,uint,,,,", "B,PCAD,3,1,0:1,41,2,3,int,,,,")
    b = block(MAJOR, np.full((128, 1025), 0xA5, np.uint8))
    b.data.setflags(write=False)
    b.quality.setflags(write=False)
    decommutate(b, d)
    assert (b.data == 0xA5).all()
    assert not b.quality.any()


@st.composite
def fields(draw):
    kind = draw(st.sampled_from(["uint", "int", "bool", "float"]))
    bit = draw(st.integers(0, 7))
    if kind == "bool":
        length = 1
    elif kind == "float":
        length = draw(st.sampled_from([32, 64] if bit == 0 else [32]))
    else:
        length = draw(st.integers(1 if kind == "uint" else 2, 64 - bit))
    return kind, draw(st.integers(32, 200)), bit, length, draw(st.sampled_from([1, 4, 64, 128]))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(fields(), st.integers(0, 2**32 - 1))
def test_any_field_comes_back_as_it_was_written_and_touches_no_other_bit(field, seed):
    kind, offset, bit, length, step = field
    start = seed % step
    p = Parameter("A", "X", 1, frozenset([2]), tuple(range(start, 128, step)), step, offset, bit, length, kind)
    d = build_dictionary([p], Layout())
    rng = np.random.default_rng(seed)
    before = rng.integers(0, 256, (128, 1025), dtype=np.uint8)
    after = before.copy()
    encoder = Encoder(d, MAJOR, np.full(128, 2, np.uint8), MAJOR * PERIOD, after)
    count = len(encoder.samples("A"))
    if kind == "float":
        counts = rng.normal(size=count).astype(p.raw_dtype)
    else:
        counts = rng.integers(
            p.smallest, p.largest, count, endpoint=True, dtype=np.uint64 if kind != "int" else np.int64
        )
    encoder.put_counts("A", counts)
    assert values(block(MAJOR, after), d, "A")[1].tolist() == counts.astype(p.raw_dtype).tolist()
    mine = np.zeros((128, 1025 * 8), bool)
    mine[start::step, offset * 8 + bit : offset * 8 + bit + length] = True
    changed = np.unpackbits(before ^ after, axis=1).astype(bool)
    assert not (changed & ~mine).any()


def test_all_counts_of_the_chandra_dictionary_come_back(tmp_path):
    """Every parameter filled with random counts; no one disturbs another, and all come back the same."""
    d = dictionary_of(load_mission("chandra"))
    counter = np.arange(256) + 128 * 1500
    b = block(counter, format=np.where(np.arange(256) < 128, 1, 2))
    encoder = Encoder(d, counter, b.format, b.time, b.data)
    rng = np.random.default_rng(20240301)
    sent = {}
    for name, p in d.msids.items():
        counts = rng.integers(p.smallest, p.largest, len(encoder.samples(name)), endpoint=True)
        encoder.put_counts(name, counts)
        sent[name] = counts
    tables = decommutate(b, d)
    for name, p in d.msids.items():
        table = tables[p.subsystem, p.group]
        raw = table[f"{name}__r"] if p.converted else table[name]
        carried = np.array(flags(table, name)) & Quality.OTHER_FORMAT == 0
        assert raw[carried].tolist() == sent[name].tolist(), name


def test_engineering_values_of_the_chandra_dictionary_come_back_within_one_count():
    d = dictionary_of(load_mission("chandra"))
    counter = np.arange(128)
    b = block(counter)
    b.data[:, 2:5] = 0xEE
    wanted = {}
    for name, p in d.msids.items():
        if p.states:
            wanted[name] = sorted(p.states.values())[0]
        elif p.calibration is not None:
            low, high = p.convert(np.array([p.smallest, p.largest]))[0]
            wanted[name] = float(low + 0.37 * (np.float64(high) - low))
        else:
            wanted[name] = p.largest // 3
    encode(d, counter, b.format, b.time, wanted, b.data)
    assert (b.data[:, 2:5] == 0xEE).all(), "the header belongs to the frame"
    tables = decommutate(b, d)
    for name, p in d.msids.items():
        if not d.layout.header.isdisjoint(p.bytes):
            continue
        got = tables[p.subsystem, p.group][name]
        if p.states or p.calibration is None:
            assert set(got.tolist()) == {wanted[name]}, name
            continue
        raw = tables[p.subsystem, p.group][f"{name}__r"].astype(np.int64)
        around = p.convert(np.clip([raw[0] - 1, raw[0] + 1], p.smallest, p.largest))[0].astype(float)
        assert np.abs(got - wanted[name]).max() <= abs(around[1] - around[0]), name


def test_functions_of_time_are_asked_at_the_times_that_the_rows_will_have(tmp_path):
    d = odb(tmp_path, "A,PCAD,3,2,5:32,40,0,16,uint,poly 0 0.001,,s,")
    b = block(MAJOR + 1280)
    encode(d, b.counter, b.format, b.time, {"A": lambda t: t - 1300.0}, b.data)
    time, value, _ = values(b, d, "A")
    assert value == pytest.approx(time - 1300.0, abs=0.0005)

"""A file of packets as a playback: its faults, its times, its products, and files that are none."""

from __future__ import annotations

import gc
import shutil
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.flags import Quality
from mta_assets.core.times import from_utc
from mta_assets.level0.packets import extract, record_packets
from mta_assets.missions.load import BUILT_IN, PacketTimeSection, load_mission
from mta_assets.telemetry.ccsds_faults import MOST, FaultBook, steady
from mta_assets.telemetry.ccsds_playback import open_packets
from mta_assets.telemetry.packet_decom import decode, tables
from mta_assets.telemetry.packet_time import packet_times, time_fields
from mta_assets.telemetry.playback import open_playback, partition_key
from mta_assets_tests.telemetry.spp_reference import packet

DAY = 23109  # 2021-04-09
LENGTH = 71  # bytes of a geolocation packet


def geolocation(second, count=None, apid=11):
    """A packet as of JPSS-1 with a body that depends on its second."""
    head = DAY.to_bytes(2, "big") + (second * 1000).to_bytes(4, "big") + (7).to_bytes(2, "big")
    body = np.random.default_rng(second).integers(0, 256, LENGTH - 6 - 8, np.uint8).tobytes()
    return packet(head + body, apid, second if count is None else count, secondary=1)


def opened(tmp_path, *parts, name="some.DAT1"):
    path = tmp_path / name
    path.write_bytes(b"".join(parts))
    return open_playback(path, load_mission("jpss"))


def faults(playback):
    rows = zip(*(playback.faults[name].tolist() for name in ("kind", "source", "count")), strict=True)
    return [tuple(row) for row in rows]


def test_a_whole_playback_has_its_interval_its_key_and_no_fault(tmp_path):
    playback = opened(tmp_path, *(geolocation(n) for n in range(100)))
    start = from_utc("2021-04-09T00:00:00")
    assert playback.kind == "ccsds"
    assert playback.tstart == pytest.approx(start + 7e-6, abs=2e-7)
    assert playback.tstop == pytest.approx(start + 99, abs=1e-5)
    assert faults(playback) == []
    assert playback.facts["packets"] == 100
    assert partition_key(playback).startswith("20210409T000000-")
    assert playback.size == 100 * LENGTH


def test_a_gap_is_found_with_the_times_on_both_sides(tmp_path):
    playback = opened(tmp_path, *(geolocation(n) for n in range(60) if not 20 <= n < 25))
    assert faults(playback) == [("sequence_gap", "JPSS_ATT_EPHEM", 5)]
    assert playback.faults["tstop"][0] - playback.faults["tstart"][0] == pytest.approx(6)
    assert playback.faults["first"][0] == 20
    assert playback.faults["last"][0] == 24
    assert playback.summary["missing"].tolist() == [5]


def test_a_repeated_packet_is_counted_and_is_in_the_tables_once(tmp_path):
    playback = opened(tmp_path, *(geolocation(n) for n in [*range(30), 29, *range(30, 60)]))
    assert faults(playback) == [("duplicate", "JPSS_ATT_EPHEM", 1)]
    assert sum(len(block["JPSS_ATT_EPHEM"]) for block in playback.tables()) == 60


def test_a_damaged_time_does_not_stretch_the_playback(tmp_path):
    parts = [bytearray(geolocation(n)) for n in range(60)]
    parts[30][6] ^= 0x80  # the day is 90 years off
    playback = opened(tmp_path, *parts)
    assert playback.tstop - playback.tstart == pytest.approx(59)
    assert [kind for kind, *_ in faults(playback)] == ["time_step"]
    table = next(playback.tables())["JPSS_ATT_EPHEM"]
    assert np.diff(table["time"]) == pytest.approx(1)
    assert np.flatnonzero(table["time__q"]).tolist() == [30]
    assert table["time__q"][30] == Quality.TIME_STEP
    assert table["DOY"][30] == DAY ^ 0x8000  # what was sent stays


def test_packets_of_unknown_type_are_counted_and_named(tmp_path):
    playback = opened(tmp_path, *(geolocation(n, apid=11 + n % 2, count=n // 2) for n in range(60)))
    assert faults(playback) == [("unplaced", "CCSDSPacket", 30)]
    assert playback.summary["packet"].tolist() == ["", "JPSS_ATT_EPHEM"]
    assert playback.facts["apids"] == [11, 12]


def test_lost_sync_and_a_cut_end_are_in_the_faults_with_their_bytes(tmp_path):
    good = [geolocation(n) for n in range(60)]
    playback = opened(tmp_path, *good[:30], b"\xff" * 50, *good[30:], good[0][:40])
    assert sorted(faults(playback)) == [("bad_sync", "packets", 50), ("truncated", "packets", 40)]
    assert playback.facts["packets"] == 60
    assert playback.facts["skipped_bytes"] == 90


def test_short_packets_of_a_known_type_are_bad_packets(tmp_path):
    parts = [geolocation(n) for n in range(20)]
    parts[7] = packet(parts[7][6:40], 11, 7, secondary=1)
    playback = opened(tmp_path, *parts)
    assert faults(playback) == [("bad_packet", "JPSS_ATT_EPHEM", 1)]
    assert "40 bytes: ends before" in playback.faults["detail"][0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\xff" * 5000, "found none in 5000 bytes"),
        (b"\0" * 5000, "found none"),
        (b"".join(geolocation(n, apid=99) for n in range(20)), r"APID 99.*JPSS_ATT_EPHEM"),
        (geolocation(0)[:50], "found none"),
    ],
)
def test_a_file_without_usable_packets_is_bad_data_with_the_reason(tmp_path, content, reason):
    with pytest.raises(BadData, match=rf"some\.DAT1.*{reason}"):
        opened(tmp_path, content)


@settings(derandomize=True, deadline=None, max_examples=120)
@given(st.lists(st.tuples(st.integers(0, 40 * LENGTH * 8 - 1), st.sampled_from(["bit", "cut", "insert"])), max_size=4))
def test_any_damage_gives_a_playback_with_faults_or_bad_data(tmp_path_factory, damages):
    data = bytearray(b"".join(geolocation(n) for n in range(40)))
    for place, how in damages:
        at = min(place // 8, len(data) - 1)
        if how == "bit":
            data[at] ^= 0x80 >> place % 8
        elif how == "cut":
            del data[at : at + 1 + place % 100]
        else:
            data[at:at] = bytes([place % 256]) * (place % 50)
    folder = tmp_path_factory.mktemp("damaged")
    try:
        playback = opened(folder, bytes(data))
    except BadData:
        return
    rows = sum(len(table) for block in playback.tables() for table in block.values())
    lost = sum(count for kind, _, count in faults(playback) if kind == "unplaced")
    short = sum(count for kind, source, count in faults(playback) if kind == "bad_packet" and source != "packets")
    described = sum(
        count for kind, source, count in faults(playback) if kind == "unplaced" and source == "JPSS_ATT_EPHEM"
    )
    again = playback.facts["duplicates"]
    assert rows + lost - described + short + again == playback.facts["packets"]
    products = list(extract(playback, playback.mission, None))
    assert sum(product.rows for product in products) == rows
    bad = sum(count for kind, source, count in faults(playback) if source == "packets")
    assert int(playback.summary["bytes"].sum()) + bad == len(data)


def test_the_hourly_files_hold_every_row_once_in_order_of_time(tmp_path):
    seconds = np.arange(0, 3 * 3600 + 700)
    order = seconds.copy()
    order[[4000, 4001]] = order[[4001, 4000]]
    playback = opened(tmp_path, *(geolocation(int(n)) for n in order))
    products = list(extract(playback, playback.mission, None))
    assert len(products) == 3
    for product in products:
        values, counts = product.table("VALUES"), product.table("COUNTS")
        assert next(iter(values.columns)) == next(iter(counts.columns)) == "TIME"
        assert np.all(np.diff(values["TIME"]) > 0)
        np.testing.assert_array_equal(values["TIME"], counts["TIME"])
        assert product.tstart == values["TIME"][0]
        assert product.fields == {"packet": "jpss_att_ephem"}
    milliseconds = np.concatenate([p.table("COUNTS")["MSEC"] for p in products])
    assert milliseconds.tolist() == (seconds * 1000).tolist()


def test_the_record_names_the_file_and_carries_the_faults(tmp_path):
    playback = opened(tmp_path, *(geolocation(n) for n in range(60) if n != 20))
    product, table, facts = record_packets(playback, playback.mission, None)
    assert product.file_id == "PLAYBACK_RECORD"
    assert product.header["PLAYBACK"][0] == "some.DAT1"
    assert product.table("PACKETS")["count"].tolist() == [59]
    assert table["kind"].tolist() == product.table("FAULTS")["kind"].tolist() == ["sequence_gap"]
    assert facts["missing"] == 1


def test_values_and_counts_are_parted_and_byte_strings_are_counts():
    from mta_assets.core.tables import Column, Schema, Table

    columns = {
        "packet": np.arange(2), "A": np.array([1.5, 2.5]), "A__r": np.array([1, 2], np.uint8),
        "A__q": np.array([0, 64], np.uint8), "B": np.zeros((2, 3), np.uint8), "B__n": np.array([3, 2], np.int32),
    }  # fmt: skip
    schema = Schema("X", tuple(Column(name, array.dtype.str[1:]) for name, array in columns.items()))
    blocks = [{"X": Table("X", columns, {}, schema)}]
    playback = SimpleNamespace(tables=lambda: iter(blocks), tstart=0.0, tstop=9.0, path=SimpleNamespace(name="f"))
    (product,) = extract(playback, None, None)
    assert list(product.table("VALUES").columns) == ["PACKET", "A", "A__q"]
    assert list(product.table("COUNTS").columns) == ["PACKET", "A", "B", "B__n"]
    assert product.table("COUNTS")["A"].tolist() == [1, 2]
    assert (product.tstart, product.tstop) == (0.0, 9.0)


def test_a_mission_without_packet_times_can_not_have_playbacks(tmp_path):
    folder = tmp_path / "mission"
    shutil.copytree(BUILT_IN / "jpss", folder)
    text = (folder / "mission.toml").read_text()
    (folder / "mission.toml").write_text(text[: text.index("[packet_time]")])
    (tmp_path / "a.DAT1").write_bytes(geolocation(0))
    with pytest.raises(ConfigError, match="packet_time"):
        open_packets(tmp_path / "a.DAT1", load_mission(folder))


def test_days_and_seconds_give_the_same_time_over_a_leap_second():
    days = PacketTimeSection(epoch="1958-01-01T00:00:00", scale="utc", days="D", milliseconds="M", microseconds="U")
    fields = {"D": np.array([21549, 21550]), "M": np.array([86_400_500, 0]), "U": np.array([250, 0])}
    time = packet_times(days, fields)  # 2016-12-31 ends with a leap second
    assert time[0] == pytest.approx(from_utc("2016-12-31T23:59:60.500250"), abs=1e-6)
    assert time[1] == pytest.approx(from_utc("2017-01-01T00:00:00"), abs=1e-6)


@pytest.mark.parametrize("scale", ["tt", "tai"])
def test_even_seconds_with_a_fraction_are_counted_from_their_epoch(scale):
    rule = PacketTimeSection(
        epoch="2010-01-01T00:00:00", scale=scale, seconds="S", subseconds="F", subsecond_unit=2.0**-16
    )
    time = packet_times(rule, {"S": np.array([0, 10, 500_000_000], np.uint32), "F": np.array([0, 32768, 0], np.uint16)})
    zero = from_utc("2010-01-01T00:00:00") - 66.184 + (0.0 if scale == "tt" else 32.184)
    assert time == pytest.approx(zero + np.array([0, 10.5, 500_000_000]), abs=1e-6)


def test_a_time_rule_must_name_days_or_seconds():
    with pytest.raises(ConfigError, match="either days"):
        time_fields(PacketTimeSection(epoch="2010-01-01T00:00:00"))


def test_an_epoch_that_is_no_date_is_named():
    with pytest.raises(ConfigError, match="epoch 'then' is not like 1958"):
        packet_times(PacketTimeSection(epoch="then", seconds="S"), {"S": np.array([1])})


def test_blocks_do_not_pile_up_in_memory(tmp_path):
    path = tmp_path / "long.DAT1"
    path.write_bytes(b"".join(geolocation(n) for n in range(20000)))
    playback = open_packets(path, load_mission("jpss"))
    gc.collect()
    gc.disable()  # what only the collector frees would pile up between its runs
    try:
        gone = []
        for packets in playback.packets(block=1):
            decoded = decode(playback.model, packets)
            gone.append(weakref.ref(packets))
            tables(playback.model, packets, decoded, playback.rule)
        del packets, decoded
        assert len(gone) > 1
        assert [reference() for reference in gone] == [None] * len(gone)
    finally:
        gc.enable()


def test_only_single_times_far_from_both_neighbours_are_moved():
    time = np.arange(20.0)
    time[7] = 1e9
    moved = steady(time)
    assert moved[0].tolist() == list(range(20))
    assert np.flatnonzero(moved[1]).tolist() == [7]
    gap = np.where(np.arange(20) < 10, np.arange(20.0), np.arange(20.0) + 5000)
    assert not steady(gap)[1].any()


@pytest.mark.parametrize("place", [0, -1])
def test_a_wrong_first_or_last_time_is_moved_if_it_is_more_than_a_day_off(place):
    time = np.arange(20.0)
    time[place] += 86402
    assert np.flatnonzero(steady(time)[1]).tolist() == [place % 20]
    time[place] -= 80000
    assert not steady(time)[1].any()


def test_very_many_faults_of_a_kind_are_summed_up():
    book = FaultBook()
    for n in range(MOST + 5):
        book.add("sequence_gap", "A", float(n), n + 1.0, n, n, 2, "")
    table = book.table()
    assert len(table) == MOST + 1
    assert table["count"].sum() == 2 * (MOST + 5)
    assert table["detail"][-1] == "5 more of this kind, summed up"

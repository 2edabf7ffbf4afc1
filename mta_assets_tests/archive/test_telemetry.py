from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.samples import ParameterInfo, to_nanoseconds
from mta_assets_tests.archive.telemetry_rows import group

DAY = 86400.0


@pytest.fixture
def archive(url: str, tmp_path: Path) -> Iterator[TelemetryArchive]:
    with TelemetryArchive(url, tmp_path / "telemetry") as opened:
        yield opened


def put(archive: TelemetryArchive, source: str, rows: GroupRows) -> int:
    return archive.commit(source, [rows], 0.0, 1.0, "test").transaction


def test_what_goes_in_comes_out_with_times_to_the_bit(archive: TelemetryArchive) -> None:
    times = 8.5e8 + np.array([0.1, 10.1, 20.3])
    assert put(archive, "a", group(times, [1.5, 2.5, np.pi], [0, 1, 2])) == 1
    found = archive.snapshot().read(["TEMP", "mode"], None, None)
    assert found["TEMP"].times.tolist() == times.tolist()
    assert found["TEMP"].values.tolist() == [1.5, 2.5, np.pi]
    assert found["mode"].texts.tolist() == ["OFF", "ON", "STBY"]
    assert found["TEMP"].quality is None


def test_an_interval_holds_its_start_and_not_its_end(archive: TelemetryArchive) -> None:
    put(archive, "a", group([10.0, 20.0, 30.0]))
    found = archive.snapshot().read(["TEMP"], 10.0, 30.0)["TEMP"]
    assert found.times.tolist() == [10.0, 20.0]


@pytest.mark.parametrize("parts", [1, 2])
def test_an_answer_belongs_to_its_reader(archive: TelemetryArchive, parts: int) -> None:
    for part in range(parts):
        archive.commit(f"P{part}", [group([10.0 * part, 10.0 * part + 1])], 10.0 * part, 10.0 * part + 2)
    found = archive.snapshot().read(["TEMP"])["TEMP"]
    before = found.values.tolist()
    found.values[:] = -1.0  # as one does in a session
    found.time[:] = 0
    assert archive.snapshot().read(["TEMP"])["TEMP"].values.tolist() == before


def test_an_unknown_name_is_named(archive: TelemetryArchive) -> None:
    put(archive, "a", group([10.0]))
    with pytest.raises(BadData, match="'TEMPP'"):
        archive.snapshot().read(["TEMPP"], None, None)
    assert archive.snapshot().info("TEMPP") is None


def test_a_source_that_comes_again_replaces_its_own_rows_only(archive: TelemetryArchive) -> None:
    put(archive, "a", group([10.0, 20.0, 30.0], [1, 1, 1]))
    put(archive, "b", group([40.0, 50.0], [2, 2]))
    put(archive, "a", group([10.0, 30.0], [3, 3]))
    found = archive.snapshot().read(["TEMP"])["TEMP"]
    assert found.times.tolist() == [10.0, 30.0, 40.0, 50.0]
    assert found.values.tolist() == [3, 3, 2, 2]


def test_a_snapshot_does_not_change_under_its_reader(archive: TelemetryArchive) -> None:
    put(archive, "a", group([10.0, 20.0], [1, 1]))
    before = archive.snapshot()
    put(archive, "a", group([10.0, 20.0], [2, 2]))
    assert before.read(["TEMP"])["TEMP"].values.tolist() == [1, 1]
    assert archive.snapshot().read(["TEMP"])["TEMP"].values.tolist() == [2, 2]


def test_rows_of_several_sources_at_one_time_give_the_first_good_cell_in_either_order(
    archive: TelemetryArchive,
) -> None:
    missing = np.array([Quality.MISSING, 0], np.uint8)
    early = group([10.0, 20.0], [np.nan, 7.0], quality={"TEMP": missing})
    late = group([10.0 + 1e-7, 20.0], [5.0, 8.0])
    for order in (("a", "b"), ("b", "a")):
        for source in order:
            put(archive, source, early if source == "a" else late)
        found = archive.snapshot().read(["TEMP"])["TEMP"]
        assert found.times.tolist() == [10.0, 20.0]
        assert found.values.tolist() == [5.0, 7.0]
        archive.withdraw("a", "test")
        archive.withdraw("b", "test")
        assert len(archive.snapshot().read(["TEMP"])["TEMP"]) == 0


def test_fillers_are_no_samples_and_suspicious_ones_are_flagged(archive: TelemetryArchive) -> None:
    flags = np.array([Quality.MISSING, Quality.BAD_CHECKSUM, 0], np.uint8)
    put(archive, "a", group([10.0, 20.0, 30.0], [np.nan, 2.0, 3.0], quality={"TEMP": flags}))
    found = archive.snapshot().read(["TEMP"])["TEMP"]
    assert found.times.tolist() == [20.0, 30.0]
    assert found.bads.tolist() == [True, False]
    assert archive.snapshot().statistics("TEMP", "hour").n.tolist() == [1]


def test_statistics_of_a_bucket(archive: TelemetryArchive) -> None:
    put(archive, "a", group([0.0, 10.0, 30.0, 328.0], [1.0, 2.0, 6.0, 9.0], [0, 1, 1, 2]))
    found = archive.snapshot().statistics("TEMP", "5min")
    assert found.bucket.tolist() == [0, 1]
    assert found.n.tolist() == [3, 1]
    assert found.min.tolist() == [1.0, 9.0]
    assert found.max.tolist() == [6.0, 9.0]
    assert found.mean.tolist() == [3.0, 9.0]
    # 10 s at 1, 20 s at 2, and the last one stands for a period, 10 s, at 6
    assert found.tmean.tolist() == pytest.approx([(10 * 1 + 20 * 2 + 10 * 6) / 40, 9.0], rel=1e-15)
    assert found.std.tolist() == pytest.approx([np.std([1, 2, 6]), 0.0], rel=1e-15)
    assert found.first.tolist() == [1.0, 9.0]
    assert found.last.tolist() == [6.0, 9.0]
    states = archive.snapshot().statistics("MODE", "5min")
    assert {code: n.tolist() for code, n in states.counts.items()} == {0: [1, 0], 1: [2, 0], 2: [0, 1]}
    assert np.isnan(states.mean).all()


def test_days_are_what_their_samples_say(archive: TelemetryArchive) -> None:
    times = np.arange(0, 2 * DAY, 600.0)
    temp = np.sin(times / 9000.0) + 100.0
    put(archive, "a", group(times[:150], temp[:150]))
    put(archive, "b", group(times[150:], temp[150:]))
    found = archive.snapshot().statistics("TEMP", "day")
    for row, part in enumerate((temp[:144], temp[144:])):
        assert found.n[row] == 144
        assert found.mean[row] == pytest.approx(part.mean(), rel=1e-14)
        assert found.std[row] == pytest.approx(part.std(), rel=1e-12)
        assert (found.min[row], found.max[row]) == (part.min(), part.max())
        assert (found.first[row], found.last[row]) == (part[0], part[-1])


def test_a_late_source_corrects_the_statistics_it_touches(archive: TelemetryArchive) -> None:
    times = np.arange(0, 7200.0, 10.0)
    put(archive, "all", group(times, np.cos(times)))
    whole = {w: archive.snapshot().statistics("TEMP", w) for w in ("5min", "hour", "day")}
    archive.withdraw("all", "test")
    late = (times >= 1800) & (times < 4000)
    put(archive, "x", group(times[~late], np.cos(times[~late])))
    put(archive, "y", group(times[late], np.cos(times[late])))
    for width, expected in whole.items():
        found = archive.snapshot().statistics("TEMP", width)
        for name in ("bucket", "n", "min", "max", "mean", "tmean", "std", "first", "last"):
            assert getattr(found, name).tobytes() == getattr(expected, name).tobytes(), (width, name)


def test_the_archive_answers_as_it_stood(archive: TelemetryArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    from mta_assets.core import times as clock

    moment = iter(range(1000, 2000, 10))
    monkeypatch.setattr(clock, "now", lambda: float(next(moment)))
    put(archive, "a", group([10.0, 20.0], [1, 1]))  # at 1000
    put(archive, "a", group([10.0, 20.0], [2, 2]))  # at 1010
    put(archive, "b", group([20.0, 30.0], [3, 3]))  # at 1020
    found = {at: archive.snapshot(as_of=at).read(["TEMP"])["TEMP"] for at in (999.0, 1000.0, 1015.0, 1020.0)}
    assert {at: s.values.tolist() for at, s in found.items()} == {
        999.0: [], 1000.0: [1, 1], 1015.0: [2, 2], 1020.0: [2, 2, 3]
    }  # fmt: skip
    assert archive.snapshot(as_of=1015.0).statistics("TEMP", "day", -DAY, DAY).n.tolist() == [2]


def test_corrections_apply_to_samples_and_statistics_and_can_be_withdrawn(archive: TelemetryArchive) -> None:
    put(archive, "a", group([10.0, 20.0, 30.0], [1.0, 50.0, 3.0]))
    bad = archive.add_correction("temp", 20.0, 30.0, "bad", author="me", reason="spike")
    assert archive.snapshot().read(["TEMP"])["TEMP"].bads.tolist() == [False, True, False]
    assert archive.snapshot().statistics("TEMP", "day").max.tolist() == [3.0]
    archive.withdraw_correction(bad, "me", "it was real")
    assert archive.snapshot().read(["TEMP"])["TEMP"].bads.tolist() == [False, False, False]
    assert archive.snapshot().statistics("TEMP", "day").max.tolist() == [50.0]
    archive.add_correction("TEMP", 20.0, 30.0, "value", 2.0, author="me", reason="from the log")
    assert archive.snapshot().read(["TEMP"])["TEMP"].values.tolist() == [1.0, 2.0, 3.0]
    assert archive.snapshot().statistics("TEMP", "hour").mean.tolist() == [2.0]
    assert [(c.kind, c.withdrawn is None, c.reason) for c in archive.corrections()] == [
        ("bad", False, "spike"), ("value", True, "from the log")
    ]  # fmt: skip
    with pytest.raises(BadData, match="who makes it"):
        archive.add_correction("TEMP", 20.0, 30.0, "bad", author="", reason="x")


def test_a_name_belongs_to_one_group(archive: TelemetryArchive) -> None:
    put(archive, "a", group([10.0]))
    other = GroupRows("T2", (ParameterInfo("temp"),), to_nanoseconds([1.0]), {"temp": np.zeros(1)})
    with pytest.raises(BadData, match="group T1ENG"):
        put(archive, "b", other)


def test_rows_that_contradict_themselves_are_refused(archive: TelemetryArchive) -> None:
    with pytest.raises(BadData, match="ascend"):
        put(archive, "a", group([20.0, 10.0]))
    with pytest.raises(BadData, match="comes twice"):
        archive.commit("a", [group([10.0]), group([20.0])], 0, 1)
    assert archive.snapshot().transaction == 0


def test_raw_counts_come_where_they_differ_and_where_they_do_not(archive: TelemetryArchive) -> None:
    rows = group([10.0, 20.0], [0.5, 1.0], [0, 1], raw={"TEMP": np.array([5, 10], np.uint8)})
    put(archive, "a", rows)
    found = archive.snapshot().read(["TEMP", "MODE"], raw=True)
    assert found["TEMP"].raw is not None
    assert found["TEMP"].raw.tolist() == [5, 10]
    assert found["MODE"].raw is not None
    assert found["MODE"].raw.tolist() == [0, 1]


def test_blocks_are_the_whole_in_pieces(archive: TelemetryArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    from mta_assets.archive import telemetry_read

    for number in range(5):
        times = np.arange(number * 1000.0, (number + 1) * 1000.0, 10.0)
        put(archive, f"s{number}", group(times))
    monkeypatch.setattr(telemetry_read, "BLOCK_ROWS", 120)
    blocks = [block["TEMP"] for block in archive.snapshot().blocks(["TEMP"], 500.0, 4300.0)]
    assert len(blocks) > 2
    whole = archive.snapshot().read(["TEMP"], 500.0, 4300.0)["TEMP"]
    assert np.concatenate([b.time for b in blocks]).tolist() == whole.time.tolist()


def test_numbers_of_damaged_telemetry_do_not_stop_the_statistics(archive: TelemetryArchive) -> None:
    put(archive, "a", group([0.0, 10.0, 20.0, 400.0], [np.inf, -np.inf, 5.0, 1e308]))
    put(archive, "b", group([410.0], [-1e308]))
    found = archive.snapshot().statistics("TEMP", "5min")
    assert found.n.tolist() == [1, 2]
    assert found.max.tolist() == [5.0, 1e308]
    assert found.mean.tolist() == [5.0, 0.0]


def test_percentiles_of_days_are_those_of_their_good_samples(archive: TelemetryArchive) -> None:
    times = np.arange(0, 2 * DAY, 700.0)
    temp = np.random.default_rng(3).normal(20, 3, len(times))
    flags = (np.arange(len(times)) % 7 == 0).astype(np.uint8) * np.uint8(Quality.BAD_CHECKSUM)
    put(archive, "a", group(times, temp, quality={"TEMP": flags}))
    found = archive.snapshot().statistics("TEMP", "day", with_percentiles=True)
    for row in range(2):
        day = temp[(times // DAY == row) & (flags == 0)]
        for percent, values in found.percentiles.items():
            assert values[row] == pytest.approx(np.percentile(day, percent), rel=1e-13)
    assert np.isnan(archive.snapshot().statistics("MODE", "day", with_percentiles=True).percentiles[50]).all()


def test_buckets_that_are_cut_have_the_statistics_of_their_samples_within(archive: TelemetryArchive) -> None:
    put(archive, "a", group(np.arange(0.0, 2000.0, 32.8), np.arange(61.0)))
    snapshot = archive.snapshot()
    whole = snapshot.statistics("TEMP", "5min", 100.0, 1500.0)
    assert whole.bucket.tolist() == [1, 2, 3]
    found = snapshot.statistics("TEMP", "5min", 100.0, 1500.0, cut=True, own_type=True)
    assert found.bucket.tolist() == [0, 1, 2, 3, 4]
    assert found.n.tolist() == [6, 10, 10, 10, 6]  # samples 4 to 9, and 40 to 45
    assert (found.min.tolist(), found.max.tolist()) == ([4, 10, 20, 30, 40], [9, 19, 29, 39, 45])
    assert found.min.dtype == snapshot.read(["TEMP"])["TEMP"].values.dtype
    inside = snapshot.statistics("TEMP", "5min", 340.0, 500.0, cut=True)
    assert (inside.bucket.tolist(), inside.n.tolist(), inside.first.tolist()) == ([1], [5], [11.0])
    assert len(snapshot.statistics("TEMP", "5min", 340.0, 500.0)) == 0

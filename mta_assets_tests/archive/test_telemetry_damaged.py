"""Files of the telemetry archive that are damaged or lost: what they cost, and what they do not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from mta_assets.archive import footers
from mta_assets.archive import telemetry_schema as db
from mta_assets.archive import telemetry_sql as sql
from mta_assets.archive.database import reading
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_compact import compact
from mta_assets.archive.telemetry_faults import Unreadable, without_lost
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.archive.telemetry_verify import verify
from mta_assets.core.errors import TransientError
from mta_assets.core.samples import ParameterInfo, nanosecond, to_nanoseconds
from mta_assets.pipelines.upkeep import keep_up
from mta_assets_tests.archive.telemetry_broken import (
    DAY,
    HOUR,
    assert_clean,
    files,
    living_paths,
    spoil,
    state,
)  # fmt: skip
from mta_assets_tests.archive.telemetry_rows import group


@pytest.mark.parametrize("remembered", [True, False])
def test_no_changed_byte_gives_a_wrong_value(tmp_path: Path, remembered: bool) -> None:
    times = np.arange(0.0, HOUR, 30.0)
    noise = np.random.default_rng(1).normal(20.0, 3.0, len(times))
    words = np.array(["IDLE", "BUSY"])[(np.arange(len(times)) // 7) % 2]
    infos = (ParameterInfo("TEMP", "G"), ParameterInfo("MODE", "G", "U4"), ParameterInfo("COUNT", "G", "i2"))
    values = {"TEMP": noise, "MODE": words, "COUNT": (np.arange(len(times)) % 5).astype(np.int16)}
    flags = {"TEMP": (np.arange(len(times)) % 11 == 0).astype(np.uint8) * np.uint8(4)}
    with TelemetryArchive(f"sqlite:///{tmp_path / 'c.sqlite'}", tmp_path / "telemetry") as archive:
        archive.commit("a", [GroupRows("G", infos, to_nanoseconds(times), values, {}, flags, 30.0)], 0.0, 1.0)
        late = GroupRows("G", infos[:1], to_nanoseconds([5 * HOUR]), {"TEMP": np.array([1.0])}, {}, {}, 30.0)
        archive.commit("b", [late], 0.0, 1.0)
        victim = files(archive, "rows")[0]
        whole = victim.read_bytes()
        length = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")  # of the pages, without the footer
        warned = 0
        for place in range(4, length, 5):
            spoil(victim, whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
            if not remembered:
                footers._footers.clear()
            snapshot = archive.snapshot()
            found = {name: snapshot.read([name])[name] for name in values}
            for name, samples in found.items():
                mine = samples.where(samples.times < HOUR)
                if len(mine):
                    assert mine.times.tolist() == times.tolist()
                    assert mine.values.tolist() == values[name].tolist()
                    assert name != "TEMP" or mine.bads.tolist() == (flags["TEMP"] != 0).tolist()
                else:
                    assert any(victim.name in text for text in snapshot.warnings)
            assert found["TEMP"].times[-1] == 5 * HOUR, "the other segment is served"
            warned += bool(snapshot.warnings)
        assert warned > 0.8 * len(range(4, length, 5))


def test_a_damaged_page_is_named_with_its_file_its_parameter_and_the_way_out(three_hours: TelemetryArchive) -> None:
    victim = files(three_hours, "rows")[1]
    whole = victim.read_bytes()
    chunk = pq.read_metadata(victim).row_group(0).column(pq.read_schema(victim).get_field_index("TEMP"))
    place = chunk.data_page_offset + chunk.total_compressed_size // 2
    spoil(victim, whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
    snapshot = three_hours.snapshot()
    assert len(snapshot.read(["TEMP"])["TEMP"]) == 72
    assert [victim.name in text and "damaged in TEMP:" in text for text in snapshot.warnings] == [True]
    assert "`mta archive verify`" in snapshot.warnings[0]
    other = three_hours.snapshot()
    assert len(other.read(["MODE"])["MODE"]) == 108, "other parameters of the file are whole"
    assert other.warnings == []


@pytest.mark.parametrize("damage", ["truncated", "empty", "lost", "of another"])
@pytest.mark.parametrize("kind", ["rows", "5min", "hour", "day"])
def test_a_file_that_can_not_be_read_costs_its_own_rows_and_stops_no_other(
    three_hours: TelemetryArchive, damage: str, kind: str
) -> None:
    before = state(three_hours)
    living = [three_hours.root / path for path in living_paths(three_hours, kind)]
    victim, whole = living[0], living[0].read_bytes()
    if damage == "lost":
        victim.unlink()
    elif damage == "of another":
        shutil.copyfile(files(three_hours, "rows" if kind != "rows" else "hour")[0], victim)
    else:
        spoil(victim, whole[: len(whole) // 8 if damage == "truncated" else 0])
    snapshot = three_hours.snapshot()
    found = snapshot.read(["TEMP"])["TEMP"]
    kept = {width: snapshot.statistics("TEMP", width) for width in ("5min", "hour", "day")}
    assert len(found) == (72 if kind == "rows" else 108)
    assert {width: int(some.n.sum()) for width, some in kept.items() if width != kind} == {
        width: 108 for width in kept if width != kind
    }
    assert victim.name in snapshot.warnings[0]
    assert [problem.path for problem in verify(three_hours)] == [str(victim.relative_to(three_hours.root))]
    spoil(victim, whole)
    footers._footers.clear()
    assert state(three_hours) == before


@pytest.mark.parametrize("lost", [True, False])
def test_a_writer_changes_nothing_beside_rows_that_it_can_not_read(three_hours: TelemetryArchive, lost: bool) -> None:
    victim = three_hours.root / living_paths(three_hours, "rows")[1]
    whole = victim.read_bytes()
    if lost:
        victim.unlink()
    else:
        spoil(victim, whole[:-200])
    footers._footers.clear()
    standing = files(three_hours)
    late = group([1.5 * HOUR + 50.0], [9.0])
    with pytest.raises(TransientError, match=f"stays as it is: segment .*{victim.name}"):
        three_hours.commit("late", [late], 0.0, 1.0)
    assert files(three_hours) == standing
    assert three_hours.snapshot().transaction == 3
    assert three_hours.commit("far", [group([DAY])], 0.0, 1.0).transaction == 4, "elsewhere work goes on"
    spoil(victim, whole)
    assert three_hours.commit("late", [late], 0.0, 1.0).transaction == 5
    assert len(three_hours.snapshot().read(["TEMP"])["TEMP"]) == 110
    assert_clean(three_hours)


def test_what_can_not_be_read_is_not_compacted_and_the_night_goes_on(three_hours: TelemetryArchive) -> None:
    for number in range(3):
        other = GroupRows(
            "OTHER", (ParameterInfo("X", "OTHER"),), to_nanoseconds([number * HOUR]), {"X": np.ones(1)}, period=1.0
        )
        three_hours.commit(f"o{number}", [other], 0.0, 1.0)
    three_hours.commit("later", [group([3 * DAY])], 0.0, 1.0)
    victim = three_hours.root / living_paths(three_hours, "rows")[0]
    whole = victim.read_bytes()
    spoil(victim, whole[:-200])
    footers._footers.clear()
    with pytest.raises(Unreadable, match=victim.name):
        compact(three_hours)
    with reading(three_hours.engine) as read:
        tiers = read.execute(
            sa.select(db.groups.c.name, db.segments.c.tier)
            .join(db.groups, db.groups.c.id == db.segments.c.group_id)
            .where(db.segments.c.kind == "rows", db.segments.c.dead.is_(None))
        )
        assert {name for name, tier in tiers if tier == "day"} == {"OTHER"}
    night = keep_up(three_hours, 0, 0)
    assert [victim.name in problem for problem in night.problems] == [True] * len(night.problems)
    spoil(victim, whole)
    footers._footers.clear()
    assert {one.kind for one in compact(three_hours)} == {"rows"}
    assert_clean(three_hours)


def test_a_segment_that_the_catalog_has_let_go_of_is_not_lost(three_hours: TelemetryArchive) -> None:
    with reading(three_hours.engine) as read:
        found = sql.segments(read, 1, "rows", 0, nanosecond(DAY), 3)
    told: list[str] = []
    assert without_lost(three_hours.engine, three_hours.root, found, told) == found
    gone = replace(found[0], path="T1ENG/rows/gone.parquet")
    with pytest.raises(TransientError, match="tidied up meanwhile; ask again"):
        without_lost(three_hours.engine, three_hours.root, [gone, *found[1:]], told)
    assert told == []

"""Compaction, collection and verification of the telemetry archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.footers import _footers
from mta_assets.archive.store import write_bytes
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_collect import collect
from mta_assets.archive.telemetry_compact import compact
from mta_assets.archive.telemetry_verify import verify
from mta_assets.core import times as clock
from mta_assets.core.samples import nanosecond
from mta_assets_tests.archive.telemetry_rows import group

DAY = 86400.0


@pytest.fixture
def archive(url: str, tmp_path: Path) -> Iterator[TelemetryArchive]:
    with TelemetryArchive(url, tmp_path / "telemetry") as opened:
        for number in range(6):
            times = np.arange(number * DAY / 4, (number + 1) * DAY / 4, 600.0)
            opened.commit(f"p{number}", [group(times, np.sin(times), times % 3)], 0.0, 1.0)
        yield opened


def files(archive: TelemetryArchive) -> set[Path]:
    return set(archive.root.rglob("*.parquet"))


def test_a_day_that_has_ended_becomes_one_segment_and_answers_the_same(archive: TelemetryArchive) -> None:
    before = archive.snapshot().read(["TEMP"])["TEMP"]
    done = compact(archive)
    made = {one.kind: (one.tier, one.segments) for one in done}
    # 328 s do not divide a day: the bucket across midnight is of the segment that came after it. Hours come by days.
    assert made == {"rows": ("day", 4), "5min": ("day", 5), "hour": ("day", 1), "day": ("day", 1)}
    after = archive.snapshot().read(["TEMP"])["TEMP"]
    assert after.time.tobytes() == before.time.tobytes()
    assert after.values.tobytes() == before.values.tobytes()
    assert compact(archive) == []
    assert verify(archive, recompute=True) == []


def test_files_that_a_compaction_replaced_go_after_the_grace_and_the_past_stays_answerable(
    archive: TelemetryArchive,
) -> None:
    moment = clock.now()
    archive.commit("p1", [group([DAY / 4 + 10.0], [77.0])], 0.0, 1.0)
    then = archive.snapshot(as_of=moment).read(["TEMP"])["TEMP"]
    compact(archive, nanosecond(40 * DAY))
    standing = files(archive)
    assert collect(archive, grace=1000.0).replaced == 0
    assert files(archive) == standing
    first = collect(archive, grace=0.0)
    assert first.folded > 6
    assert first.replaced > 6
    assert len(files(archive)) < len(standing)
    past = archive.snapshot(as_of=moment).read(["TEMP"])["TEMP"]
    assert past.time.tobytes() == then.time.tobytes()
    assert past.values.tobytes() == then.values.tobytes()
    found = archive.snapshot(as_of=moment).statistics("TEMP", "day", 0.0, DAY)
    assert found.n.tolist() == [144]
    assert verify(archive, recompute=True) == []


def test_a_reader_goes_on_with_the_snapshot_that_it_took_before_a_compaction(archive: TelemetryArchive) -> None:
    snapshot = archive.snapshot()
    compact(archive, nanosecond(400 * DAY))
    archive.commit("p0", [group([0.0], [5.0])], 0.0, 1.0)
    assert len(snapshot.read(["TEMP"])["TEMP"]) == 216
    assert snapshot.statistics("TEMP", "day", 0.0, DAY).n.tolist() == [144]
    assert len(archive.snapshot().read(["TEMP"])["TEMP"]) == 181


def test_a_file_that_no_transaction_knows_is_collected_and_nothing_else(archive: TelemetryArchive) -> None:
    standing = files(archive)
    orphan = next(iter(standing)).with_name("20240101T000000-0123456789abcdef.parquet")
    write_bytes(orphan, b"left by a killed writer")
    assert collect(archive, grace=1000.0).orphans == 0
    assert collect(archive, grace=-1.0).orphans == 1
    assert files(archive) == standing


def test_damage_is_found_and_named_and_the_rest_is_served_with_a_warning(archive: TelemetryArchive) -> None:
    victim = sorted((archive.root / "T1ENG" / "rows").glob("*.parquet"))[2]
    content = victim.read_bytes()
    victim.chmod(0o644)
    victim.write_bytes(content[:-100])
    _footers.clear()
    problems = verify(archive)
    assert [(p.kind, p.path) for p in problems] == [("changed", str(victim.relative_to(archive.root)))]
    snapshot = archive.snapshot()
    assert len(snapshot.read(["TEMP"])["TEMP"]) == 180
    assert victim.name in snapshot.warnings[0]
    victim.unlink()
    assert [p.kind for p in verify(archive)] == ["missing"]

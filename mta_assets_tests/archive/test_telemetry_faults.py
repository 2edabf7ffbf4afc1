"""Disks that are full, read-only or broken, and databases that are busy or gone, under the telemetry archive."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from mta_assets.archive import database, footers
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_collect import collect
from mta_assets.archive.telemetry_compact import compact
from mta_assets.archive.telemetry_verify import verify
from mta_assets.core.errors import TransientError
from mta_assets_tests.archive.telemetry_broken import (
    HOUR,
    LATER,
    assert_clean,
    failure,
    files,
    hour,
    known,
    state,
)  # fmt: skip
from mta_assets_tests.disk_faults import refusing


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_refuses_at_any_moment_leaves_the_archive_as_it_was(
    three_hours: TelemetryArchive, number: int, lasting: bool
) -> None:
    before, refused = state(three_hours), 0
    for at in range(1000):
        with refusing(at, number, lasting) as disk:
            told = failure(three_hours, "s1", hour(1, 5.0))
        if not disk.refused:
            break
        refused += told is not None
        assert told is None or str(three_hours.root) in told
        assert state(three_hours) == before
        assert verify(three_hours) == []
    assert refused > 10
    assert state(three_hours) != before, "once nothing refuses it is done"
    assert_clean(three_hours)


def test_a_disk_that_is_full_while_a_segment_is_written_is_named_and_the_next_commit_works(
    three_hours: TelemetryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, standing = state(three_hours), files(three_hours)

    def full(table: Any, path: Path, **given: Any) -> None:
        path.write_bytes(b"PAR1 half of it")
        raise OSError(errno.ENOSPC, "No space left on device")  # as Arrow says it

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(TransientError, match=r"T1ENG/rows/.*parquet: can not write the file: No space left"):
        three_hours.commit("s1", [hour(1, 5.0)], 0.0, 1.0)
    assert files(three_hours) == standing, "nothing is left of it, roll-ups that could be written included"
    monkeypatch.undo()
    assert state(three_hours) == before
    assert three_hours.commit("s1", [hour(1, 5.0)], 0.0, 1.0).transaction == 4
    assert_clean(three_hours)


def test_a_disk_that_is_full_under_the_catalog_leaves_debris_that_is_collected(three_hours: TelemetryArchive) -> None:
    before = state(three_hours)

    def small(connection: Any, record: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    sa.event.listen(three_hours.engine, "connect", small)
    three_hours.engine.dispose()
    with pytest.raises(TransientError, match="full"):
        three_hours.commit("s1", [hour(1, 5.0)], 0.0, 1.0, reason="x" * 100_000)
    sa.event.remove(three_hours.engine, "connect", small)
    three_hours.engine.dispose()
    assert state(three_hours) == before
    assert set(files(three_hours)) > known(three_hours)
    assert_clean(three_hours)
    assert three_hours.commit("s1", [hour(1, 5.0)], 0.0, 1.0).transaction == 4


def test_a_read_only_archive_can_be_read(three_hours: TelemetryArchive) -> None:
    before = state(three_hours)
    with refusing(0, errno.EROFS, lasting=True) as disk:
        footers._footers.clear()
        assert state(three_hours) == before
        assert verify(three_hours, recompute=True) == []
        assert not disk.refused
        for change in (
            lambda: three_hours.withdraw("s1", "test"),
            lambda: compact(three_hours, LATER),
            lambda: collect(three_hours),
        ):
            with pytest.raises(TransientError, match="Read-only"):
                change()


# ---- databases


def test_a_database_that_another_process_holds_is_waited_for_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.2)
    path = tmp_path / "catalog.sqlite"
    with TelemetryArchive(f"sqlite:///{path}", tmp_path / "telemetry") as archive:
        archive.commit("s0", [hour(0)], 0.0, 1.0)
        before = state(archive)
        program = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.isolation_level = None; "
            "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(TransientError, match=r"database is locked.* for more than 0\.2 s"):
                archive.commit("s1", [hour(1)], 0.0, 1.0)
            assert state(archive) == before, "readers are not held up"
            holder.communicate()
        assert archive.commit("s1", [hour(1)], 0.0, 1.0).transaction == 2
        assert_clean(archive)


@pytest.mark.parametrize("kept", [True, False])
def test_a_connection_that_is_lost_at_the_commit_leaves_all_or_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    with TelemetryArchive(url, tmp_path / "telemetry") as archive:
        archive.commit("s0", [hour(0)], 0.0, 1.0)
        archive.commit("s1", [hour(1)], 0.0, 1.0)
        dialect = archive.engine.dialect

        def lost(connection: Any) -> None:
            (connection.commit if kept else connection.rollback)()
            raise dialect.loaded_dbapi.OperationalError("the connection was lost")

        changes: list[Any] = [
            lambda: archive.commit("s1", [hour(1, 5.0)], 0.0, 1.0),
            lambda: compact(archive, LATER),
            lambda: archive.add_correction("TEMP", 0.0, HOUR, author="test", reason="test"),
        ]
        for change in changes:
            before = state(archive)
            with monkeypatch.context() as patch:
                patch.setattr(dialect, "do_commit", lost)
                with pytest.raises(TransientError, match="the connection was lost"):
                    change()
            assert verify(archive, recompute=True) == [], "what the catalog refers to is there"
            assert kept or state(archive) == before
            assert_clean(archive)
            change()
            assert_clean(archive)
        assert archive.commit("s1", [hour(1, 5.0)], 0.0, 1.0).transaction == 0

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mta_assets.archive import store
from mta_assets.core.errors import TransientError


def test_a_written_file_is_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.txt"
    store.write_bytes(target, b"one")
    store.write_bytes(target, b"two")
    assert target.read_bytes() == b"two"
    assert [p.name for p in target.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_full_or_read_only_disk_is_transient_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    target = tmp_path / "a.txt"
    store.write_bytes(target, b"old")

    def refuse(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(TransientError, match=r"a\.txt: can not write"):
        store.write_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_an_error_of_the_writer_leaves_no_temporary_file(tmp_path: Path) -> None:
    def writer(path: Path) -> None:
        path.write_text("half")
        raise ValueError("broken off")

    with pytest.raises(ValueError, match="broken off"):
        store.atomic_write(tmp_path / "a.txt", writer)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_dead_writers_are_swept_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f".a.fits.tmp-{gone.pid}").touch()
    (tmp_path / f".b.fits.tmp-{os.getppid()}").touch()
    (tmp_path / "c.fits").touch()
    assert [p.name for p in store.sweep(tmp_path)] == [f".a.fits.tmp-{gone.pid}"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [f".b.fits.tmp-{os.getppid()}", "c.fits"]


def test_a_move_to_another_file_system_copies_before_it_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "a", tmp_path / "there" / "b"
    source.write_bytes(b"content")
    rename = Path.rename

    def across(self: Path, other: Path) -> Path:
        if self == source:
            raise OSError(errno.EXDEV, "other device")
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", across)
    store.move(source, target)
    assert target.read_bytes() == b"content"
    assert not source.exists()


def test_a_lock_is_exclusive_and_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with store.lock(path):
        assert store.held(path)
        with pytest.raises(TransientError, match="another process holds"), store.lock(path, timeout=0.0):
            pass
    assert not store.held(path)
    assert not store.held(tmp_path / "absent")

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.quarantine import quarantine
from mta_assets.core.errors import BadData, TransientError


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as opened:
        yield opened


def put(path: Path, catalog: Catalog, reason: str = "empty", when: float = 8.3e8) -> Path:
    return Path(quarantine(path, path.parents[1] / "quarantine", reason, catalog, "toy", when).path)


def incoming(tmp_path: Path, name: str, content: bytes = b"junk") -> Path:
    path = tmp_path / "incoming" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_bad_file_is_moved_with_its_reason_beside_it_and_recorded(tmp_path: Path, catalog: Catalog) -> None:
    path = incoming(tmp_path, "dump.vcdu")
    kept = put(path, catalog, "no frame in it")
    assert not path.exists()
    assert kept.name == "20240420T113211-5b51dd65-dump.vcdu" or kept.name.endswith("-dump.vcdu")
    assert kept.read_bytes() == b"junk"
    assert json.loads(kept.with_name(kept.name + ".reason.json").read_text())["reason"] == "no frame in it"
    (row,) = catalog.quarantined("toy")
    assert (row["name"], row["reason"], row["size"], row["path"]) == ("dump.vcdu", "no frame in it", 4, str(kept))


def test_doing_it_again_changes_nothing(tmp_path: Path, catalog: Catalog) -> None:
    path = incoming(tmp_path, "a")
    first = put(path, catalog)
    assert put(path, catalog, when=8.4e8) == first
    incoming(tmp_path, "a")
    assert put(path, catalog, "another reason", when=8.5e8) == first
    assert len(catalog.quarantined()) == 1
    assert len(list(first.parent.iterdir())) == 2


def test_a_crash_before_the_row_was_written_is_completed_by_the_next_try(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = incoming(tmp_path, "a")
    with monkeypatch.context() as patched:
        patched.setattr("mta_assets.archive.quarantine.move", lambda source, target: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            put(path, catalog, when=8.3e8)
    assert path.exists()
    kept = put(path, catalog, when=8.4e8)
    assert kept.name.startswith("20240420T113211-")
    assert len(list(kept.parent.iterdir())) == 2


@pytest.mark.parametrize("name", ["-rf *", "a b;$(x)", "x" * 250, "…\udcff"])
def test_hostile_names_are_kept_under_harmless_ones(tmp_path: Path, catalog: Catalog, name: str) -> None:
    kept = put(incoming(tmp_path, name), catalog)
    assert kept.read_bytes() == b"junk"
    assert set(kept.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")


def test_a_link_is_moved_without_being_followed(tmp_path: Path, catalog: Catalog) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    path = incoming(tmp_path, "x")
    path.unlink()
    path.symlink_to(secret)
    kept = put(path, catalog, "a link")
    assert kept.is_symlink()
    assert secret.read_text() == "secret"


def test_a_full_disk_leaves_the_file_where_it_is(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = incoming(tmp_path, "a")

    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(TransientError, match="No space left"):
        put(path, catalog)
    assert path.read_bytes() == b"junk"
    assert catalog.quarantined() == []


def test_a_file_that_is_not_there_is_told(tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(BadData, match="no such file"):
        put(tmp_path / "incoming" / "never", catalog)

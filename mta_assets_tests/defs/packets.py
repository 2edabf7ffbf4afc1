"""Small playbacks of the packet mission: real bytes, made here, so that a run takes a second."""

from __future__ import annotations

from pathlib import Path

from mta_assets_tests.telemetry.test_ccsds_playback import geolocation


def playback_bytes(first: int = 0, count: int = 120) -> bytes:
    """``count`` packets, one a second, from the second ``first`` of the day on."""
    return b"".join(geolocation(second) for second in range(first, first + count))


def playback_name(number: int) -> str:
    return f"J01_G011_LZ_2021-04-09T00-00-00Z_V{number:02d}.DAT1"


def drop(folder: Path, number: int, content: bytes) -> Path:
    """A whole file in the incoming folder, with its checksum file, as `mta ingest` puts it."""
    import hashlib

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / playback_name(number)
    path.with_name(path.name + ".sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n")
    path.write_bytes(content)
    return path

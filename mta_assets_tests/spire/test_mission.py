"""The mission folder: its packets decode to the simulated values, its products are those that were delivered."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.core.request import Request
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.archive_sink import ArchiveSink
from mta_assets.pipelines.controller import run_pipeline
from mta_assets.pipelines.registry import load_registry
from mta_assets.pipelines.registry_check import check
from mta_assets.telemetry.ccsds_playback import open_packets
from mta_assets_tests.spire import products
from mta_assets_tests.spire.conftest import House
from mta_assets_tests.spire.telemetry import NS, THERMISTORS, Group, groups

APID = {"SPIRE_NHK": 1280, "SPIRE_BSM": 1281, "SPIRE_THERM": 1282, "SPIRE_SMEC": 1283, "SPIRE_LVDT": 1284,
        "SPIRE_MCUENG": 1285}  # fmt: skip
LAYOUT = {
    "SPIRE_NHK": (">IIHHHHB", (None, None, "SUBKTEMP", "PUMPHSTEMP", "SCAL2TEMP", "SCAL2CURR", "SCAL2STAT")),
    "SPIRE_BSM": (">HHHH", ("CHOPPOSN", "JIGGPOSN", "BSMCHOPPOSN", "BSMJIGGPOSN")),
    "SPIRE_THERM": (">10H", THERMISTORS),
    "SPIRE_SMEC": (">i", ("SMECENCPOSN",)),
    "SPIRE_LVDT": (">H", ("SMECLVDTPOSN",)),
    "SPIRE_MCUENG": (">H", ("MCUENG",)),
}


def packet(group: Group, row: int, number: int) -> bytes:
    """One packet as the spacecraft would send it."""
    form, names = LAYOUT[group.name]
    content = struct.pack(form, *(0 if name is None else int(group.counts[name][row]) for name in names))
    ticks = round((group.time[row] / NS + 1262304000 - 32.184) * 65536)
    content = struct.pack(">IH", ticks >> 16, ticks & 0xFFFF) + content
    return struct.pack(">HHH", 0x0800 | APID[group.name], 0xC000 | number, len(content) - 1) + content


@pytest.fixture
def playback(tmp_path: Path) -> Path:
    path = tmp_path / "spire_20090902T000000_001.tm"
    made = (packet(group, row, row) for group in groups() for row in range(200))
    path.write_bytes(b"".join(made))
    return path


def test_packets_decode_to_the_simulated_values(playback: Path) -> None:
    mission = load_mission("spire")
    tables = [table for block in open_packets(playback, mission).tables() for table in block.items()]
    found = dict(tables)
    assert sorted(found) == sorted(APID)
    for group in groups():
        table = found[group.name]
        assert len(table) == 200
        assert np.abs(table["time"] - group.time[:200] / NS).max() < 1 / 65536
        for name in group.counts:
            if name == "SCAL2STAT":
                assert np.array_equal(table[name], np.where(group.counts[name][:200] == 1, "ON", "OFF"))
            else:
                assert np.array_equal(table[name], group.value(name)[:200]), name


def test_a_playback_fills_the_telemetry_archive(playback: Path, tmp_path: Path) -> None:
    mission = load_mission("spire")
    url = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    opened = open_packets(playback, mission)
    with Catalog(url) as catalog, TelemetryArchive(url, tmp_path / "telemetry") as archive:
        sink = ArchiveSink(catalog, tmp_path / "archive", "sdp", lambda: archive)
        request = Request("p1", "sdp", opened.tstart, opened.tstop, opened.tstop)
        result = run_pipeline(load_registry(mission), "TELEMETRY", request, {"PLAYBACK": opened}, sink)
        assert result.outcome == "done", result.message
        snapshot = archive.snapshot()
        for group in groups():
            for name, samples in snapshot.read(sorted(group.counts), None, None, raw=True).items():
                assert np.abs(samples.time - group.time[:200]).max() < NS / 65536
                assert np.array_equal(samples.values, group.value(name)[:200]), name
                assert samples.raw is None or np.array_equal(samples.raw, group.counts[name][:200]), name
        assert snapshot.info("SCAL2STAT").states == {0: "OFF", 1: "ON"}  # type: ignore[union-attr]


def test_the_registry_holds_together() -> None:
    assert check(load_registry(load_mission("spire"))) == []


def test_every_standard_product_is_a_file_under_its_registered_name(house: House) -> None:
    registry = load_registry(load_mission("spire"))
    with Catalog(house.url) as catalog:
        entries = catalog.products()
    assert Counter(entry.file_id for entry in entries) == Counter(p.file_id for p in products.all_products())
    assert all(registry.products[entry.file_id].regex.fullmatch(entry.name) for entry in entries)
    assert all(Path(entry.path).is_file() for entry in entries)


def test_the_archive_gives_back_every_good_sample(house: House) -> None:
    snapshot = house.archive.snapshot()
    for group in groups():
        found = snapshot.read(sorted(group.counts), None, None, raw=True)
        for name, samples in found.items():
            assert np.array_equal(samples.time, group.time), name
            assert np.array_equal(samples.values, group.value(name)), name
            assert np.array_equal(samples.bads, ~group.good(name)), name
            if samples.raw is not None:
                assert np.array_equal(samples.raw, group.counts[name]), name

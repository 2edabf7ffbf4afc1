"""Simulated stretches put through the whole platform, to be compared with what was put in.

`LEAST_SPAN` of the schedule is shortened for a compact run: all observations of the OBSCAT, and so all modes of the
instruments, fit into three hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from mta_assets.archive import catalog_schema
from mta_assets.archive.catalog import Catalog
from mta_assets.archive.products import read_fits
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.ingest import Watch, put, take_in
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings
from mta_assets.simulate import truth
from mta_assets.simulate.assemble import Plan
from mta_assets.simulate.playbacks import simulate

Array = NDArray[Any]
MODES = {"FAINT", "VFAINT", "GRADED", "CC33_FAINT"}  # of ACIS, all that the OBSCAT asks for
DETECTORS = {"ACIS-I", "ACIS-S", "HRC-I", "HRC-S"}


@dataclass(frozen=True)
class Run:
    """Playbacks that were simulated and processed."""

    folder: Path
    platform: Platform
    truth: truth.Truth

    @property
    def catalog(self) -> Catalog:
        return self.platform.catalog

    @cached_property
    def plan(self) -> Plan:
        return self.truth.plan(self.platform.mission)

    @cached_property
    def partitions(self) -> dict[int, str]:
        """Partition of each playback by its number in the simulation."""
        by_hash = {entry.sha256: entry.partition for entry in self.catalog.playbacks()}
        return {playback["number"]: by_hash[playback["sha256"]] for playback in self.truth.playbacks}

    def files(self, number: int, file_id: str) -> list[Path]:
        """Archival product files of one kind of one playback, by start time."""
        entries = self.catalog.products(file_id=file_id, partition=self.partitions[number], stream="sdp")
        return [Path(entry.path) for entry in entries]


def make(folder: Path, hours: float, minutes: float, seed: int, faults: bool = True) -> Run:
    """Simulate, put in, take in, and run every pipeline in each of its streams."""
    mission = load_mission("chandra")
    summary = simulate(mission, hours, folder / "simulated", seed, playback_minutes=minutes, faults=faults)
    platform = Platform(Settings(mission="chandra", data=folder / "data"))
    for written in summary.files:
        put(platform, written.path)
    arrivals, _ = take_in(platform, Watch(), limit=len(summary.files))
    assert [arrival.state for arrival in arrivals] == ["accepted"] * len(summary.files), arrivals
    run = Run(folder, platform, truth.load(summary.truth.parent))
    assert run.plan.schedule is not None  # made now, while the constants are those of the simulation
    for entry in platform.catalog.playbacks():
        execute(platform, entry.partition)
    return run


def only_playback(folder: Path, path: Path, created: float) -> Platform:
    """A platform that has taken in one playback, as if it had come at a given moment: DATE of all its products."""
    platform = Platform(Settings(mission="chandra", data=folder))
    put(platform, path)
    arrivals, _ = take_in(platform, Watch())
    assert [arrival.state for arrival in arrivals] == ["accepted"], arrivals
    with platform.catalog.engine.begin() as connection:
        connection.execute(sa.update(catalog_schema.playbacks).values(created=created))
    return platform


def execute(platform: Platform, partition: str) -> list[Any]:
    """All pipelines of a playback in the order of the registry; none may end badly."""
    results = []
    for pipeline in platform.registry.pipelines_of("playback"):
        for stream in pipeline.streams:
            result = platform.execute(pipeline.id, stream, partition)
            assert result.outcome in ("done", "nothing to do"), (result.run_id, result.outcome, result.message)
            results.append(result)
    return results


def in_ranges(counter: Array, ranges: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
    """Which counters lie in one of the ranges, first and last included."""
    inside = np.zeros(len(counter), bool)
    for first, last in ranges:
        inside |= (counter >= first) & (counter <= last)
    return inside


def touches(first: Array, last: Array, ranges: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
    """Which of the stretches first … last share a frame with one of the ranges."""
    touched = np.zeros(len(first), bool)
    for low, high in ranges:
        touched |= (first <= high) & (last >= low)
    return touched


def digest(rows: Array) -> NDArray[np.uint64]:
    """A random linear hash of 64 bits of each row of integers: rows of thirty numbers are slow to sort."""
    weights = np.random.default_rng(64).integers(1 << 63, size=rows.shape[1], dtype=np.uint64)
    hashes = np.zeros(len(rows), np.uint64)
    for column, weight in zip(rows.T, weights, strict=True):
        hashes += column.astype(np.int64).view(np.uint64) * (2 * weight + 1)
    return hashes


def found_in(values: Array, others: Array) -> NDArray[np.bool_]:
    """For each value whether it is among the others, each of which is taken once."""
    _, number = np.unique(np.concatenate([values, others]), return_inverse=True)
    pairs = [side * (len(number) + 1) + _occurrence(side) for side in np.split(number, [len(values)])]
    return np.isin(*pairs)


def _occurrence(values: Array) -> Array:
    """0 for the first of equal values, 1 for the second …"""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    start = np.searchsorted(ordered, ordered, side="left")
    found = np.empty(len(values), np.int64)
    found[order] = np.arange(len(values)) - start
    return found


def fits_columns(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Columns and header keywords of the first table of a file, and with them those of the file as a whole.

    That astropy reads the same is a test of its own (``test_product_files``): it takes longer to open a file.
    """
    product = read_fits(path, "")
    header = {**product.header, **product.tables[0].header}
    return product.tables[0].columns, {k: v[0] if isinstance(v, tuple) else v for k, v in header.items()}


def fits_tables(path: Path) -> list[dict[str, Array]]:
    """Columns of all tables of a file."""
    return [table.columns for table in read_fits(path, "").tables]


def damaged(playback: dict[str, Any]) -> list[tuple[int, int]]:
    """Frames that a playback lacks or in which a bit is wrong, as ranges."""
    return [*(tuple(pair) for pair in playback["lost"]), *((c, c) for c in playback["suspect"])]


def stretches(run: Run, playback: dict[str, Any]) -> Iterator[tuple[int, int]]:
    """Counters (first, stop) of what a playback was recorded with, the overlap with the one before included."""
    if playback["overlap"]:
        yield playback["overlap"][0], playback["overlap"][1] + 1
    span = run.plan.spans[playback["number"]]
    for piece in run.plan.pieces(span):
        yield piece.first, piece.stop

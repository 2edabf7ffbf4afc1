"""Memory of the pipelines of an observation whose event lists are long, level 0 to spectra, beside shorter ones.

Two observations are simulated, and their events multiplied, each at a place of its own near the first.
``python -m benchmarks.bench_long_lists DATA PIPELINE OBSERVATION`` runs one pipeline on the archive in a folder and
prints its greatest memory and the rows of its products: it is the child process.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.inputs import SEED, Inputs
from benchmarks.measure import Row, fresh, peak_memory
from mta_assets.archive.products import read_fits, write_fits
from mta_assets.core.spool import spooled
from mta_assets.core.tables import Table
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.delivery import deliver
from mta_assets.pipelines.ingest import Watch, put, take_in
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings
from mta_assets.simulate import schedule
from mta_assets.simulate.playbacks import simulate

ORDER = (28105, 28101, 62801, 28102)  # the first has no start, the last no stop
KEYS = {"ACIS": "28101_000", "HRC": "62801_000"}
HOURS = 2.0
LEAST_SPAN = 1500.0  # [s] of an observation with its manoeuvre
FEW, MANY = 1_500_000, 6_000_000  # events of level 0
MOST = {"CCDX": 1021, "CCDY": 1021, "AV1": 4095, "PHA": 255}
EXPOSURE = 3.24104  # [s]
SLACK = 1.2  # times as much may come and go with the sizes of blocks, and with the number of sources found
MIB = 1 << 20
FIRST = {
    "ACIS": ("OBSPAR", "ASPECT_OBC"),
    "HRC": ("OBSPAR", "ASPECT_OBC", "HRC_REGIONS", "HRC_DEADTIME", "HRC_GOODTIME", "HRC_DTFSTAT"),
}
LISTS = {
    "ACIS": ("ACIS_BPIX", "ACIS_L1", "ACIS_GRATINGS", "ACIS_L2", "ACIS_SOURCES"),
    "HRC": ("HRC_L1", "HRC_L2", "HRC_SOURCES"),
}
MOVED = {"ACIS": {"CCDX": 3, "CCDY": 3}, "HRC": {"AV1": 5, "PHA": 20}}  # columns by which copies of an event differ
EXPOSURES = 10  # by so many too: the dither moves a source by three pixels at most meanwhile
WHAT = {"ACIS": "HETG with ACIS-S", "HRC": "HRC"}


def run(inputs: Inputs, hours: float = HOURS, few: int = FEW, many: int = MANY) -> list[Row]:
    """A row for each pipeline."""
    with tempfile.TemporaryDirectory(dir=inputs.folder) as name:
        folder = Path(name)
        _archive(folder, hours)
        small = {instrument: _originals(folder, instrument, key) for instrument, key in KEYS.items()}
        memory: dict[tuple[str, int], dict[str, int]] = {}
        for number in (few, many):
            for instrument, key in KEYS.items():
                _multiply(small[instrument], number, MOVED[instrument])
                for pipe_id in LISTS[instrument]:
                    memory[pipe_id, number] = fresh("benchmarks.bench_long_lists", folder / "data", pipe_id, key)
    return [_row(instrument, pipe_id, memory, few, many) for instrument in KEYS for pipe_id in LISTS[instrument]]


def _row(instrument: str, pipe_id: str, memory: dict[tuple[str, int], dict[str, int]], few: int, many: int) -> Row:
    little, much = (memory[pipe_id, number]["memory"] / MIB for number in (few, many))
    what = f"{pipe_id} ({WHAT[instrument]}): memory for {many / 1e6:g} M events"
    return Row(
        what, much, "MiB", f"for {few / 1e6:g} M events", little, much / little, "constant", much < SLACK * little
    )


def _archive(folder: Path, hours: float) -> None:
    """An archive in ``data`` with everything that level 1 of the observations needs."""
    entries = {entry.obsid: entry for entry in schedule.load_obscat()}
    with (
        mock.patch.object(schedule, "load_obscat", return_value=tuple(entries[obsid] for obsid in ORDER)),
        mock.patch.object(schedule, "LEAST_SPAN", LEAST_SPAN),
    ):
        made = simulate(load_mission("chandra"), hours, folder / "in", SEED, playback_minutes=60.0, faults=False)
    platform = Platform(Settings(data=folder / "data", mission="chandra"))
    for path in made.deliveries:
        deliver(platform, path)
    for written in made.files:
        put(platform, written.path)
    take_in(platform, Watch(), limit=len(made.files))
    for playback in platform.catalog.playbacks():
        for pipeline in platform.registry.pipelines_of("playback"):
            platform.execute(pipeline.id, "sdp", playback.partition)
    for instrument, key in KEYS.items():
        for pipe_id in FIRST[instrument]:
            execute(folder / "data", pipe_id, key)


def _originals(folder: Path, instrument: str, key: str) -> dict[Path, Path]:
    """Copies of the level-0 event lists of an observation by the place where they are read."""
    platform = Platform(Settings(data=folder / "data", mission="chandra"))
    span = platform.interval(platform.registry.pipeline("OBSPAR"), key)
    entries = platform.catalog.products(file_id=f"{instrument}_EVT0", stream="sdp")
    found = {}
    for entry in entries:
        if entry.tstart < span[1] and entry.tstop > span[0]:
            copy = folder / Path(entry.path).name
            copy.write_bytes(Path(entry.path).read_bytes())
            found[Path(entry.path)] = copy
    return found


def _multiply(files: dict[Path, Path], number: int, moved: Mapping[str, int]) -> None:
    """Lists of so many events in all in place of the originals."""
    products = {path: read_fits(copy, "EVT0") for path, copy in files.items()}
    times = -(-number // sum(product.rows for product in products.values()))
    for path, product in products.items():
        table = product.tables[0]
        long = spooled(_copies(table, times, moved), table)
        path.unlink()
        write_fits(
            path,
            type(product)(product.file_id, (long, *product.tables[1:]), product.tstart, product.tstop, product.header),
            product.tstop,
        )


def _copies(table: Table, times: int, moved: Mapping[str, int]) -> Iterator[Table]:
    rng = np.random.default_rng(SEED)
    for block in table.blocks(max(1, 200_000 // times)):
        many = block.where(np.repeat(np.arange(len(block)), times))
        columns = dict(many.columns)
        for name, reach in moved.items():
            near = columns[name].astype(np.int64) + rng.integers(-reach, reach + 1, len(many))
            columns[name] = np.clip(near, 2, MOST[name]).astype(columns[name].dtype)
        if "EXPNO" in columns:
            later = rng.integers(-EXPOSURES, EXPOSURES + 1, len(many))
            columns["EXPNO"] = (columns["EXPNO"] + later).astype(columns["EXPNO"].dtype)
            columns["TIME"] = columns["TIME"] + later * EXPOSURE
        moved_table = Table(many.name, columns, many.header, many.schema)
        yield moved_table.where(np.argsort(columns["TIME"], kind="stable"))


def execute(data: Path, pipe_id: str, key: str) -> dict[str, int]:
    """One pipeline in this process."""
    result = Platform(Settings(data=data, mission="chandra")).execute(pipe_id, "sdp", key)
    if result.outcome != "done":
        raise RuntimeError(f"{pipe_id} {key}: {result.outcome}: {result.message}")
    return {"memory": peak_memory(), "rows": max(made.rows for made in result.products)}


if __name__ == "__main__":
    print(json.dumps(execute(Path(sys.argv[1]), sys.argv[2], sys.argv[3])))

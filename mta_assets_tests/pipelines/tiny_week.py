"""A week of ACIS observations, one a day, with tiny event lists: what level 1 and 2 read, put into an archive.

The events of each are a point source and a few others on chip 7, as FAINT frames; the attitude is delivered and stands
still.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mta_assets.archive.entries import NewProduct, ObiReport, RunEntry
from mta_assets.archive.products import read_fits, write_fits
from mta_assets.archive.store import sha256_of
from mta_assets.core.gti import GTI
from mta_assets.core.records import Observation
from mta_assets.core.tables import Product, Table
from mta_assets.core.times import from_utc
from mta_assets.instruments.geometry import quaternion_from_angles
from mta_assets.level0.acis_columns import EVENTS
from mta_assets.level05.obspar import OBSPAR
from mta_assets.missions.load import BUILT_IN
from mta_assets.pipelines.controller import RunResult
from mta_assets.pipelines.delivery import deliver
from mta_assets.pipelines.platform import Platform

MONDAY = from_utc("2024-03-04T06:00:00")
DAY = 86400.0  # [s] from one to the next
LENGTH = 3000.0  # [s] of each
FRAME = 3.2  # [s]
SOURCE, OTHERS = 300, 40  # events
BASELINE = BUILT_IN / "chandra" / "calibration" / "acisD2000-01-29gain_ctiN0001.fits"
PLACE = {"sim_x": "-0.68", "sim_y": "0.0", "sim_z": "-190.14", "ra_nom": "10.0", "dec_nom": "20.0", "roll_nom": "30.0"}
FACTS = {"instrument": "ACIS", "detector": "ACIS-S", "grating": "NONE", "datamode": "FAINT", "readmode": "TIMED"}


def key_of(day: int) -> str:
    return f"{28000 + day:05d}_000"


def span_of(day: int) -> tuple[float, float]:
    return MONDAY + day * DAY, MONDAY + day * DAY + LENGTH


def evt0(day: int) -> Product:
    """Level-0 events of a day."""
    start, stop = span_of(day)
    rng = np.random.default_rng(day)
    n = SOURCE + OTHERS
    expno = np.sort(rng.integers(1, int(LENGTH / FRAME), n)).astype(np.int32)
    phas = np.zeros((n, 3, 3), np.int16)
    phas[:, 1, 1] = rng.integers(60, 1800, n)
    place = np.concatenate([rng.normal((220.0, 500.0), 0.7, (SOURCE, 2)), rng.uniform(5, 1000, (OTHERS, 2))])
    columns = {
        "TIME": start + FRAME * expno, "EXPNO": expno, "CCD_ID": np.full(n, 7, np.int16),
        "CCDX": np.rint(place[:, 0]).astype(np.int16), "CCDY": np.rint(place[:, 1]).astype(np.int16), "PHAS": phas,
        "STATUS": np.zeros(n, np.uint8),
    }  # fmt: skip
    head = {"DATAMODE": ("FAINT", ""), "CCD_ID": (7, ""), "EXPTIME": (3.1, "[s]"), "TIMEDEL": (FRAME, "[s]")}
    good = GTI.build({"START": np.array([start]), "STOP": np.array([stop])})
    fields = {"INSTRUME": "ACIS", "CONTENT": "EVT0", **head}
    return Product("ACIS_EVT0", (EVENTS["FAINT"].build(columns, head), good), start, stop, fields)


def obspar(day: int) -> Product:
    start, stop = span_of(day)
    values = {
        "obs_id": str(28000 + day), "obi_num": "0", "tstart": repr(start), "tstop": repr(stop), "instrume": "ACIS",
        "detnam": "ACIS-7", "obs_mode": "POINTING", **PLACE, **FACTS,
    }  # fmt: skip
    columns = {
        "name": np.array(list(values)), "type": np.full(len(values), "s"), "value": np.array(list(values.values())),
        "prompt": np.full(len(values), ""),
    }  # fmt: skip
    return Product("OBSPAR", (OBSPAR.build(columns),), start, stop, {"CONTENT": "OBSPAR"})


def asol(day: int, folder: Path) -> Path:
    """An attitude that stands still, as the archive would deliver it."""
    start, stop = span_of(day)
    time = np.arange(start - 10.0, stop + 10.0, 5.0)
    place = {name: np.full(len(time), float(PLACE[f"{name}_nom"])) for name in ("ra", "dec", "roll")}
    table = Table("ASPSOL", {"time": time, **place, "q_att": quaternion_from_angles(*place.values())})
    head = {"INSTRUME": "PCAD", "CONTENT": "ASPSOL", "OBS_ID": str(28000 + day), "OBI_NUM": 0}
    path = folder / f"pcadf{key_of(day)}N001_asol1.fits"
    write_fits(path, Product("ASOL", (table,), start - 10.0, stop + 10.0, head), start)
    return path


def enter(platform: Platform, days: int, folder: Path) -> list[str]:
    """Put observations into the archive as if their playbacks had come; returns their partitions."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for day in range(days):
        start, stop = span_of(day)
        found.append(Observation(28000 + day, 0, start, stop, True, True, FACTS))
        _commit(platform, "ADE", f"playback{day}", evt0(day), day, folder)
        _commit(platform, "OBSPAR", key_of(day), obspar(day), day, folder)
    span = (MONDAY - DAY, MONDAY + days * DAY)
    platform.catalog.commit_run(_run("OBI_DET", "playback0"), observations=ObiReport(found, span))
    for day in range(days):
        deliver(platform, asol(day, folder))
    return [one.key for one in found]


def _run(pipe: str, partition: str) -> RunEntry:
    run_id = f"{pipe} sdp {partition} 001"
    return RunEntry(run_id, pipe, partition, "sdp", 1, "done", MONDAY, MONDAY + 1, "c", "r", "l", "/log", "entered")


def write(folder: Path, product: Product, day: int) -> Path:
    """A product of a day under its name."""
    start = int(span_of(day)[0])
    names = {"ACIS_EVT0": f"acisf{start:09d}N001_0_evt0.fits", "OBSPAR": f"axaff{key_of(day)}N001_obs0a.fits"}
    write_fits(folder / names[product.file_id], product, product.tstop)
    return folder / names[product.file_id]


def _commit(platform: Platform, pipe: str, partition: str, product: Product, day: int, folder: Path) -> None:
    path = write(folder, product, day)
    entry = NewProduct(
        product.file_id, path.name, str(path), "0", path.name.replace("N001", "N000"), 1, product.tstart, product.tstop,
        product.rows, path.stat().st_size, sha256_of(path), product.tstop,
    )  # fmt: skip
    platform.catalog.commit_run(_run(pipe, partition), [entry])


def gain_file(
    folder: Path, name: str = "acisD2000-01-29gain_ctiN0002.fits", factor: float = 1.1, unit: str = "eV", **header: str
) -> Path:
    """The mission's gain with all energies multiplied, under another name, or said to be in another unit."""
    product = read_fits(BASELINE, "CALDB")
    (table,) = product.tables
    head = {"CONTENT": table.header["CONTENT"]}
    energy = {"ENERGY": table["ENERGY"] * np.float32(factor)}
    assert table.schema is not None
    columns = tuple(replace(c, unit=unit) if c.name == "ENERGY" else c for c in table.schema.columns)
    schema = replace(table.schema, columns=columns)
    changed = replace(table, header=head, columns={**table.columns, **energy}, schema=schema)
    folder.mkdir(parents=True, exist_ok=True)
    common = {"INSTRUME": "ACIS", "TELESCOP": "CHANDRA", **header}
    write_fits(folder / name, Product("X", (changed,), 0.0, 4e9, common), MONDAY)
    return folder / name


def make(platform: Platform, keys: list[str], only: list[str] | None = None) -> list[RunResult]:
    """Run the archival pipelines by observation, or some of them, in the order of their inputs."""
    done = []
    for key in keys:
        for pipeline in platform.registry.pipelines_of("obi"):
            if "sdp" in pipeline.streams and (only is None or pipeline.id in only):
                result = platform.execute(pipeline.id, "sdp", key)
                assert result.outcome in ("done", "nothing to do"), result.message
                done.append(result)
    return done

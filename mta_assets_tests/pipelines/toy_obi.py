"""Observations of five minutes each, found in playbacks of the packet mission, and two levels made of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.archive.products import write_fits
from mta_assets.core.records import Observation
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.core.times import from_utc
from mta_assets.missions.load import BUILT_IN

MIDNIGHT = from_utc("2021-04-09T00:00:00")
LENGTH = 300.0  # [s] of each observation; obsid 1000 begins at midnight
JOIN = 2.0  # [s] pieces of telemetry with less between them are one
REGISTRY = r"""
[facts]
instrument = ["ACIS", "HRC"]
obsid = "number"

[product.PIECE]
title   = "What a playback covers"
level   = "0"
pattern = 'piecef(?P<tstart>\d{9})N(?P<version>\d{3})_pce0\.fits'
suffix  = "_pce0.fits"

[pipeline.PIECE]
title   = "Pieces"
level   = "0"
group   = "observations"
inputs  = ["JPSS_ATT_EPHEM_ENG0"]
outputs = ["PIECE"]
root    = "piecef{tstart:09d}N{version:03d}"
[[pipeline.PIECE.profile]]
tool   = "mta_assets_tests.pipelines.toy_obi:piece"
reads  = ["request"]
writes = ["products"]

[pipeline.OBI_DET]
title  = "Find observation intervals"
level  = "05"
group  = "observations"
inputs = ["PIECE"]
reach  = 2000.0
outputs = ["INTERVALS"]
root   = "obif{tstart:09d}N{version:03d}"
[[pipeline.OBI_DET.profile]]
tool   = "mta_assets_tests.pipelines.toy_obi:detect"
reads  = ["PIECE", "request"]
writes = ["observations", "products"]

[product.INTERVALS]
title   = "Observation intervals around a playback"
level   = "05"
pattern = 'obif(?P<tstart>\d{9})N(?P<version>\d{3})_obi0\.fits'
suffix  = "_obi0.fits"

[product.ORBIT]
title     = "Orbit"
level     = "1"
pattern   = 'orbitf(?P<tstart>\d{9})N(?P<version>\d{3})_eph1\.fits(?:\.gz)?'
delivered = "time"
columns   = { ORBIT = ["TIME"] }

[product.TOY_EVT1]
title     = "Events"
level     = "1"
pattern   = 'toyf(?P<obsid>\d{5})(?:_(?P<obi>\d{3}))?N(?P<version>\d{3})_evt1\.fits(?:\.gz)?'
suffix    = "_evt1.fits"
delivered = "obi"
keywords  = { CONTENT = "EVT1" }
columns   = { EVENTS = ["TIME"] }

[pipeline.LEVEL1]
title     = "Events of an observation"
level     = "1"
group     = "level1"
partition = "obi"
streams   = ["sdp", "sap"]
inputs    = ["JPSS_ATT_EPHEM_ENG0"]
optional_inputs = ["ORBIT"]
outputs   = ["TOY_EVT1"]
root      = "toyf{obsid:05d}_{obi:03d}N{version:03d}"
[[pipeline.LEVEL1.profile]]
tool   = "mta_assets_tests.pipelines.toy_obi:level1"
reads  = ["JPSS_ATT_EPHEM_ENG0", "ORBIT", "request"]
writes = ["products"]

[product.TOY_EVT2]
title     = "Filtered events"
level     = "2"
pattern   = 'toyf(?P<obsid>\d{5})_(?P<obi>\d{3})N(?P<version>\d{3})_evt2\.fits'
suffix    = "_evt2.fits"

[pipeline.LEVEL2]
title     = "Filter"
level     = "2"
group     = "level2"
partition = "obi"
kickoff   = { instrument = ["ACIS"] }
inputs    = ["TOY_EVT1"]
outputs   = ["TOY_EVT2"]
root      = "toyf{obsid:05d}_{obi:03d}N{version:03d}"
[[pipeline.LEVEL2.profile]]
tool   = "mta_assets_tests.pipelines.toy_obi:level2"
reads  = ["TOY_EVT1", "request"]
writes = ["products"]
"""


def make_mission(folder: Path) -> Path:
    """A copy of the packet mission with observations."""
    shutil.copytree(BUILT_IN / "jpss", folder)
    (folder / "registry" / "observations.toml").write_text(REGISTRY)
    return folder


def piece(request: Request) -> Product:
    columns = {"tstart": np.array([request.tstart]), "tstop": np.array([request.tstop])}
    return Product("PIECE", (Table("PIECE", columns),), request.tstart, request.tstop)


def detect(pieces: Iterable[Product], request: Request) -> tuple[list[Observation], Product]:
    """All observations of which the pieces, put together, show anything."""
    found = intervals(pieces)
    table = Table("INTERVALS", {"obsid": np.array([one.obsid for one in found])})
    return found, Product("INTERVALS", (table,), request.tstart, request.tstop)


def intervals(pieces: Iterable[Product]) -> list[Observation]:
    joined: list[list[float]] = []
    for start, stop in sorted((float(p.tables[0]["tstart"][0]), float(p.tables[0]["tstop"][0])) for p in pieces):
        if joined and start - joined[-1][1] < JOIN:
            joined[-1][1] = max(joined[-1][1], stop)
        else:
            joined.append([start, stop])
    found: dict[int, Observation] = {}
    for start, stop in joined:
        for number in range(int((start - MIDNIGHT) // LENGTH), int((stop - MIDNIGHT) // LENGTH) + 1):
            begin, end = MIDNIGHT + number * LENGTH, MIDNIGHT + (number + 1) * LENGTH
            before = found.get(number)
            found[number] = Observation(
                1000 + number,
                0,
                before.tstart if before else max(begin, start),
                min(end, stop),
                begin >= start - JOIN or bool(before and before.begun),
                end <= stop,
                {"instrument": "HRC" if number == 9 else "ACIS"},
            )
    return [one for one in found.values() if one.tstop > one.tstart]


def level1(files: Iterable[Product], orbit: Any, request: Request) -> Product:
    times = np.unique(np.concatenate([p.tables[0]["TIME"] for p in files]))
    times = times[(times >= request.tstart) & (times < request.tstop)]
    header = {"CONTENT": "EVT1", "OBS_ID": str(request.obsid), "OBI_NUM": request.obi, "NORBIT": len(orbit or ())}
    return Product("TOY_EVT1", (Table("EVENTS", {"TIME": times}),), request.tstart, request.tstop, header)


def level2(events: Any, request: Request) -> Product:
    (product,) = events
    table = Table("EVENTS", {"TIME": product.tables[0]["TIME"]})
    return Product("TOY_EVT2", (table,), request.tstart, request.tstop, {"SOURCE": str(product.header.get("MARK", ""))})


def event_file(
    folder: Path, name: str, obsid: int = 1000, rows: int = 7, start: float = MIDNIGHT, **header: Any
) -> Path:
    """An event list as an archive might deliver it."""
    times = start + np.linspace(0.0, LENGTH - 1.0, rows)
    given = {"CONTENT": "EVT1", "OBS_ID": str(obsid), "OBI_NUM": 0, "MARK": "archive", **header}
    product = Product("TOY_EVT1", (Table("EVENTS", {"TIME": times}),), start, start + LENGTH, given)
    folder.mkdir(parents=True, exist_ok=True)
    write_fits(folder / name, product, MIDNIGHT)
    return folder / name


def orbit_file(folder: Path, start: float = MIDNIGHT - 1000.0, stop: float = MIDNIGHT + 1000.0) -> Path:
    """Ephemerides of a stretch of time."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"orbitf{int(start):09d}N001_eph1.fits"
    times = np.linspace(start, stop, 11)
    write_fits(path, Product("ORBIT", (Table("ORBIT", {"TIME": times}),), start, stop), MIDNIGHT)
    return path

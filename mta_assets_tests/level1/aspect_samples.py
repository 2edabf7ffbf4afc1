"""What the aspect pipeline reads, straight from the simulated spacecraft: no frames between, as the extractors give it.

That frames and extractors change nothing is shown in ``test_truth``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Product, Table
from mta_assets.core.times import from_utc
from mta_assets.instruments import quaternions
from mta_assets.instruments.geometry import quaternion_from_angles
from mta_assets.level1.aca_tables import STARCAT
from mta_assets.level1.aspect_gyro import MSIDS
from mta_assets.missions.load import load_mission
from mta_assets.simulate import aca_stream, attitude
from mta_assets.simulate.assemble import Plan
from mta_assets.simulate.engineering_encode import counts_of
from mta_assets.simulate.schedule import Dwell
from mta_assets.simulate.starcat import star_catalogue
from mta_assets.simulate.starfield import HOUSING, INTEGRATION

Array = NDArray[Any]
LENGTH = 3000.0  # [s] of an interval: four periods of the dither


@cache
def plan() -> Plan:
    return Plan(load_mission("chandra"), from_utc("2024-03-01T00:00:00"), 24.0, 60.0, 1, False)


@cache
def dwell(obsid: int) -> Dwell:
    return next(d for d in plan().schedule.dwells if d.obsid == obsid and d.kind == "observation")


def interval(obsid: int) -> tuple[float, float]:
    """Start and stop of the part of an observation that is used."""
    return dwell(obsid).tstart + 300.0, dwell(obsid).tstart + 300.0 + LENGTH


@cache
def counters(obsid: int) -> Array:
    start, stop = interval(obsid)
    first, last = plan().clock.counter(np.array([start, stop])) / 128
    return np.arange(int(np.floor(first)) * 128, int(np.ceil(last)) * 128)


@cache
def images(obsid: int) -> tuple[Product, ...]:
    """``ACA_IMG0`` of all slots."""
    found = aca_stream.images(plan().schedule, plan().clock, counters(obsid))
    return tuple(_image_product(image) for image in found)


def _image_product(image: aca_stream.Images) -> Product:
    time = plan().clock.time(image.counter) - aca_stream.UPDATE - INTEGRATION / 2
    border, count = (8 - image.size) // 2, len(image.counter)
    raw = image.raw[:, border : 8 - border, border : 8 - border] * (image.scale[:, None, None] / 32.0) - 50.0
    if image.size == 6:
        raw[:, ::5, ::5] = 0.0
    table = Table(
        f"ACA_IMG{image.slot}",
        {
            "TIME": time, "QUALITY": np.zeros(count, np.int32), "INTEG": np.full(count, INTEGRATION),
            "IMGRAW": raw.astype(np.float32), "IMGROW0": image.row0 - (image.size == 6),
            "IMGCOL0": image.col0 - (image.size == 6), "IMGNUM1": np.full(count, image.slot, np.uint8),
            "IMGFUNC1": np.where(image.tracking, 1, 2).astype(np.uint8), "IMGSTAT": np.zeros(count, np.uint8),
            "TEMPHOUS": np.full(count, HOUSING + 273.15),
        },
    )  # fmt: skip
    return Product("ACA_IMG0", (table,), float(time[0]), float(time[-1]), {}, {"slot": image.slot})


@cache
def gyros(obsid: int) -> tuple[Product, ...]:
    """``PCAD_ENG0`` with the gyro counts, and another group of the subsystem."""
    time = plan().clock.time(counters(obsid))
    columns = {"TIME": time, "QUALITY": np.zeros((len(time), 6), bool)}
    for msid in MSIDS:
        columns[msid] = np.asarray(counts_of(plan().dictionary[msid], plan().engineering.values(msid, time)))
    other = Table("AXAF_PCAD", {"TIME": time[::4], "AOPCADMD": np.full(len(time[::4]), "NPNT")})
    span = (float(time[0]), float(time[-1]))
    table = Table("AXAF_PCAD", columns, {"TIMEDEL": (0.25625, "")})
    return Product("PCAD_ENG0", (other,), *span), Product("PCAD_ENG0", (table,), *span)


@cache
def stars() -> Table:
    """The star catalogue of all observations."""
    return STARCAT.build(star_catalogue(plan().schedule.dwells))


def obspar(obsid: int, **changes: str) -> Table:
    """An OBSPAR table, its attitude a few arcseconds off, as a mean over some dither is."""
    d = dwell(obsid)
    start, stop = interval(obsid)
    q = quaternion_from_angles(d.ra + 0.004, d.dec - 0.003, d.roll + 0.01)
    values = {
        "obs_id": str(obsid), "obi_num": "0", "detector": d.instrument, "grating": d.grating, "tstart": repr(start),
        "tstop": repr(stop), "sim_z": repr(d.sim_z), **{f"q_nom{k + 1}": repr(float(q[k])) for k in range(4)},
        **changes,
    }  # fmt: skip
    return Table("OBSPAR", {"name": np.array(list(values)), "value": np.array(list(values.values()))})


def from_truth(time: Array, q_att: Array) -> Array:
    """(n, 3) [arcsec] about roll, pitch and yaw that attitudes differ from the true ones."""
    truth = attitude.quaternion(plan().schedule, time)
    return np.degrees(quaternions.difference(q_att, truth)) * 3600


def without(products: Sequence[Product], start: float, stop: float) -> list[Product]:
    """The same products without the rows of some seconds."""
    return [
        replace(p, tables=tuple(t.where((t["TIME"] < start) | (t["TIME"] >= stop)) for t in p.tables)) for p in products
    ]

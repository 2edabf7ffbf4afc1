"""Photons of the sources of one dwell on their way: from the sky to chip coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import geometry
from mta_assets.simulate import attitude, optics, sky
from mta_assets.simulate.schedule import Dwell

Columns = dict[str, NDArray[Any]]


def detected(dwell: Dwell, start: float, stop: float, rng: np.random.Generator) -> Columns:
    """Photons that hit the chips of a dwell between two times.

    Returns
    -------
    dict
        ``time`` [s], ``chip_id``, ``x``, ``y`` (continuous chip pixels), ``energy`` [eV], ``source_id``, ``ra``,
        ``dec`` (of the source's light, before the mirror), ``tg_part``, ``tg_m``; in no particular order.
    """
    parts = [_from_source(dwell, source, start, stop, rng) for source in sky.sources(dwell.obsid)]
    return join([part for part in parts if len(part["time"])] or [empty()])


def empty() -> Columns:
    """No photons."""
    dtypes = {"time": "f8", "chip_id": "i2", "x": "f8", "y": "f8", "energy": "f8", "source_id": "i2"}
    dtypes |= {"ra": "f8", "dec": "f8", "tg_part": "i1", "tg_m": "i1"}
    return {name: np.zeros(0, dtype) for name, dtype in dtypes.items()}


def join(parts: list[Columns]) -> Columns:
    """Columns after each other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _from_source(dwell: Dwell, source: sky.Source, start: float, stop: float, rng: np.random.Generator) -> Columns:
    count = int(rng.poisson(source.rate * (stop - start)))
    times = start + rng.random(count) * (stop - start)
    energy = sky.draw_energies(source, dwell.instrument, dwell.grating, count, rng)
    arms = optics.arms_of(dwell.grating, dwell.instrument)
    part, order = optics.draw_orders(energy, arms, rng)
    east, north = sky.draw_shell(source, count, rng)
    dec = source.dec + np.degrees(north)
    ra = source.ra + np.degrees(east) / np.cos(np.radians(source.dec))
    target = geometry.quaternion_from_angles(dwell.ra, dwell.dec, dwell.roll)
    still = geometry.sky_to_body(ra, dec, target)
    moving = geometry.rotate(geometry.conjugate(attitude.offset_quaternion(*attitude.dither(dwell, times))), still)
    begin, direction = optics.rays(optics.blur(moving, rng), energy, part, order, arms)
    wanted = dwell.ccds or None
    chip_id, x, y = geometry.rays_to_chip(dwell.instrument, begin, direction, dwell.sim_x, dwell.sim_z, wanted)
    columns: Columns = {
        "time": times,
        "chip_id": chip_id,
        "x": x,
        "y": y,
        "energy": energy * 1000,
        "source_id": np.full(count, source.source_id, np.int16),
        "ra": ra,
        "dec": dec,
        "tg_part": part,
        "tg_m": order,
    }
    return {name: column[chip_id >= 0] for name, column in columns.items()}

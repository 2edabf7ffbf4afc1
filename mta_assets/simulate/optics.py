"""Mirror and gratings: effective area, point-spread function, dispersion."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments.geometry import ARCSEC, FOCAL_LENGTH
from mta_assets.instruments.gratings import HC, ZERO_ORDER, Arm
from mta_assets.instruments.gratings import arms as known_arms

Array = NDArray[np.float64]

SHARE = {"HEG": 0.4, "MEG": 0.6, "LEG": 1.0}  # part of the mirror area in front of each arm
ORDERS = (0, 1, -1, 3, -3)

# relative effective area, shaped after the POG figures: energy [keV], ACIS, HRC
AREA = np.array([
    [0.06, 0.0, 0.10], [0.15, 0.0, 0.30], [0.28, 0.03, 0.25], [0.35, 0.02, 0.12], [0.5, 0.15, 0.40], [0.7, 0.45, 0.65],
    [1.0, 0.85, 1.0], [1.5, 1.0, 0.95], [2.0, 0.75, 0.5], [2.2, 0.55, 0.3], [3.0, 0.52, 0.28], [4.0, 0.55, 0.25],
    [5.0, 0.48, 0.2], [6.0, 0.33, 0.15], [7.0, 0.17, 0.08], [8.0, 0.07, 0.04], [10.0, 0.01, 0.01],
])  # fmt: skip

PSF_CORE = 0.45  # [arcsec] scale on axis: half the light within 0.34, nine tenths within 0.9
PSF_GROWTH = 0.075  # [arcsec / arcmin2] growth with off-axis angle squared
PSF_SLOPE = 1.5  # 1 - (1 + r2/s2)^-1.5 is the light within r: a core with wings (Moffat 1969 with beta 2.5)


def effective_area(energy: Array, detector: str) -> Array:
    """Relative effective area of mirror and detector (``ACIS…`` or ``HRC…``) at energies [keV]."""
    return np.interp(energy, AREA[:, 0], AREA[:, 1 if detector.startswith("ACIS") else 2])


@lru_cache
def _efficiency(arm: str) -> Array:
    """Energy [keV] and efficiency of order 0, ±1, ±3: rounded from CALDB greffpr N0007, mean of an arm's shells."""
    with (Path(__file__).parent / "gratings.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["arm"] == arm]
    return np.array([[float(row[name]) for name in ("energy", "zero", "first", "third")] for row in rows])


def _fates(energy: Array, arms: Sequence[Arm]) -> tuple[list[tuple[int, int]], Array]:
    """All (tg_part, order) of a grating and their efficiencies, shape (n, fates), at energies [keV]."""
    fates: list[tuple[int, int]] = []
    columns = []
    for arm in arms:
        table = _efficiency(arm.name)
        for order in ORDERS:
            fates.append((arm.part if order else ZERO_ORDER, order))
            columns.append(SHARE[arm.name] * np.interp(energy, table[:, 0], table[:, {0: 1, 1: 2, 3: 3}[abs(order)]]))
    return fates, np.stack(columns, axis=-1)


def arms_of(grating: str, detector: str) -> tuple[Arm, ...]:
    """Arms of the grating in the beam; none without one."""
    return () if grating == "NONE" else known_arms(grating, detector)


def grating_throughput(energy: Array, arms: Sequence[Arm]) -> Array:
    """Part of the photons that go into the orders simulated here; 1 without a grating."""
    if not arms:
        return np.ones_like(energy)
    return np.asarray(_fates(energy, arms)[1].sum(axis=-1), dtype=np.float64)


def draw_orders(
    energy: Array, arms: Sequence[Arm], rng: np.random.Generator
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """tg_part (0 zero order, 1 HEG, 2 MEG, 3 LEG) and order tg_m of each photon."""
    if not arms:
        return np.zeros(len(energy), np.int8), np.zeros(len(energy), np.int8)
    fates, efficiency = _fates(energy, arms)
    cumulative = np.cumsum(efficiency, axis=-1)
    pick = np.sum(cumulative < rng.random(len(energy))[:, None] * cumulative[:, -1:], axis=-1)
    table = np.array(fates, dtype=np.int8)[np.minimum(pick, len(fates) - 1)]
    return table[:, 0], table[:, 1]


def blur(body: Array, rng: np.random.Generator) -> Array:
    """Unit vectors spread by the point-spread function, wider the farther off axis."""
    off_axis = np.arccos(np.clip(body[:, 0], -1, 1)) / ARCSEC / 60  # [arcmin]
    scale = (PSF_CORE + PSF_GROWTH * off_axis**2) * ARCSEC
    # at most 60 scales: the wings beyond are a few parts in a million
    radius = np.minimum(scale * np.sqrt(rng.random(len(body)) ** (-1 / PSF_SLOPE) - 1), 60 * scale)
    angle = rng.random(len(body)) * 2 * np.pi
    out = body + np.stack([np.zeros(len(body)), radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return np.asarray(out / np.linalg.norm(out, axis=-1, keepdims=True), dtype=np.float64)


def rays(
    body: Array, energy: Array, part: NDArray[np.int8], order: NDArray[np.int8], arms: Sequence[Arm]
) -> tuple[Array, Array]:
    """Rays behind the mirror and gratings.

    Undispersed light goes straight on through the mirror node. Dispersed light turns at the grating node, which
    lies on the undispersed ray at the Rowland distance before the focus, by the angle of the grating
    equation ``P sin(tg_r) = m λ`` along the arm's dispersion direction (McDowell & Huenemoerder,
    "Coordinate systems … III: dispersed spectra", the definition of tg_r).

    Parameters
    ----------
    body
        Unit vectors to the (blurred) source, body axes, (n, 3).
    energy
        [keV]
    part, order
        tg_part and tg_m.
    arms
        Of the grating in the beam.

    Returns
    -------
    start, direction
        Points and unit directions of flight, FC axes [mm].
    """
    start = np.tile(np.array([FOCAL_LENGTH, 0.0, 0.0]), (len(body), 1))
    direction = -body
    for arm in arms:
        here = np.flatnonzero(part == arm.part)
        if not len(here):
            continue
        b = body[here]
        focus = start[here] - b * (FOCAL_LENGTH / b[:, :1])
        sine = order[here] * (HC / 1000) / energy[here] / arm.period
        angle = np.radians(arm.angle)
        along = np.array([0.0, np.cos(angle), np.sin(angle)])
        along = along - (b @ along)[:, None] * b
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        start[here] = focus + arm.rowland * b
        direction[here] = -b * np.sqrt(1 - sine**2)[:, None] + along * sine[:, None]
    return start, direction

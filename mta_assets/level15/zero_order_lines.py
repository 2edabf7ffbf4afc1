"""Readout streak and arms of a grating observation: lines that meet in the zero order.

Each gives an estimate across its direction: the centroid in a strip. `in_strips` tells which events can count for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Table
from mta_assets.instruments.geometry import ARCSEC, FOCAL_LENGTH, chips
from mta_assets.instruments.gratings import HC, Arm, sky_angle

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

STRIP = 1.0  # [arcsec] half width of the strips about streak and arms: twice that of an image
NEAR = 5.0  # [arcsec] nearer to the zero order a strip is not used: the core's wings fill it
ARM_ENDS = (15.0, 900.0)  # [arcsec] part of an arm that is used: apart from the crossing, up to where it fans out
FIRST_ORDER = 0.2  # CCD energy and place on an arm may differ by so much of the first order's energy
ENOUGH = 20  # counts above the background that an estimate needs
SIGNIFICANCE = 5.0  # of the zero order and of lines above the background
STEADY = 1e-3  # [pixel] iterations end when nothing moves farther
ROUNDS = 50  # at most so many
MOST_GAIN = 2.0  # of an iteration's step: more could make it swing
DRIFT = 3.0  # [arcsec] the zero order may move so far from its image to where the lines meet


@dataclass(frozen=True)
class Line:
    """An estimate along one direction: unit vector · (x, y) = place, with its error."""

    name: str
    direction: Array
    place: float
    error: float


@dataclass(frozen=True)
class Lines:
    """Where streak and arms lie on the sky image.

    Parameters
    ----------
    arms
        Of the grating.
    detector
        ``ACIS``, ``HRC-I`` or ``HRC-S``; the streak is that of ACIS.
    roll
        Of the observation [deg].
    pixel
        Size of a sky pixel [arcsec].
    """

    arms: tuple[Arm, ...]
    detector: str
    roll: float
    pixel: float

    def in_strips(self, events: Table, at: tuple[float, float], search: float = 0.0) -> Mask:
        """Events that may count for a line if the zero order is within ``search`` [arcsec] + DRIFT of a place."""
        right, up = _apart(events, at, self.pixel)
        aside = search + DRIFT
        wanted = np.zeros(len(events), np.bool_)
        for ccd in chips("ACIS") if self.detector == "ACIS" else ():
            same = np.flatnonzero(events["ccd_id"] == ccd)
            along, across = _turned(right[same], up[same], self._streak(ccd))
            wanted[same] = (np.abs(along) > NEAR - aside) & (np.abs(across) < aside + 2 * STRIP)
        for arm in self.arms:
            along, across = _turned(right, up, sky_angle(self.roll, arm.angle))
            along = np.abs(along)
            part = (along > ARM_ENDS[0] - aside) & (along < ARM_ENDS[1] + aside) & (np.abs(across) < aside + 2 * STRIP)
            if "energy" in events:
                most = _order(events["energy"], along + aside, arm) > 1 - FIRST_ORDER
                part &= most & (_order(events["energy"], along - aside, arm) < 1 + FIRST_ORDER)
            wanted |= part
        return wanted

    def find(
        self, events: Table, near: Table, at: tuple[float, float], search: float = 0.0, weight: float = 1.0
    ) -> list[Line]:
        """Estimates from the streak and the arms, those with enough events.

        Parameters
        ----------
        events
            Those in the strips, or more, with x and y in double precision.
        near
            Those about the place, or more: they tell its chip.
        at
            Place about which they are [sky pixel].
        search
            [arcsec] to the sides for them.
        weight
            Each event stands for so many.
        """
        right, up = _apart(events, at, self.pixel)
        found: list[Line | None] = []
        if self.detector == "ACIS":
            ccd = _chip(near, at, self.pixel)
            same = events["ccd_id"] == ccd
            angle = self._streak(ccd)
            found.append(_strip("streak", right[same], up[same], at, angle, (NEAR, np.inf), self.pixel, search, weight))
        for arm in self.arms:
            angle, part = sky_angle(self.roll, arm.angle), np.ones(len(right), np.bool_)
            if "energy" in events:
                # first order by the CCD energy: most of the background goes
                along = np.abs(_turned(right, up, angle)[0])
                part = np.abs(_order(events["energy"], along, arm) - 1) < FIRST_ORDER
            found.append(_strip(arm.name, right[part], up[part], at, angle, ARM_ENDS, self.pixel, search, weight))
        return [line for line in found if line is not None]

    def _streak(self, ccd: int) -> float:
        """Direction of the readout of a chip on the sky image [deg]."""
        step = chips("ACIS")[ccd].step_y
        return sky_angle(self.roll, float(np.degrees(np.arctan2(step[2], step[1]))))


def _apart(events: Table, at: tuple[float, float], pixel: float) -> tuple[Array, Array]:
    """Distances of events from a place along the axes of the sky image [arcsec]."""
    return (events["x"] - at[0]) * pixel, (events["y"] - at[1]) * pixel


def _chip(near: Table, at: tuple[float, float], pixel: float) -> int:
    """The chip on which a place is."""
    centre = np.hypot(*_apart(near, at, pixel)) < NEAR
    return int(np.bincount(near["ccd_id"][centre].astype(int)).argmax()) if centre.any() else 7


def _turned(right: Array, up: Array, angle: float) -> tuple[Array, Array]:
    """Distances along a direction [deg] and across it."""
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return right * cosine + up * sine, up * cosine - right * sine


def _order(energy: Array, along: Array, arm: Arm) -> Array:
    """Energies [eV] over those of the first order at distances [arcsec] along an arm."""
    return energy * along * (arm.period * ARCSEC * FOCAL_LENGTH / arm.rowland / HC)


def _strip(
    name: str, right: Array, up: Array, at: tuple[float, float], angle: float, ends: tuple[float, float], pixel: float,
    search: float, weight: float,
) -> Line | None:  # fmt: skip
    """Iterated centroid across a strip along a direction [deg] through the zero order, on both sides of it."""
    along, across = _turned(right, up, angle)
    part = (np.abs(along) > ends[0]) & (np.abs(along) < ends[1]) & (np.abs(across) < search + 2 * STRIP)
    across = across[part]
    middle, total, source = 0.0, 0, 0
    if search:
        # the strip with the most events
        image, edges = np.histogram(across, np.arange(-search, search + STRIP, STRIP))
        middle = float(edges[np.argmax(image)]) + STRIP / 2
    first = middle
    for _ in range(ROUNDS):
        aside = np.abs(across - middle)
        total = int(np.count_nonzero(aside < STRIP))
        source = 2 * int(np.count_nonzero(aside < STRIP / 2)) - total  # equal areas: the background is the same in both
        if source < max(ENOUGH, SIGNIFICANCE * np.sqrt(total)) or abs(middle - first) > 2 * STRIP:
            return None
        # the background's centroid is the middle of the strip: it holds back the source's in proportion
        moved = (float(across[aside < STRIP].mean()) - middle) * min(total / source, MOST_GAIN)
        middle += moved
        if abs(moved) < STEADY * pixel:
            break
    error = float(across[np.abs(across - middle) < STRIP].std()) * np.sqrt(total) / source / pixel / np.sqrt(weight)
    direction = np.array([-np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    return Line(name, direction, float(direction @ np.array(at)) + middle / pixel, error)

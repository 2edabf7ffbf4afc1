"""Detections of several observations on one sky: offsets taken out, and which detections are the same source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Table
from mta_assets.level3.astrometry import Offset, Positions, fit_offset, tangent
from mta_assets.level3.matching import directions, groups, pairs

Array = NDArray[np.float64]
Index = NDArray[np.int64]
# [arcsec] 1 σ along an axis of the absolute pointing: 90 % of 2018 to 2023 lie within 1.10, in 2003 within 0.6
# (CXC, cal/ASPECT/celmon and improve_astrometry)
POINTING = 1.10 / 2.146
SIGMAS = 3.0  # of the common error within which detections are one source: 98.9 % in two dimensions
NEAREST = 0.3  # [arcsec] detections closer are one source, whatever their errors
FARTHEST = 5.0  # [arcsec] and farther never
TIED = 3  # matches from which on an observation's offset is taken out


@dataclass(frozen=True)
class Observation:
    """The source list of one observation.

    Parameters
    ----------
    obs_id, time
        Its number, and its start [s].
    sources
        SRCLIST table: RA, DEC, RA_ERR, DEC_ERR [deg], NET_RATE, NET_RATE_ERR [count/s], SIGNIFICANCE, COMPONENT.
    pointing
        Centre of the field [deg] and its radius [arcsec], for NOBS; None if not known.
    """

    obs_id: str
    time: float
    sources: Table
    pointing: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Rows:
    """All detections on one line."""

    obs: Index
    ra: Array
    dec: Array
    error: Array
    rate: Array
    rate_error: Array
    significance: Array
    component: Index


def tie(observations: Sequence[Observation], radius: float) -> tuple[Rows, Mapping[int, Offset]]:
    """Detections after the offsets of their observations, and the offsets of those that could be tied."""
    lists = [_positions(o.sources) for o in observations]
    order = sorted(range(len(lists)), key=lambda n: (-len(lists[n].ra), observations[n].time, n))
    offsets: dict[int, Offset] = {}
    placed = dict(enumerate(lists))
    known = lists[order[0]] if order else Positions(*(np.zeros(0) for _ in range(3)))
    for n in order[1:]:
        here = lists[n]
        offset = fit_offset(here, known, radius)
        if offset is None or offset.matches < TIED:
            continue
        offsets[n] = offset
        ra, dec = offset.apply(here.ra, here.dec)
        x, y = tangent(ra, dec, offset.centre)
        shift = np.hypot(offset.east_error, offset.north_error) / np.sqrt(2)
        turned = np.radians(offset.turn_error) * np.hypot(x, y) / np.sqrt(2)
        placed[n] = Positions(ra, dec, np.sqrt(here.error**2 + shift**2 + turned**2))
        known = _with_new(known, placed[n], radius)
    # what is tied shares the reference's pointing error; what is not has its own against that
    free = POINTING * (np.sqrt(2) if offsets else 1.0)
    for n in order:
        if n not in offsets and (n != order[0] or not offsets):
            placed[n] = Positions(placed[n].ra, placed[n].dec, np.hypot(placed[n].error, free))
    ordered = [placed[n] for n in range(len(lists))]

    def column(name: str) -> Array:
        return np.concatenate([np.asarray(o.sources[name], float) for o in observations])

    rows = Rows(
        np.repeat(np.arange(len(lists)), [len(p.ra) for p in ordered]),
        np.concatenate([p.ra for p in ordered]),
        np.concatenate([p.dec for p in ordered]),
        np.concatenate([p.error for p in ordered]),
        column("NET_RATE"),
        column("NET_RATE_ERR"),
        column("SIGNIFICANCE"),
        column("COMPONENT").astype(np.int64),
    )
    return rows, offsets


def _positions(table: Table) -> Positions:
    dec = np.asarray(table["DEC"], float)
    east = np.asarray(table["RA_ERR"], float) * np.cos(np.radians(dec))
    error = np.hypot(east, np.asarray(table["DEC_ERR"], float)) / np.sqrt(2) * 3600
    return Positions(np.asarray(table["RA"], float), dec, error)


def _with_new(known: Positions, more: Positions, radius: float) -> Positions:
    """Places that are known with those of an observation that have no neighbour among them."""
    new = np.ones(len(more.ra), bool)
    if len(known.ra) and len(more.ra):
        new[pairs(directions(more.ra, more.dec), directions(known.ra, known.dec), radius)[0]] = False
    return Positions(*(np.concatenate([getattr(known, n), getattr(more, n)[new]]) for n in ("ra", "dec", "error")))


def same(rows: Rows) -> Index:
    """Number of the source of each detection."""
    vectors = directions(rows.ra, rows.dec)
    if not len(vectors):
        return np.zeros(0, np.int64)
    i, j, distance = pairs(vectors, vectors, FARTHEST)
    limit = np.clip(SIGMAS * np.hypot(rows.error[i], rows.error[j]), NEAREST, FARTHEST)
    near = (i < j) & (distance <= limit) & (rows.obs[i] != rows.obs[j])
    group = groups(len(vectors), i[near], j[near])
    # an observation sees a source once: the most significant detection stays, others are sources of their own
    order = np.lexsort((-rows.significance, rows.obs, group))
    repeated = np.zeros(len(order), bool)
    repeated[order[1:]] = (group[order[1:]] == group[order[:-1]]) & (rows.obs[order[1:]] == rows.obs[order[:-1]])
    group = group.copy()
    group[repeated] = group.max() + 1 + np.arange(int(repeated.sum()))
    return np.unique(group, return_inverse=True)[1].astype(np.int64)

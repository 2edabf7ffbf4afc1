"""The catalogue over observations: one row for each source of the sky, and one for each of its detections.

1. The observation with the most sources is the reference; the others are shifted (and turned) onto what is there so
far,
   one after the other, if enough sources match (`astrometry`). An observation that can not be tied keeps its places
   and the error of the absolute pointing.
2. Detections closer than a number of their common sigmas are the same source (`matching`); of two detections of one
observation in a
   group the better keeps it, the other is a source of its own.
3. Merged properties: weighted mean place and rate, chi-squared of either about its mean. A probability below 0.01
that the rates
   are constant flags a source as variable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Header, Product, Table
from mta_assets.level3.astrometry import Offset
from mta_assets.level3.identify import POINTING, Observation, Rows, same, tie
from mta_assets.level3.layouts import DETECTIONS, OFFSETS, SOURCES
from mta_assets.level3.matching import ARCSEC, directions
from mta_assets.level3.merge import chi_chance, merged, separation

Array = NDArray[np.float64]
Index = NDArray[np.int64]
VARIABLE = 0.01  # chance of constant rates below which a source is variable


def catalogue(observations: Sequence[Observation], radius: float = 2.0) -> tuple[Table, Table, Table]:
    """Sources, detections and offsets of observations.

    Parameters
    ----------
    observations
        At least one; the same ``obs_id`` twice is refused.
    radius
        Greatest offset between observations [arcsec].

    Returns
    -------
    sources, detections, offsets
        Tables of `SOURCES`, `DETECTIONS` and `OFFSETS`.

    Raises
    ------
    BadData
        If there is no observation, one comes twice, or a position is no number.
    """
    names = [o.obs_id for o in observations]
    if not names or len(set(names)) != len(names):
        raise BadData(f"catalogue of observations {names}: expected at least one, and each once")
    rows, offsets = tie(observations, radius)
    group = same(rows)
    return _tables(observations, rows, group, offsets)


def _tables(
    observations: Sequence[Observation], rows: Rows, group: Index, offsets: Mapping[int, Offset]
) -> tuple[Table, Table, Table]:
    times = np.array([o.time for o in observations])
    number = int(group.max()) + 1 if len(group) else 0
    place = merged(rows, group, number)
    order = np.argsort(place.ra, kind="stable")
    rank = np.argsort(order, kind="stable")
    obs_time = times[rows.obs]
    first, last, best = np.full(number, np.inf), np.full(number, -np.inf), np.full(number, -np.inf)
    np.minimum.at(first, group, obs_time)
    np.maximum.at(last, group, obs_time)
    np.maximum.at(best, group, rows.significance)
    chance = chi_chance(place.rate_chi2, np.maximum(place.members - 1, 0))
    # the frame is the reference observation's: where others are tied to it, its pointing error is not yet in
    error = np.hypot(place.error, POINTING) if offsets else place.error
    columns = {
        "NAME": np.array([source_name(r, d) for r, d in zip(place.ra.tolist(), place.dec.tolist(), strict=True)],
        "U24"), "RA": place.ra, "DEC": place.dec, "POS_ERR": error, "NDET": place.members,
        "NOBS": _seen(observations, place.ra, place.dec, rows.obs, group), "RATE": place.rate,
        "RATE_ERR": place.rate_error, "RATE_MAX": place.rate_max, "RATE_MIN": place.rate_min, "SIGNIFICANCE": best,
        "POS_CHI2": place.chi2, "RATE_CHI2": place.rate_chi2, "VAR_PROB": chance, "VARIABLE": chance < VARIABLE,
        "FIRST": first, "LAST": last,
    }  # fmt: skip
    ids = np.arange(1, number + 1)
    sources = SOURCES.build({**{n: c[order] for n, c in columns.items()}, "SOURCE_ID": ids}, _header("SOURCES"))
    line = np.lexsort((obs_time, rank[group]))
    detections = DETECTIONS.build(
        {
            "SOURCE_ID": rank[group][line] + 1,
            "OBS_ID": np.array([o.obs_id for o in observations], "U16")[rows.obs[line]],
            "COMPONENT": rows.component[line], "TIME": obs_time[line], "RA": rows.ra[line], "DEC": rows.dec[line],
            "POS_ERR": rows.error[line], "RATE": rows.rate[line], "RATE_ERR": rows.rate_error[line],
            "SIGNIFICANCE": rows.significance[line],
            "SEPARATION": separation(rows.ra, rows.dec, place.ra[group], place.dec[group])[line],
        },
        _header("DETECTIONS"),
    )  # fmt: skip
    return sources, detections, _offset_table(observations, offsets)


def _seen(observations: Sequence[Observation], ra: Array, dec: Array, obs: Index, group: Index) -> Index:
    """Observations that detected a source or whose field holds it."""
    found = np.zeros((len(ra), len(observations)), bool)
    found[group, obs] = True
    vectors = directions(ra, dec)
    for n, observation in enumerate(observations):
        if observation.pointing is not None:
            centre = directions(observation.pointing[0], observation.pointing[1])
            found[:, n] |= vectors @ centre >= np.cos(observation.pointing[2] * ARCSEC)
    return found.sum(axis=1)


def _offset_table(observations: Sequence[Observation], offsets: Mapping[int, Offset]) -> Table:
    none = Offset(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, (0.0, 0.0), 0, 0.0, 0.0)
    found = [offsets.get(n, none) for n in range(len(observations))]
    names = ("east", "north", "east_error", "north_error", "turn", "turn_error", "matches", "scatter", "chi2")
    columns = {name: np.array([getattr(offset, name) for offset in found]) for name in names}
    return OFFSETS.build(
        {
            "OBS_ID": np.array([o.obs_id for o in observations], "U16"),
            "TIME": np.array([o.time for o in observations], float),
            **{name.replace("error", "err").upper(): column for name, column in columns.items()},
        },
        _header("OFFSETS"),
    )


def _header(content: str) -> Header:
    return {"CONTENT": (content, "catalogue of sources"), "RADESYS": ("ICRS", "reference system")}


def source_name(ra: float, dec: float) -> str:
    """Name after the place [deg], cut and not rounded as the IAU asks for: ``MTA J174540.0-290028``."""
    tenths, seconds = int(ra % 360 / 15 * 36000), int(abs(dec) * 3600)
    east = f"{tenths // 36000:02d}{tenths // 600 % 60:02d}{tenths % 600 // 10:02d}.{tenths % 10}"
    sign = "-" if dec < 0 else "+"
    return f"MTA J{east}{sign}{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"


def catalogue_product(observations: Sequence[Observation], file_id: str, radius: float = 2.0) -> Product:
    """`catalogue` as a product; its interval is that of the observations' starts."""
    tables = catalogue(observations, radius)
    times = [o.time for o in observations]
    return Product(file_id, tables, min(times), max(times), {"NOBSERV": (len(times), "observations in the catalogue")})

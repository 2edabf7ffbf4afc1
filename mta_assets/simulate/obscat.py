"""The observing catalogue (OBSCAT) of the simulated observatory: what is to be observed, and how."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mta_assets.core.errors import ConfigError

INSTRUMENTS = ("ACIS-I", "ACIS-S", "HRC-I", "HRC-S")
GRATINGS = ("NONE", "HETG", "LETG")
DATAMODES = ("FAINT", "VFAINT", "GRADED", "CC33_FAINT")


@dataclass(frozen=True)
class Entry:
    """One requested observation.

    Parameters
    ----------
    ra, dec
        Target, which is also the aim [deg].
    ccds
        ACIS chips in the order of their front-end processors; empty for HRC.
    weight
        Share of the observing time, relative to the other entries.
    """

    obsid: int
    target: str
    ra: float
    dec: float
    instrument: str
    grating: str
    datamode: str
    ccds: tuple[int, ...]
    weight: float


@lru_cache
def load_obscat(path: Path = Path(__file__).parent / "obscat.csv") -> tuple[Entry, ...]:
    """The entries in the order in which they are to be observed.

    All targets lie more than 46 degrees from the ecliptic, so that the Sun never keeps them from being observed.
    """
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(_entry(row, path) for row in csv.DictReader(file))


def _entry(row: dict[str, str], path: Path) -> Entry:
    for key, known in (("instrument", INSTRUMENTS), ("grating", GRATINGS)):
        if row[key] not in known:
            raise ConfigError(f"{path}, obsid {row['obsid']}: {key} {row[key]!r} is not one of {', '.join(known)}")
    is_acis = row["instrument"].startswith("ACIS")
    if is_acis != (row["datamode"] in DATAMODES):
        raise ConfigError(f"{path}, obsid {row['obsid']}: data mode {row['datamode']!r} of {row['instrument']}")
    return Entry(
        obsid=int(row["obsid"]),
        target=row["target"],
        ra=float(row["ra"]),
        dec=float(row["dec"]),
        instrument=row["instrument"],
        grating=row["grating"],
        datamode=row["datamode"],
        ccds=tuple(int(ccd) for ccd in row["ccds"].split(";") if ccd),
        weight=float(row["weight"]),
    )

"""The star catalogue of the simulated observations: which fid light or guide star each image slot is to follow.

A real one goes up with the commands (MP_STARCAT) and comes to the ground system with the observing catalogue.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from mta_assets.instruments.aca import body_angles
from mta_assets.instruments.geometry import quaternion_from_angles, sky_to_body
from mta_assets.simulate.schedule import Dwell, Schedule
from mta_assets.simulate.starfield import FID_ANGLES, FID_MAG, FID_SIZE, FIDS, STAR_SIZE, guide_stars

COLUMNS = ("obsid", "obi", "slot", "type", "id", "ra", "dec", "mag", "yang", "zang", "size")


def star_catalogue(schedule: Schedule) -> list[dict[str, Any]]:
    """Rows of all pointings: type FID (Y and Z angle [arcsec]) or GUI (position [deg] and the angles planned)."""
    rows = []
    for dwell in schedule.dwells:
        if dwell.kind != "manoeuvre":
            rows += _fids(dwell) + _stars(dwell)
    return rows


def write_star_catalogue(schedule: Schedule, path: Path) -> None:
    """The catalogue as a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(star_catalogue(schedule))


def _fids(dwell: Dwell) -> list[dict[str, Any]]:
    focus = dwell.instrument if dwell.kind == "observation" else "HRC-S"
    common = {"obsid": dwell.obsid, "obi": dwell.obi, "type": "FID", "ra": "", "dec": "", "mag": FID_MAG}
    return [
        {**common, "slot": slot, "id": slot + 1, "yang": yag, "zang": zag, "size": FID_SIZE}
        for slot, (yag, zag) in enumerate(FID_ANGLES[focus])
    ]


def _stars(dwell: Dwell) -> list[dict[str, Any]]:
    ra, dec, mag = guide_stars(dwell.obsid, dwell.ra, dwell.dec, dwell.roll)
    yag, zag = body_angles(sky_to_body(ra, dec, quaternion_from_angles(dwell.ra, dwell.dec, dwell.roll)))
    common = {"obsid": dwell.obsid, "obi": dwell.obi, "type": "GUI", "size": STAR_SIZE}
    return [
        {
            **common, "slot": FIDS + k, "id": 10000 * dwell.obsid + k, "ra": float(ra[k]), "dec": float(dec[k]),
            "mag": float(mag[k]), "yang": float(yag[k]), "zang": float(zag[k]),
        }
        for k in range(len(ra))
    ]  # fmt: skip

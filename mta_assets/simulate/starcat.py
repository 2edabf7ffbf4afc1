"""The star catalogue of the simulated observations: which fid light or guide star each image slot is to follow.

A real one goes up with the commands (MP_STARCAT) and comes to the ground system with them. So it comes here: as a
delivered product, a file for the pointings that begin in one day, the span of a command load.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.times import MJDREF, compact_utc, to_tt_iso, to_utc_iso
from mta_assets.instruments.aca import body_angles
from mta_assets.instruments.geometry import quaternion_from_angles, sky_to_body
from mta_assets.simulate.schedule import Dwell, Schedule
from mta_assets.simulate.starfield import FID_ANGLES, FID_MAG, FID_SIZE, FIDS, STAR_SIZE, guide_stars

# Name, FITS form and unit of each column
COLUMNS = (
    ("obsid", "J", ""), ("obi", "I", ""), ("slot", "I", ""), ("type", "4A", ""), ("id", "K", ""), ("ra", "D", "deg"),
    ("dec", "D", "deg"), ("mag", "E", "mag"), ("yang", "D", "arcsec"), ("zang", "D", "arcsec"), ("size", "I", "pixel"),
)  # fmt: skip


def star_catalogue(dwells: Sequence[Dwell]) -> dict[str, NDArray[Any]]:
    """Columns of all pointings among the dwells.

    Type FID has the Y and Z angle [arcsec] that the light is at, and no position (NaN); type GUI the position [deg]
    and the angles planned.
    """
    rows = [row for dwell in _pointings(dwells) for row in _fids(dwell) + _stars(dwell)]
    return {name: np.array([row[name] for row in rows]) for name, _, _ in COLUMNS}


def write_star_catalogues(schedule: Schedule, folder: Path, telescope: str) -> tuple[Path, ...]:
    """A file ``starcatfTTTTTTTTTN001_stc0.fits`` for each day of the plan in which a pointing begins.

    Parameters
    ----------
    schedule
        The plan.
    folder
        Where they appear, each by a rename when it is complete.
    telescope
        TELESCOP of the header.

    Returns
    -------
    The files, in order of time. TSTART and TSTOP are those of the first and the last pointing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    loads = groupby(_pointings(schedule.dwells), key=lambda dwell: compact_utc(dwell.tstart)[:8])
    return tuple(_write(tuple(dwells), folder, telescope) for _, dwells in loads)


def _pointings(dwells: Sequence[Dwell]) -> list[Dwell]:
    return [dwell for dwell in dwells if dwell.kind != "manoeuvre"]


def _write(dwells: Sequence[Dwell], folder: Path, telescope: str) -> Path:
    """By astropy, not by the platform's own writer: what is delivered was made elsewhere."""
    from astropy.io import fits

    tstart, tstop = dwells[0].tstart, dwells[-1].tstop
    rows = star_catalogue(dwells)
    hdus = fits.HDUList(
        [
            fits.PrimaryHDU(),
            fits.BinTableHDU.from_columns(
                [fits.Column(name, form, unit or None, array=rows[name]) for name, form, unit in COLUMNS],
                name="STARCAT",
            ),
        ]
    )
    written = to_utc_iso(tstart, 0)  # the same run gives the same bytes
    for hdu in hdus:
        hdu.header.update(
            {
                "MISSION": "AXAF", "TELESCOP": telescope, "CONTENT": "STARCAT", "DATE": written, "TIMESYS": "TT",
                "MJDREF": MJDREF, "TIMEUNIT": "s", "TSTART": tstart, "TSTOP": tstop,
                "DATE-OBS": to_tt_iso(tstart), "DATE-END": to_tt_iso(tstop),
            }
        )  # fmt: skip
        hdu.add_checksum(when=written)
    path = folder / f"starcatf{int(tstart):09d}N001_stc0.fits"
    part = path.with_name(path.name + ".part")
    hdus.writeto(part, overwrite=True)
    part.replace(path)
    return path


def _fids(dwell: Dwell) -> list[dict[str, Any]]:
    focus = dwell.instrument if dwell.kind == "observation" else "HRC-S"
    common = {"obsid": dwell.obsid, "obi": dwell.obi, "type": "FID", "ra": np.nan, "dec": np.nan, "mag": FID_MAG}
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

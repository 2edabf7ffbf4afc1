"""Files of the HRC observations as tables in memory, and smooth curves through their residuals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Table
from mta_assets_tests.realdata import realdata

Array = NDArray[Any]
KNOTS = 60.0  # [s] of the splines


def table(*parts: str, hdu: int | str = 1) -> Table:
    """A table of a file under chandra/hrc, in native byte order."""
    from astropy.io import fits

    with fits.open(realdata("chandra", "hrc", *parts)) as file:
        data, header = file[hdu].data, file[hdu].header
        columns = {}
        for column in file[hdu].columns:
            values = np.array(data[column.name])
            columns[column.name] = values.astype(values.dtype.newbyteorder("="))
        keywords = {key: header[key] for key in header if key not in ("COMMENT", "HISTORY", "")}
        return Table(str(file[hdu].name), columns, keywords)


def events_2886() -> tuple[dict[str, Array], Table]:
    """The columns of evt0 that the event list of 2886 still has, and the list itself."""
    events = table("2886_hrcI_evt1.fits.gz")
    names = ("crsv", "crsu", "amp_sf", *(f"a{axis}{k}" for axis in "vu" for k in (1, 2, 3)), "pha")
    columns = {name.upper(): events[name] for name in names}
    columns["TIME"] = events["time"]
    columns["VETOSTT"] = events["status"][:, 8:16]
    columns["E_TRIG"] = ~events["status"][:, 6:8]
    return columns, events


def splines(times: Array, step: float = KNOTS) -> Array:
    """Cubic B-splines with uniform knots at times, (n, knots + 3): de Boor's recursion with all basis functions."""
    first, last = times.min(), times.max()
    count = max(int(np.ceil((last - first) / step)), 1)
    knots = first + (last - first) / count * np.arange(-3, count + 4)
    at = np.minimum(times, np.nextafter(last, first))[:, None]
    basis = ((at >= knots[:-1]) & (at < knots[1:])).astype(float)
    for degree in (1, 2, 3):
        span = knots[degree] - knots[0]
        rising = (at - knots[: -degree - 1]) / span * basis[:, :-1]
        falling = (knots[degree + 1 :] - at) / span * basis[:, 1:]
        basis = rising + falling
    return basis

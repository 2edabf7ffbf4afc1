"""Calibration files of the mission for steps that need them: tables by kind, of the date of the observation.

Files have the names of the CALDB, ``acisD2000-01-29gain_ctiN0001.fits``: instrument, date from which it holds, kind,
version. Of a kind the newest that holds is taken, and of that the highest version.
"""

from __future__ import annotations

import re
from pathlib import Path

from mta_assets.archive.products import read_fits
from mta_assets.core.errors import ConfigError
from mta_assets.core.request import Request
from mta_assets.core.tables import Table
from mta_assets.core.times import to_utc_iso
from mta_assets.missions.load import Mission

NAME = re.compile(r"(?P<instrument>[a-z]+)D(?P<date>\d{4}-\d\d-\d\d)(?P<kind>[a-z_]+?)N(?P<version>\d{4})\.fits")
FOLDER = "calibration"
Calibration = dict[str, tuple[str, tuple[Table, ...]]]


def calibration(mission: Mission, request: Request, *, instrument: str) -> Calibration:
    """Name of the file and its tables by kind (``gain_cti``).

    Raises
    ------
    ConfigError
        If the mission has no calibration of the instrument for the time.
    """
    found: dict[str, tuple[str, str, Path]] = {}
    day = to_utc_iso(request.tstart)[:10]
    for path in sorted((mission.folder / FOLDER).glob(f"{instrument}D*.fits")):
        match = NAME.fullmatch(path.name)
        if match is None or match["date"] > day:
            continue
        this = (match["date"], match["version"], path)
        found[match["kind"]] = max(this, found.get(match["kind"], this))
    if not found:
        raise ConfigError(
            f"mission {mission.name}: {mission.folder / FOLDER} has no calibration of {instrument} that holds at "
            f"{request.tstart:.0f} s"
        )
    return {kind: (path.name, read_fits(path, "CALDB").tables) for kind, (_, _, path) in found.items()}

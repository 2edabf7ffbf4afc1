"""The calibration of the simulated mission, read from its files."""

from __future__ import annotations

from functools import lru_cache

from mta_assets.archive.products import read_fits
from mta_assets.core.tables import Table
from mta_assets.level1.acis_setup import Calibration, calibration
from mta_assets_tests.level1 import acis_calibration as files


def acis_tables(name: str) -> tuple[Table, ...]:
    """Tables of one of the files."""
    return read_fits(files.FOLDER / name, "ACIS_CALDB").tables


@lru_cache
def acis_ready(time: float = 8e8, transfer: bool = True) -> Calibration:
    """All of it made ready, with the charge-transfer correction or without."""
    density, volume = acis_tables(files.CTI)
    return calibration(
        acis_tables(files.GAIN)[0],
        time,
        acis_tables(files.TIME_GAIN)[0],
        density if transfer else None,
        volume if transfer else None,
        acis_tables(files.SUBPIX)[0],
        files={"GAINFILE": files.GAIN, "CTIFILE": files.CTI, "TGAINFIL": files.TIME_GAIN, "SUBPIXFL": files.SUBPIX},
    )

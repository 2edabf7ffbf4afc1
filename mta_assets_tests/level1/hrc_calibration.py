"""The simulated HRC as calibration files: ``python -m mta_assets_tests.level1.hrc_calibration``.

In the form of the CALDB's tables, one row of a CALDB file is one row here and ``DETNAM`` says of which detector. The
simulator's amplifiers change their range at 50 and 110 with no band between, its charge has no gaps (the identity), and
nothing rings. The hyperbola is that of HRC-S (PINTofALE, ``hrcs_process_evt``) with a wider band; the rules of good
times are the archive's for HRC-I, without those of sensors that the simulator has not. A test holds the files to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mta_assets
from mta_assets.archive.products import read_fits, write_fits
from mta_assets.core.tables import Product, Table
from mta_assets.instruments.hrc import PLATES
from mta_assets.level1 import hrc_regions
from mta_assets.level1.hrc_calibration import Calibration, of_tables

FOLDER = Path(mta_assets.__file__).parent / "missions" / "chandra" / "calibration"
TAP, BADPIX_FILE, LIMITS = (f"hrcD1999-07-22{kind}N0001.fits" for kind in ("tap", "badpix", "limits"))
DETECTORS = ("HRC-I", "HRC-S")
SETTINGS = {
    "AMP_GAIN": 74.0, "PHA_1TO2": 49.5, "PHA_2TO3": 109.5, "W_1TO2": 0.0, "W_2TO3": 0.0, "GRID_RATIO": 0.5,
    "PHA_RATIO": 0.5, "SAT_LOW": 2.0, "SAT_HIGH_1": 4094.0, "SAT_HIGH_2": 4094.0, "SAT_HIGH_3": 4094.0, "PI_GAIN": 1.0,
}  # fmt: skip
AXIS = {"HYP_B": 0.248, "HYP_H": 1.0710, "HYP_A": 0.2706, "HYP_DH": 0.06, "FLAT_RATIO": 0.8}
RINGING = ("A", "B", "C", "D", "BETA", "GAMMA", "THRESH12", "OFFSET")
TAPS_V = {("HRC-I", 0): (0, 63), ("HRC-S", 1): (0, 64), ("HRC-S", 2): (64, 128), ("HRC-S", 3): (128, 191)}
REGIONS = {  # chip, columns and rows at the edges, where no counts are; status bit 2
    "HRC-I": (
        (0, (1, 469), (1, 16384)), (0, (470, 14891), (1, 379)), (0, (470, 14891), (14941, 16384)),
        (0, (14892, 16384), (1, 16384)),
    ),
    "HRC-S": (
        (1, (1, 559), (1, 16456)), (1, (3538, 4096), (1, 16456)), (1, (560, 3537), (1, 1676)),
        (2, (1, 559), (1, 16456)), (2, (3538, 4096), (1, 16456)),
        (3, (1, 559), (1, 16456)), (3, (3538, 4096), (1, 16456)), (3, (560, 3537), (14107, 16456)),
    ),
}  # fmt: skip
RULES = (
    "(fabs(Point_SunLimbAng:1)>=45.0)", "(fabs(Point_MoonLimbAng:1)>=6.0)", "(fabs(Point_EarthLimbAng:1)>=10.0)",
    "(DTF:1>=0.0)", '(DETNAM:1=="{detector}")', '(DET_HV:1=="ON")', "(MOVING:1==F)",
    '((GRATING:1!="FAULT")&&(GRATING:1!="MOVING")&&(GRATING:1!="UNKNOWN"))', "(AOFF_GAP:1==0)",
    "((0<=asp_sol_status:1)&&(asp_sol_status:1<256))",
)  # fmt: skip


def tables() -> dict[str, tuple[Table, ...]]:
    """All files: name → tables."""
    taps = [
        {"DETNAM": detector, "CHIP_ID": chip, "AXIS": axis, "TAPNUM": tap, "LA": 1.0, "LB": 0.0, "RA": 1.0, "RB": 0.0}
        for (detector, chip), (first, last) in TAPS_V.items()
        for axis, numbers in (("U", range(PLATES[detector].taps_u)), ("V", range(first, last + 1)))
        for tap in numbers
    ]
    none = {f"TRING_{name}": np.nan for name in RINGING}
    axes = [{"DETNAM": detector, "AXIS": axis, **AXIS, **none} for detector in DETECTORS for axis in "VU"]
    regions = [
        {"DETNAM": detector, "CHIP_ID": chip, "SHAPE": "RECTANGLE", "COMPONENT": 1, "CHIPX_LOW": x[0],
         "CHIPX_HIGH": x[1], "CHIPY_LOW": y[0], "CHIPY_HIGH": y[1], "STATUS": 2}
        for detector, found in REGIONS.items() for chip, x, y in found
    ]  # fmt: skip
    rules = [{"DETNAM": name, "RULE": rule.replace("{detector}", name)} for name in DETECTORS for rule in RULES]
    return {
        TAP: (
            table("DETECTORS", [{"DETNAM": name, **SETTINGS} for name in DETECTORS]), table("AXES", axes),
            table("GAP", taps),
        ),
        BADPIX_FILE: (table("BADPIX", regions),),
        LIMITS: (table("LIMITS", rules),),
    }  # fmt: skip


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(name, {key: _column([row[key] for row in rows]) for key in rows[0]})


def _column(values: Sequence[Any]) -> np.ndarray:
    found = np.array(values)
    return found.astype(np.int32) if found.dtype.kind == "i" else found


def hrc_tables(name: str) -> tuple[Table, ...]:
    """Tables of one of the files."""
    return read_fits(FOLDER / name, "HRC_CALDB").tables


def hrc_ready(detector: str) -> Calibration:
    """The calibration of the simulated mission, made ready."""
    return of_tables(hrc_tables(TAP), detector)


def bad_pixels(detector: str) -> Table:
    """The bad regions of the simulated mission."""
    return hrc_regions.bad_pixels_of(hrc_tables(BADPIX_FILE)[0], detector)


def main() -> None:
    head = {"INSTRUME": ("HRC", "instrument"), "TELESCOP": "CHANDRA"}
    for name, content in tables().items():
        write_fits(FOLDER / name, Product("HRC_CALDB", content, 0.0, 4e9, dict(head)), created=0.0)


if __name__ == "__main__":
    main()

"""The simulated ACIS as calibration files of the CALDB's form: ``python -m mta_assets_tests.level1.acis_calibration``.

Each kind of chip is lit with single energies, as a laboratory or the calibration source would, and what comes out makes
the tables; known hot pixels and charge losses are those of the simulator. A test holds the files to it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

import mta_assets
from mta_assets.archive.products import write_fits
from mta_assets.core.tables import Column, Product, Schema, Table
from mta_assets.instruments import acis
from mta_assets.level1 import acis_pulses
from mta_assets.level1.acis_columns import BADPIX
from mta_assets.level1.acis_status import BADPIX_BITS, badpix_table
from mta_assets.simulate import acis_islands
from mta_assets.simulate.acis_hits import known_hot_pixels

FOLDER = Path(mta_assets.__file__).parent / "missions" / "chandra" / "calibration"
GAIN, CTI, TIME_GAIN = (f"acisD2000-01-29{kind}N0001.fits" for kind in ("gain_cti", "cti", "t_gain"))
SUBPIX, BADPIX_FILE = "acisD1999-07-22subpixN0001.fits", "acisD2000-01-29badpixN0001.fits"
ENERGIES = np.array([150, 300, 500, 800, 1200, 2000, 3000, 4500, 6500, 9000, 12000], float)  # [eV]
LIGHT = 60_000  # photons of each energy
GOOD_GRADES = (0, 2, 3, 4, 6)
LEAST = 400  # photons of a grade from which its offset is taken
ALWAYS = (0.0, 4e9)  # [s]
BANDS = 32  # of trap density along the columns

_REGION = (
    Column("CCD_ID", "i2", limits=(0, 9)),
    Column("CHIPX_LO", "i2", "pixel"),
    Column("CHIPX_HI", "i2", "pixel"),
    Column("CHIPY_LO", "i2", "pixel"),
    Column("CHIPY_HI", "i2", "pixel"),
)
_N = Column("NPOINTS", "i2", doc="points of the curve that count")


def vector(name: str, unit: str, length: int) -> Column:
    return Column(name, "f4", unit, "", (length,))


def lit(ccd: int) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Mean energy equivalent [eV] of summed pulse heights per energy; per flight grade offsets (energies, 2)."""
    rng = np.random.default_rng(2000 + ccd)
    means, offsets = [], {}
    for number, energy in enumerate(ENERGIES):
        x, y = rng.uniform(300.5, 400.5, LIGHT), rng.uniform(0.5, 1024.5, LIGHT)
        phas = acis_islands.x_ray_islands(np.full(LIGHT, ccd, np.int16), x, y, np.full(LIGHT, energy), 3, rng)
        kept = 1.0 if ccd in acis.BACK_ILLUMINATED else 1 - acis_islands.CHARGE_LOSS_FI * np.rint(y) / acis.ROWS
        pulses = acis_pulses.planes(phas) / np.asarray(kept, np.float32)
        flight = acis_pulses.flight_grade(pulses, acis.SPLIT_THRESHOLD)
        total = acis_pulses.summed(pulses.astype(np.float32), flight)
        good = np.isin(acis_pulses.grades(flight), GOOD_GRADES)
        means.append(total[good].mean() * acis.gains()[ccd, 1])
        for grade in np.flatnonzero(np.bincount(flight, minlength=256) >= LEAST).tolist():
            rows = flight == grade
            found = offsets.setdefault(grade, np.full((len(ENERGIES), 2), np.nan))
            found[number] = np.mean(x[rows] - np.rint(x[rows])), np.mean(y[rows] - np.rint(y[rows]))
    return np.array(means), offsets


def tables() -> dict[str, tuple[Table, ...]]:
    """All files: name → tables."""
    front, back = lit(0), lit(7)
    kinds = [back if ccd in acis.BACK_ILLUMINATED else front for ccd in range(10)]
    hot: dict[int, list[tuple[int, int, int, int, float, float, int]]] = {}
    for pixel in known_hot_pixels():
        rows = hot.setdefault(pixel.ccd_id, [])
        for dx, dy in np.ndindex(3, 3):
            x, y, bit = pixel.chipx + dx - 1, pixel.chipy + dy - 1, "pixel" if dx == dy == 1 else "adjacent"
            rows.append((x, x, y, y, *ALWAYS, 1 << BADPIX_BITS[bit]))
    return {
        GAIN: (gain(kinds),),
        CTI: (trap_density(), volume()),
        TIME_GAIN: (time_gain(),),
        SUBPIX: (subpixel(kinds),),
        # the chip stands in the header of each; by their names only products tell them apart
        BADPIX_FILE: tuple(replace(badpix_table(c, rows, BADPIX), name="BADPIX") for c, rows in sorted(hot.items())),
    }


def gain(kinds: list) -> Table:
    k, rows = len(ENERGIES), 40
    ccd, node = np.repeat(np.arange(10), 4), np.tile(np.arange(4), 10)
    schema = Schema("AXAF_DETGAIN", (*_REGION, _N, vector("PHA", "adu", k), vector("ENERGY", "eV", k)))
    pha = np.stack([kinds[c][0] / acis.gains()[c, n] for c, n in zip(ccd, node, strict=True)])
    columns = {
        "CCD_ID": ccd, "CHIPX_LO": 256 * node + 1, "CHIPX_HI": 256 * node + 256, "CHIPY_LO": np.full(rows, 1),
        "CHIPY_HI": np.full(rows, 1024), "NPOINTS": np.full(rows, k), "PHA": pha.astype(np.float32),
        "ENERGY": np.tile(ENERGIES, (rows, 1)).astype(np.float32),
    }  # fmt: skip
    return schema.build(columns, {"CONTENT": ("CDB_ACIS_DET_GAIN", "gain of the simulated mission")})


def trap_density() -> Table:
    front = [ccd for ccd in range(10) if ccd not in acis.BACK_ILLUMINATED]
    ccd, band = np.repeat(front, BANDS), np.tile(np.arange(BANDS), len(front))
    step = acis.ROWS // BANDS
    schema = Schema("AXAF_CTI", (*_REGION, Column("TRAPDENS", "f4", "", "part of the volume lost on the way")))
    columns = {
        "CCD_ID": ccd, "CHIPX_LO": np.full(len(ccd), 1), "CHIPX_HI": np.full(len(ccd), 1024),
        "CHIPY_LO": step * band + 1, "CHIPY_HI": step * (band + 1),
        "TRAPDENS": (acis_islands.CHARGE_LOSS_FI * (step * band + (step + 1) / 2) / acis.ROWS).astype(np.float32),
    }  # fmt: skip
    return schema.build(columns, {"CONTENT": ("CDB_ACIS_CTI", "charge transfer of the simulated mission")})


def volume() -> Table:
    schema = Schema(
        "CTI_VOLUME",
        (_REGION[0], _N, vector("PHA", "adu", 2), vector("VOLUME_Y", "adu", 2), Column("FRCTRLY", "f4")),
    )
    line = np.tile(np.array([0, 4095], np.float32), (10, 1))
    columns = {"CCD_ID": np.arange(10), "NPOINTS": np.full(10, 2), "PHA": line, "VOLUME_Y": line,
               "FRCTRLY": np.zeros(10)}  # fmt: skip
    return schema.build(columns, {"CONTENT": ("CDB_ACIS_CTI", "charge transfer of the simulated mission")})


def time_gain() -> Table:
    """The simulated gain does not drift: zero at both epochs, 2000.0 and 2030.0."""
    schema = Schema("AXAF_TGAIN", (*_REGION, _N, *(vector(n, "adu", 2) for n in ("PHA", "DELTPHA1", "DELTPHA2"))))
    none = np.zeros((10, 2), np.float32)
    columns = {
        "CCD_ID": np.arange(10), "CHIPX_LO": np.full(10, 1), "CHIPX_HI": np.full(10, 1024), "CHIPY_LO": np.full(10, 1),
        "CHIPY_HI": np.full(10, 1024), "NPOINTS": np.full(10, 2), "DELTPHA1": none, "DELTPHA2": none,
        "PHA": np.tile(np.array([0, 4095], np.float32), (10, 1)),
    }  # fmt: skip
    header = {"EPOCH1": (63072000.0, "[s] of DELTPHA1"), "EPOCH2": (1009843200.0, "[s] of DELTPHA2")}
    return schema.build(columns, {"CONTENT": ("CDB_ACIS_T_GAIN", "drift of the simulated gain"), **header})


def subpixel(kinds: list) -> Table:
    k = len(ENERGIES)
    names = ("ENERGY", "CHIPX_OFFSET", "CHIPY_OFFSET")
    schema = Schema(
        "AXAF_SUBPIX",
        (_REGION[0], Column("FLTGRADE", "i2", limits=(0, 255)), _N,
         *(vector(n, u, k) for n, u in zip(names, ("eV", "pixel", "pixel"), strict=True))),
    )  # fmt: skip
    rows: list[tuple] = []
    for ccd, (_, offsets) in enumerate(kinds):
        for grade, found in sorted(offsets.items()):
            known = np.isfinite(found[:, 0])
            curve = np.zeros((3, k))
            n = int(known.sum())
            curve[:, :n] = ENERGIES[known], *found[known].T
            rows.append((ccd, grade, n, np.round(curve, 3)))
    columns = {
        "CCD_ID": np.array([r[0] for r in rows]), "FLTGRADE": np.array([r[1] for r in rows]),
        "NPOINTS": np.array([r[2] for r in rows]),
        **{name: np.stack([r[3][i] for r in rows]).astype(np.float32) for i, name in enumerate(names)},
    }  # fmt: skip
    return schema.build(columns, {"CONTENT": ("CDB_ACIS_SUBPIX", "sub-pixel offsets of the simulated mission")})


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, content in tables().items():
        product = Product("ACIS_CALDB", content, *ALWAYS, {"INSTRUME": ("ACIS", "instrument"), "TELESCOP": "CHANDRA"})
        write_fits(FOLDER / name, product, created=0.0)


if __name__ == "__main__":
    main()

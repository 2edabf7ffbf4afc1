"""What level 1 of ACIS is done with: settings of the observation and the run, and the calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Header, Schema, Table
from mta_assets.instruments.acis import SPLIT_THRESHOLD
from mta_assets.instruments.geometry import INSTRUMENTS
from mta_assets.level1.acis_gain import ChargeTransfer, EnergyScale, Gain, TimeGain
from mta_assets.level1.acis_position import ADJUSTMENTS, SubPixel
from mta_assets.level1.observation import pairs


@dataclass(frozen=True)
class Settings:
    """Of an observation, and options.

    Parameters
    ----------
    sim_x, sim_z
        SIM offset [mm].
    ra_nom, dec_nom, roll_nom
        Nominal pointing [deg]: the tangent point of sky coordinates; the roll is only stated.
    tstart, tstop
        Interval [s].
    exptime
        Length of an exposure [s]; times are of its middle. 0 in continuous clocking.
    clocked
        Continuous clocking: rows are times, of photons of the target at ra_targ, dec_targ [deg].
    split
        Split threshold [adu].
    pix_adj
        ``EDSER``, ``RANDOMIZE`` or ``NONE``.
    rand_pi
        Width [adu] of the random number that is added to pulse heights before they become energies; 1 in the archive.
    seed
        Of the random numbers.
    check_vf
        Whether events with charge in the rim of 5x5 islands get their STATUS bit.
    subtract_bias
        Whether pulse heights come with their bias (the simulated instrument and the archive's evt1 are without).
    """

    sim_x: float
    sim_z: float
    ra_nom: float
    dec_nom: float
    roll_nom: float = 0.0
    tstart: float = -np.inf
    tstop: float = np.inf
    exptime: float = 0.0
    clocked: bool = False
    ra_targ: float = np.nan
    dec_targ: float = np.nan
    split: int = SPLIT_THRESHOLD
    pix_adj: str = "EDSER"
    rand_pi: float = 1.0
    seed: int = 0
    check_vf: bool = True
    subtract_bias: bool = False

    def __post_init__(self) -> None:
        if self.pix_adj not in ADJUSTMENTS:
            raise BadData(f"pix_adj {self.pix_adj!r} is not known; expected one of {', '.join(ADJUSTMENTS)}")
        if not np.isfinite([self.sim_x, self.sim_z, self.ra_nom, self.dec_nom]).all():
            raise BadData("SIM offset and nominal pointing have to be numbers: see SIM_X, SIM_Z, RA_NOM, DEC_NOM")
        if self.clocked and not np.isfinite([self.ra_targ, self.dec_targ]).all():
            raise BadData("continuous clocking needs the target's place: RA_TARG and DEC_TARG")


@dataclass(frozen=True)
class Calibration:
    """Tables made ready for look-up, and the names of the files they came from (keyword → name)."""

    scale: EnergyScale
    subpixel: SubPixel | None = None
    bias: Mapping[int, NDArray[Any]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def calibration(
    gain: Table,
    time: float,
    time_gain: Table | None = None,
    trap_density: Table | None = None,
    volume: Table | None = None,
    subpixel: Table | None = None,
    bias: Mapping[int, NDArray[Any]] | None = None,
    files: Mapping[str, str] | None = None,
) -> Calibration:
    """Make calibration tables ready.

    Parameters
    ----------
    gain
        AXAF_DETGAIN (`acis_gain.Gain`).
    time
        Of the observation [s]: for the time-dependent gain.
    time_gain
        `acis_gain.TimeGain`; without, pulse heights are taken as they are.
    trap_density, volume
        Both or none (`acis_gain.ChargeTransfer`).
    subpixel
        `acis_position.SubPixel`.
    bias
        Per CCD the bias map (1024, 1024) [adu].
    files
        Names for the headers: GAINFILE, TGAINFIL, CTIFILE, SUBPIXFL, BPIXFILE …

    Raises
    ------
    BadData
        If a table is not of its form.
    """
    if (trap_density is None) != (volume is None):
        raise BadData("the charge-transfer correction needs both its tables: AXAF_CTI and CTI_VOLUME")
    transfer = ChargeTransfer(trap_density, volume) if trap_density is not None and volume is not None else None
    scale = EnergyScale(Gain(gain), TimeGain(time_gain, time) if time_gain is not None else None, transfer)
    return Calibration(scale, SubPixel(subpixel) if subpixel is not None else None, bias or {}, files or {})


def header(schema: Schema, settings: Settings, ready: Calibration) -> Header:
    """Keywords of a level-1 event table: what was done with what, and its coordinate systems.

    Names and comments as in real event lists; TCRVLn … count the columns of the schema.
    """
    found: Header = {
        "CONTENT": ("EVT1", "What data product"),
        "HDUCLASS": ("OGIP", ""), "HDUCLAS1": ("EVENTS", ""), "HDUCLAS2": ("ALL", ""), "HDUVERS": ("1.0.0", ""),
        "PIX_ADJ": (settings.pix_adj, "Subpixel adjustment algorithm"),
        "RAND_SKY": (1.0 if settings.pix_adj == "RANDOMIZE" else 0.0, "[pixel] width of randomised positions"),
        "RAND_PI": (settings.rand_pi, "[adu] width of randomised pulse heights"),
        "RANDSEED": (settings.seed, "seed of random numbers"),
        "CHKVFPHA": (settings.check_vf and _has_rim(schema), "Checked very faint pha"),
        "CTI_CORR": (ready.scale.charge_transfer is not None, "charge-transfer correction applied"),
        "TGAINCOR": ("T" if ready.scale.time_gain is not None else "F", "time-dependent gain applied"),
        "CORNERS": (2, "num adjacent side pix > threshold to include co"),
        "GRADESYS": ("ASCA", "grade system: ASCA, ACIS, or USER"),
        "SPLTHRES": (settings.split, "[adu] split threshold"),
        "SIM_X": (settings.sim_x, "[mm] SIM focus pos"),
        "SIM_Y": (0.0, "[mm] SIM orthogonal axis pos"),
        "SIM_Z": (settings.sim_z, "[mm] SIM translation stage pos"),
        "RA_NOM": (settings.ra_nom, "[deg] Nominal RA"),
        "DEC_NOM": (settings.dec_nom, "[deg] Nominal Dec"),
        "ROLL_NOM": (settings.roll_nom, "[deg] Nominal Roll"),
        "TIMEPIXR": (0.5, "time is of the middle of the exposure"),
        "ACSYS1": ("CHIP:AXAF-ACIS-1.0", "reference for chip coord system"),
        "ACSYS2": ("TDET:ACIS-2.2", "reference for tiled detector coord system"),
        "ACSYS3": ("DET:ASC-FP-1.1", "reference for focal plane coord system"),
        "ACSYS4": ("SKY:ASC-FP-1.1", "reference for sky coord system"),
        **{name: (value, "calibration file") for name, value in ready.files.items()},
    }  # fmt: skip
    found |= pairs(("chip", "tdet", "det", "sky"))
    frame = INSTRUMENTS["ACIS"]
    pixel = float(np.degrees(frame.det_pixel))
    axes = (
        ("detx", "LONG-TAN", 0.0, pixel), ("dety", "NPOL-TAN", 0.0, pixel),
        ("x", "RA---TAN", settings.ra_nom, -pixel), ("y", "DEC--TAN", settings.dec_nom, pixel),
    )  # fmt: skip
    for name, kind, value, step in axes:
        n = schema.names.index(name) + 1
        found |= {
            f"TCTYP{n}": (kind, ""), f"TCRVL{n}": (value, ""), f"TCRPX{n}": (frame.centre, ""),
            f"TCDLT{n}": (step, ""), f"TCUNI{n}": ("deg", ""),
        }  # fmt: skip
    return found


def _has_rim(schema: Schema) -> bool:
    return any(column.name == "phas" and column.shape == (5, 5) for column in schema.columns)

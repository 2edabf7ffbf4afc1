"""Columns and keywords of the aspect solution (asol1) and its quality (aqual1), as the archive's files have them.

Source: ASPSOL ICD V2.4 and ASPQUAL ICD V1.4 by the headers of real files; a test holds names, order, types and units.
"""

from __future__ import annotations

from mta_assets.core.tables import Column, Header, Schema

SAMPLE = 0.25625  # [s] from row to row of an aspect solution
QUALITY_STEP = 1.025  # [s] of an aspect quality file
ERRORS = (
    Column("ra_err", "f4", "deg", "Uncertainty in  RA"),
    Column("dec_err", "f4", "deg", "Uncertainty in  DEC"),
    Column("roll_err", "f4", "deg", "Uncertainty in  ROLL"),
    Column("dy_err", "f4", "mm", "Uncertainty in dY"),
    Column("dz_err", "f4", "mm", "Uncertainty in dZ"),
    Column("dtheta_err", "f4", "deg", "Uncertainty in dTHETA"),
)
BIASES = (
    *(Column(f"{axis}_bias", "f4", "deg/s", f"{axis.capitalize()} bias rate") for axis in ("roll", "pitch", "yaw")),
    *(
        Column(f"{axis}_bias_err", "f4", "deg/s", f"{axis.capitalize()} bias rate error")
        for axis in ("roll", "pitch", "yaw")
    ),
)
ASPSOL = Schema(
    "ASPSOL",
    (
        Column("time", "f8", "s", "Time field"),
        *ERRORS,
        *BIASES,
        Column("ra", "f8", "deg", "RA of MNC frame (x-axis)"),
        Column("dec", "f8", "deg", "DEC of MNC frame (x-axis)"),
        Column("roll", "f8", "deg", "ROLL of MNC frame"),
        Column("dy", "f4", "mm", "dY of STF frame - FC frame"),
        Column("dz", "f4", "mm", "dZ of STF frame - FC frame"),
        Column("dtheta", "f4", "deg", "dTHETA of STF frame - FC frame"),
        Column("q_att", "f8", "", "S/C attitude quaternion", (4,)),
    ),
    "Aspect solution",
)
ASPQUAL = Schema(
    "ASPQUAL",
    (
        Column("time", "f8", "s", "Time field"),
        Column("img_diam_rms", "f4", "arcsec", "Aspect image RMS diameter"),
        Column("img_roll_rms", "f4", "arcsec", "Aspect image RMS roll err"),
        Column("target_offset", "f4", "arcsec", "Target offset from nominal"),
        Column("img_fit_chisq", "f4", "", "Image fit chi^2 worst case"),
        Column("gyro_glitch", "u1", "", "Gyro data glitch", null=255),
        Column("gyro_gap", "u1", "", "Gyro data gap", null=255),
        Column("gyro_incons", "u1", "", "Gyro data inconsistency", null=255),
        Column("aca_data_bad", "u1", "", "ACA data unreliable", null=255),
        Column("rw_speed_bad", "u1", "", "Reaction wheel speed bad", null=255),
        Column("asp_sol_status", "i2", "", "Aspect solution quality"),
    ),
    "Quality of the aspect solution",
)
# the archive's second table is of the same name, version 1, HDUNAME ASPQUAL1, and has no CONTENT
SECOND: Header = {"EXTVER": (1, "version of this extension"), "CONTENT": (None, "")}
ASPQUAL_LIMITS = Schema(
    "ASPQUAL1",
    (
        Column("name", "U20", "", "Name of quality indicator (QI)"),
        Column("descr", "U80", "", "Description of QI"),
        Column("yellow", "U20", "", "Yellow limit of QI value"),
        Column("red", "U20", "", "Red limit of QI value"),
        Column("ylviol", "i4", "", "Yellow limit violation found"),
        Column("rdviol", "i4", "", "Red limit violation found"),
    ),
    "Limits of the quality indicators",
)
CONTENTS = {  # table → CONTENT, HDUSPEC of the archive's products; ASPSOLOBI: of an observation, not of an interval
    "ASPSOL": ("ASPSOLOBI", "ASPSOL ICD V2.4"), "ASPQUAL": ("ASPQUAL", "ASPQUAL ICD V1.4"),
    "ACACENT": ("ACACENT", ""), "GSPROPS": ("GSPROPS", ""), "FIDPROPS": ("FIDPROPS", ""),
}  # fmt: skip


def hdu_keywords(name: str) -> Header:
    """Keywords of the table of a product."""
    content, spec = CONTENTS[name]
    header: Header = {
        "HDUNAME": (name, "name of the table"),
        "CONTENT": (content, "what data product"),
        "HDUCLASS": ("ASC", ""),
        "HDUCLAS1": ("TEMPORALDATA", ""),
        "HDUCLAS2": (name, ""),
        "RADESYS": ("ICRS", "default"),
    }
    if not spec:
        return header
    known: Header = {
        "HDUSPEC": (spec, "ICD reference"), "HDUVERS": ("1.0.0", "version of the format"),
        "DATACLAS": ("OBSERVED", "observed or simulated"),
    }  # fmt: skip
    return header | known

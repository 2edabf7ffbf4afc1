"""Columns of the grating event files (evt1a): those that level 1.5 adds, and the order that the archive has them in."""

from __future__ import annotations

from mta_assets.core.tables import Column

# Grating Data Products: Level 1.5 ICD; limits and forms of the archive's files
TG_COLUMNS = {
    column.name: column
    for column in (
        Column("tg_r", "f4", "deg", "grating angle along the dispersion", limits=(-2.0, 2.0)),
        Column("tg_d", "f4", "deg", "grating angle across the dispersion", limits=(-2.0, 2.0)),
        Column("tg_m", "i2", "", "diffraction order (m)", limits=(-62, 62), null=99),
        Column("tg_lam", "f4", "angstrom", "wavelength (lambda)", limits=(0.0, 400.0)),
        Column("tg_mlam", "f4", "angstrom", "order times wavelength (m lambda)", limits=(-400.0, 400.0)),
        Column("tg_srcid", "i2", "", "source number, 0 of none", limits=(0, 32767)),
        Column("tg_part", "i2", "", "0 zero order, 1 HEG, 2 MEG, 3 LEG, 99 none", limits=(0, 99)),
        Column("tg_smap", "i2", "", "sources in whose regions the event lies, a bit each", limits=(0, 32767)),
    )
}

# in continuous clocking (eventdef cclev1a)
CLOCKED_COLUMNS = {
    column.name: column
    for column in (
        Column("chipy_tg", "f4", "pixel", "row of the arm in the event's column"),
        Column("chipy_zo", "f4", "pixel", "row of the zero order"),
    )
}

# eventdef of tg_resolve_events in the HISTORY of real files (stdlev1_ACIS, stdlev1_HRC, cclev1a); absent ones are
# left out
ACIS_ORDER = (
    "time", "time_ro", "expno", "tg_r", "tg_d", "chipx", "chipy", "chipy_tg", "chipy_zo", "tdetx", "tdety",
    "detx", "dety", "x", "y", "ccd_id", "pha", "pi", "energy", "grade", "fltgrade", "node_id", "tg_m", "tg_lam",
    "tg_mlam", "tg_srcid", "tg_part", "tg_smap", "status",
)  # fmt: skip
HRC_ORDER = (
    "time", "crsu", "crsv", "amp_sf", "rawx", "rawy", "samp", "av1", "av2", "av3", "au1", "au2", "au3",
    "sumamps", "tg_r", "tg_d", "chipx", "chipy", "tdetx", "tdety", "detx", "dety", "x", "y", "chip_id", "pha",
    "pi", "tg_m", "tg_lam", "tg_mlam", "tg_srcid", "tg_part", "tg_smap", "status",
)  # fmt: skip

"""Columns of the aspect camera's level 1 products, and of the star catalogue that they are made with.

Source: names and meanings as users of the archive's ``acen1``, ``gspr1`` and ``fidpr1`` files have them (sot/mica
``vv``, and the public notes on fid light processing); what those do not tell (types, some units) is ours. Columns that
are our own addition say so.
"""

from __future__ import annotations

from mta_assets.core.tables import Column, Schema, Table

GAUSSIAN, MOMENT = 8, 1  # alg: what users of the archive's files select is 8 (ASPALG EGAUSS); 1 is our number

ACACENT = Schema(
    "ACACENT",
    (
        Column("time", "f8", "s", "middle of the integration"),
        Column("slot", "i2", "", "image slot", limits=(0, 7)),
        Column("alg", "i2", "", "algorithm: 8 Gaussian fit, 1 first moment"),
        Column("status", "i2", "", "0 good; 1 bad image, 2 no star, 4 no fit, 8 at the edge, 16 saturated, "
               "32 not tracked, 64 rejected in Y, 128 in Z"),
        Column("cent_i", "f4", "pixel", "row of the centroid, 0.5 at the centre of pixel 0"),
        Column("cent_j", "f4", "pixel", "column of the centroid"),
        Column("ang_y", "f4", "deg", "Y angle"),
        Column("ang_z", "f4", "deg", "Z angle"),
        Column("ang_y_sm", "f4", "deg", "Y angle, smoothed"),
        Column("ang_z_sm", "f4", "deg", "Z angle, smoothed"),
        Column("counts", "f4", "electron", "light in one integration"),
        Column("background", "f4", "DN", "background per pixel (our own column)"),
        Column("chi", "f4", "DN", "scatter of the pixels about the fit"),
        Column("ang_err", "f4", "deg", "standard error of the angles (our own column)"),
    ),
    "Centroids of the aspect camera's images",
)  # fmt: skip
GSPROPS = Schema(
    "GSPROPS",
    (
        Column("slot", "i2", "", "image slot"),
        Column("type", "U10", "", "GUIDE"),
        Column("id_status", "U10", "", "GOOD; MARGINAL: not used all the time; BAD: not used; OMITTED: not seen"),
        Column("agasc_id", "i8", "", "identifier in the star catalogue"),
        Column("ra", "f8", "deg", "right ascension of the catalogue"),
        Column("dec", "f8", "deg", "declination of the catalogue"),
        Column("pos_eci", "f8", "", "unit vector of the position", (3,)),
        Column("mag_aca", "f4", "mag", "expected magnitude"),
        Column("mag_aca_avg", "f4", "mag", "observed magnitude, mean"),
        Column("mag_aca_min", "f4", "mag", "observed, brightest"),
        Column("mag_aca_max", "f4", "mag", "observed, faintest"),
        Column("cel_loc_flag", "i2", "", "1 used in the solution"),
        Column("num_good", "i4", "", "centroids used (our own column)"),
        Column("num_all", "i4", "", "images (our own column)"),
        Column("res_y_mean", "f4", "arcsec", "residual in Y against the solution, mean (our own column)"),
        Column("res_z_mean", "f4", "arcsec", "residual in Z, mean (our own column)"),
        Column("res_y_rms", "f4", "arcsec", "residual in Y, rms (our own column)"),
        Column("res_z_rms", "f4", "arcsec", "residual in Z, rms (our own column)"),
    ),
    "Properties of the guide stars",
)
FIDPROPS = Schema(
    "FIDPROPS",
    (
        Column("slot", "i2", "", "image slot"),
        Column("id_string", "U12", "", "fid light, ACIS-S-2"),
        Column("id_num", "i2", "", "number of the fid light"),
        Column("id_status", "U10", "", "GOOD, MARGINAL, BAD, OMITTED"),
        Column("p_lsi", "f8", "mm", "position in the focal plane that the nominal angles mean", (3,)),
        Column("ang_y_nom", "f8", "deg", "nominal Y angle"),
        Column("ang_z_nom", "f8", "deg", "nominal Z angle"),
        Column("mag_i_cmd", "f4", "mag", "expected magnitude"),
        Column("mag_i_avg", "f4", "mag", "observed magnitude, mean"),
        Column("mag_i_min", "f4", "mag", "observed, brightest"),
        Column("mag_i_max", "f4", "mag", "observed, faintest"),
        Column("num_good", "i4", "", "centroids used (our own column)"),
        Column("num_all", "i4", "", "images (our own column)"),
        Column("res_y_mean", "f4", "arcsec", "residual in Y against dy, dz, dtheta, mean (our own column)"),
        Column("res_z_mean", "f4", "arcsec", "residual in Z, mean (our own column)"),
        Column("res_y_rms", "f4", "arcsec", "residual in Y, rms (our own column)"),
        Column("res_z_rms", "f4", "arcsec", "residual in Z, rms (our own column)"),
    ),
    "Properties of the fid lights",
)
STARCAT = Schema(
    "STARCAT",
    (
        Column("obsid", "i4", "", "observation identifier"),
        Column("obi", "i2", "", "number of the interval"),
        Column("slot", "i2", "", "image slot"),
        Column("type", "U4", "", "FID fid light, GUI guide star"),
        Column("id", "i8", "", "number of the fid light, or of the star in its catalogue"),
        Column("ra", "f8", "deg", "right ascension at the date of the observation; NaN for fid lights"),
        Column("dec", "f8", "deg", "declination"),
        Column("mag", "f4", "mag", "expected magnitude"),
        Column("yang", "f8", "arcsec", "expected Y angle"),
        Column("zang", "f8", "arcsec", "expected Z angle"),
        Column("size", "i2", "pixel", "side of the image"),
    ),
    "Fid lights and guide stars of observations",
)


def select(stars: Table, obsid: int, obi: int) -> Table:
    """Rows of one observation interval; of the observation if the catalogue does not have the interval."""
    here = stars.where(stars["obsid"] == obsid)
    exact = here.where(here["obi"] == obi)
    return exact if len(exact) or not len(here) else here.where(here["obi"] == here["obi"][0])

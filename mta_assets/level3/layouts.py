"""Tables of the catalogue: sources, their detections, offsets of observations."""

from __future__ import annotations

from mta_assets.core.tables import Column, Schema

SOURCES = Schema(
    "SOURCES",
    (
        Column("NAME", "U24", "", "source name from its place, J2000"),
        Column("RA", "f8", "deg", "weighted mean right ascension"),
        Column("DEC", "f8", "deg", "weighted mean declination"),
        Column("POS_ERR", "f8", "arcsec", "1 sigma error along each axis, with that of the pointing"),
        Column("NDET", "i4", "", "detections"),
        Column("NOBS", "i4", "", "observations whose field holds the source"),
        Column("RATE", "f8", "count/s", "weighted mean rate"),
        Column("RATE_ERR", "f8", "count/s", "1 sigma error of RATE"),
        Column("RATE_MAX", "f8", "count/s", "greatest rate"),
        Column("RATE_MIN", "f8", "count/s", "smallest rate"),
        Column("SIGNIFICANCE", "f8", "", "greatest significance of a detection"),
        Column("POS_CHI2", "f8", "", "chi-squared of the places about their mean, 2 (NDET - 1) degrees of freedom"),
        Column("RATE_CHI2", "f8", "", "chi-squared of the rates about their mean, NDET - 1 degrees of freedom"),
        Column("VAR_PROB", "f8", "", "chance of such rates from a constant source"),
        Column("VARIABLE", "bool", "", "VAR_PROB below 0.01"),
        Column("FIRST", "f8", "s", "start of the first observation that detected it"),
        Column("LAST", "f8", "s", "start of the last observation that detected it"),
        Column("SOURCE_ID", "i4", "", "number of the source, from 1"),
    ),
    "Sources of the sky",
)
DETECTIONS = Schema(
    "DETECTIONS",
    (
        Column("SOURCE_ID", "i4", "", "number of the source"),
        Column("OBS_ID", "U16", "", "observation"),
        Column("COMPONENT", "i4", "", "number of the source in that observation's list"),
        Column("TIME", "f8", "s", "start of the observation"),
        Column("RA", "f8", "deg", "right ascension after the observation's offset"),
        Column("DEC", "f8", "deg", "declination after the observation's offset"),
        Column("POS_ERR", "f8", "arcsec", "1 sigma error along each axis, with that of the offset"),
        Column("RATE", "f8", "count/s", "rate"),
        Column("RATE_ERR", "f8", "count/s", "error of RATE"),
        Column("SIGNIFICANCE", "f8", "", "significance"),
        Column("SEPARATION", "f8", "arcsec", "distance from the merged place"),
    ),
    "Detections of the sources",
)
OFFSETS = Schema(
    "OFFSETS",
    (
        Column("OBS_ID", "U16", "", "observation"),
        Column("TIME", "f8", "s", "start of the observation"),
        Column("EAST", "f8", "arcsec", "added to its places"),
        Column("NORTH", "f8", "arcsec", "added to its places"),
        Column("EAST_ERR", "f8", "arcsec", "error of EAST"),
        Column("NORTH_ERR", "f8", "arcsec", "error of NORTH"),
        Column("TURN", "f8", "deg", "turn about the centre, north through east"),
        Column("TURN_ERR", "f8", "deg", "error of TURN"),
        Column("MATCHES", "i4", "", "sources it is tied with; 0: not tied, places as they came"),
        Column("SCATTER", "f8", "arcsec", "rms of the matches along an axis"),
        Column("CHI2", "f8", "", "chi-squared of the matches"),
    ),
    "Offsets of observations from the reference",
)

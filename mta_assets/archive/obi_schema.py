"""The tables of observation intervals (OBIs): what each source says of them, and what follows from all.

The observing catalogue (`observing_schema`) holds what was planned or imported; these hold what telemetry and
delivered products show, and name the partitions of kind ``obi``. Times are TT seconds since 1998.0 TT.
"""

from __future__ import annotations

import sqlalchemy as sa

from mta_assets.archive.catalog_schema import metadata


def _interval() -> list[sa.Column[float] | sa.Column[bool] | sa.Column[object]]:
    return [
        sa.Column("tstart", sa.Double, nullable=False),
        sa.Column("tstop", sa.Double, nullable=False),
        sa.Column("begun", sa.Boolean, nullable=False, comment="its begin has been seen"),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
    ]


obis = sa.Table(
    "obis",
    metadata,
    sa.Column("partition", sa.String(100), primary_key=True, comment="28229_000"),
    sa.Column("obsid", sa.BigInteger, nullable=False),
    sa.Column("obi", sa.Integer, nullable=False),
    *_interval(),
    sa.Column("sources", sa.JSON, nullable=False, comment="telemetry, names of delivered products"),
    sa.Column("revision", sa.Integer, nullable=False, comment="one more with every change"),
    sa.Column("sequence", sa.BigInteger, nullable=False, comment="number of the newest change, over all intervals"),
    sa.Column("changed", sa.Double, nullable=False),
    sa.Column("standing", sa.Boolean, nullable=False, comment="false: no source has it any more"),
    sa.Index(None, "tstart"),
    sa.Index(None, "sequence"),
)

obi_sources = sa.Table(
    "obi_sources",
    metadata,
    sa.Column("partition", sa.String(100), sa.ForeignKey("obis.partition"), primary_key=True),
    sa.Column("source", sa.String(255), primary_key=True, comment="telemetry, or the name of a delivered product"),
    *_interval(),
)

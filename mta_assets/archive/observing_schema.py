"""The tables of the observing catalogue, the command history and everything that holds for an interval.

Rows are never changed: an import adds its rows, and a newer import of the same source retires the older one. What
the catalogue said on a date is what the imports gave that were alive then. Times are TT seconds since 1998.0 TT.
"""

from __future__ import annotations

import sqlalchemy as sa

from mta_assets.archive.catalog_schema import metadata


def _rows_of_an_import() -> list[sa.Column[int]]:
    return [
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("import_id", sa.Integer, sa.ForeignKey("observing_imports.id"), nullable=False, index=True),
    ]


imports = sa.Table(
    "observing_imports",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("source", sa.String(200), nullable=False, comment="what the rows come from: one file, one catalogue"),
    sa.Column("sha256", sa.String(64), nullable=False, comment="of the rows: the same again changes nothing"),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("imported", sa.Double, nullable=False),
    sa.Column("retired", sa.Double, comment="when a newer import took its place, or it was withdrawn"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index(None, "source", "retired"),
)

names = sa.Table(
    "observing_names",
    metadata,
    sa.Column("import_id", sa.Integer, sa.ForeignKey("observing_imports.id"), primary_key=True),
    sa.Column("kind", sa.String(12), primary_key=True, comment="observation, block, fact, command, value"),
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("dtype", sa.String(8), nullable=False),
    sa.Column("unit", sa.String(40), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("states", sa.JSON, nullable=False, comment="name of each code, of values that are codes"),
    sa.Column("fields", sa.JSON, nullable=False, comment="of a command: its parameters and their types"),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("width", sa.Integer, nullable=False, comment="characters of the longest text"),
    sa.Column("tstart", sa.Double, nullable=False, comment="of the first row"),
    sa.Column("tstop", sa.Double, comment="of the last row; none if one is open"),
    sa.Column("longest", sa.Double, nullable=False, comment="longest interval that is not open: bounds the look-up"),
    sa.Index(None, "kind", "name"),
)

observations = sa.Table(
    "observations",
    metadata,
    *_rows_of_an_import(),
    sa.Column("obsid", sa.BigInteger, nullable=False),
    sa.Column("obi", sa.Integer, nullable=False),
    sa.Column("target", sa.String(200), nullable=False),
    sa.Column("ra", sa.Double),
    sa.Column("dec", sa.Double),
    sa.Column("roll", sa.Double),
    sa.Column("instrument", sa.String(40), nullable=False),
    sa.Column("detector", sa.String(40), nullable=False),
    sa.Column("grating", sa.String(40), nullable=False),
    sa.Column("mode", sa.String(40), nullable=False),
    sa.Column("aot", sa.String(80), nullable=False),
    sa.Column("seqnum", sa.String(40), nullable=False),
    sa.Column("tstart", sa.Double, nullable=False, index=True),
    sa.Column("tstop", sa.Double, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False, comment="whatever else the catalogue says"),
    sa.Index(None, "obsid", "obi"),
)

blocks = sa.Table(
    "blocks",
    metadata,
    *_rows_of_an_import(),
    sa.Column("bbid", sa.BigInteger, nullable=False),
    sa.Column("bbtype", sa.String(80), nullable=False),
    sa.Column("obsid", sa.BigInteger, nullable=False),
    sa.Column("tstart", sa.Double, nullable=False, index=True),
    sa.Column("tstop", sa.Double, nullable=False),
    sa.Index(None, "obsid", "bbid"),
)

commands = sa.Table(
    "commands",
    metadata,
    *_rows_of_an_import(),
    sa.Column("time", sa.Double, nullable=False, index=True),
    sa.Column("mnemonic", sa.String(64), nullable=False),
    sa.Column("type", sa.String(40), nullable=False),
    sa.Column("counter", sa.String(40), nullable=False, comment="frame counter as the load gives it"),
    sa.Column("parameters", sa.JSON, nullable=False, comment="texts as they were sent, in their order"),
    sa.Index(None, "mnemonic", "time"),
)

interval_values = sa.Table(
    "interval_values",
    metadata,
    *_rows_of_an_import(),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("tstart", sa.Double, nullable=False),
    sa.Column("tstop", sa.Double, comment="none: it still holds"),
    sa.Column("number", sa.Double),
    sa.Column("text", sa.Text),
    sa.Index(None, "name", "tstart"),
)

"""The tables of the catalog. A change here needs a migration in ``migrations/versions`` and a new `REVISION`.

Times are TT seconds since 1998.0 TT. A NaN is stored as NULL, because SQLite has no other form for it.

History of the data model: 0001 playbacks, runs, products with their inputs, faults, findings, quarantine;
0002 the telemetry archive (`telemetry_schema`); 0003 observations, commands, values of intervals (`observing_schema`);
0004 headers of products, kept for queries (`product_headers_schema`); 0005 observation intervals (`obi_schema`),
origin and label of products: what is delivered from outside wins over our own.
"""

from __future__ import annotations

import sqlalchemy as sa

REVISION = "0005"  # newest migration; the test of the migrations holds it

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

playbacks = sa.Table(
    "playbacks",
    metadata,
    sa.Column("partition", sa.String(100), primary_key=True),
    sa.Column("mission", sa.String(64), nullable=False),
    sa.Column("file_name", sa.String(255), nullable=False),
    sa.Column("path", sa.Text, nullable=False, comment="where it is kept"),
    sa.Column("source", sa.Text, nullable=False, comment="where it came in"),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("tstart", sa.Double, nullable=False, index=True),
    sa.Column("tstop", sa.Double, nullable=False),
    sa.Column("arrived", sa.Double, nullable=False, comment="when the file was first seen"),
    sa.Column("accepted", sa.Double, comment="when it was whole, checked and stored"),
    sa.Column("sequence", sa.Integer, unique=True, comment="1, 2, 3 … in the order of acceptance"),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("created", sa.Double, nullable=False, comment="DATE of the products made from it"),
    sa.UniqueConstraint("mission", "sha256"),
)

overlaps = sa.Table(
    "overlaps",
    metadata,
    sa.Column("first", sa.String(100), sa.ForeignKey("playbacks.partition"), primary_key=True),
    sa.Column("second", sa.String(100), sa.ForeignKey("playbacks.partition"), primary_key=True),
    sa.Column("tstart", sa.Double, nullable=False),
    sa.Column("tstop", sa.Double, nullable=False),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.String(200), primary_key=True),
    sa.Column("pipe_id", sa.String(64), nullable=False),
    sa.Column("partition", sa.String(100), nullable=False),
    sa.Column("stream", sa.String(8), nullable=False),
    sa.Column("number", sa.Integer, nullable=False, comment="1 for the first run of the pipeline here"),
    sa.Column("outcome", sa.String(20), nullable=False),
    sa.Column("started", sa.Double, nullable=False),
    sa.Column("finished", sa.Double, nullable=False),
    sa.Column("code_version", sa.String(64), nullable=False),
    sa.Column("registry_version", sa.String(64), nullable=False),
    sa.Column("limits_version", sa.String(64), nullable=False),
    sa.Column("log_path", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.UniqueConstraint("pipe_id", "partition", "stream", "number"),
    sa.Index(None, "partition"),
)

products = sa.Table(
    "products",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("file_id", sa.String(64), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("level", sa.String(20), nullable=False),
    sa.Column("stream", sa.String(8), nullable=False),
    sa.Column("partition", sa.String(100), nullable=False),
    sa.Column("pipe_id", sa.String(64), nullable=False),
    sa.Column("series", sa.String(255), nullable=False, comment="the name with version 0: same for all versions"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("tstart", sa.Double, nullable=False),
    sa.Column("tstop", sa.Double, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
    sa.Column("created", sa.Double, nullable=False, comment="DATE of the file"),
    sa.Column("run_id", sa.String(200), sa.ForeignKey("runs.run_id"), nullable=False, comment="the run that made it"),
    sa.Column(
        "confirmed_by",
        sa.String(200),
        sa.ForeignKey("runs.run_id"),
        nullable=False,
        comment="the newest run that gave these bytes",
    ),
    sa.Column("current", sa.Boolean, nullable=False),
    sa.Column("superseded_by", sa.Integer, sa.ForeignKey("products.id")),
    sa.Column("origin", sa.String(12), nullable=False, server_default="pipeline", comment="pipeline, delivered"),
    sa.Column("label", sa.String(100), nullable=False, server_default="", comment="fields of the name besides time"),
    sa.UniqueConstraint("stream", "name"),
    sa.Index(None, "origin", "file_id"),
    sa.Index(None, "partition", "stream", "file_id"),
    sa.Index(None, "file_id", "tstart"),
    sa.Index(None, "series", "stream"),
)

product_inputs = sa.Table(
    "product_inputs",
    metadata,
    sa.Column("product_id", sa.Integer, sa.ForeignKey("products.id"), primary_key=True),
    sa.Column("input_name", sa.String(255), primary_key=True),
    sa.Column("input_sha256", sa.String(64), primary_key=True),
    sa.Column("input_product_id", sa.Integer, sa.ForeignKey("products.id"), index=True),
)


def _report_columns() -> list[sa.Column[int] | sa.Column[str]]:
    return [
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("partition", sa.String(100), nullable=False),
        sa.Column("stream", sa.String(8), nullable=False),
        sa.Column("pipe_id", sa.String(64), nullable=False),
        sa.Column("run_id", sa.String(200), sa.ForeignKey("runs.run_id"), nullable=False),
    ]


faults = sa.Table(
    "faults",
    metadata,
    *_report_columns(),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("source", sa.String(20), nullable=False),
    sa.Column("tstart", sa.Double),
    sa.Column("tstop", sa.Double),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("detail", sa.String(200), nullable=False),
    sa.Index(None, "partition", "pipe_id", "stream"),
)

findings = sa.Table(
    "findings",
    metadata,
    *_report_columns(),
    sa.Column("name", sa.String(24), nullable=False),
    sa.Column("subsystem", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("severity", sa.String(8), nullable=False),
    sa.Column("side", sa.String(8), nullable=False),
    sa.Column("bound", sa.Double),
    sa.Column("tstart", sa.Double),
    sa.Column("tstop", sa.Double),
    sa.Column("first", sa.Double),
    sa.Column("last", sa.Double),
    sa.Column("worst", sa.Double),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("unit", sa.String(16), nullable=False),
    sa.Column("detail", sa.String(200), nullable=False),
    sa.Index(None, "partition", "pipe_id", "stream"),
    sa.Index(None, "name", "tstart"),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("mission", sa.String(64), nullable=False),
    sa.Column("name", sa.Text, nullable=False, comment="as it came, however hostile"),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("quarantined", sa.Double, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("times", sa.Integer, nullable=False, comment="how many times the same file came"),
    sa.UniqueConstraint("sha256", "name", "path"),
)

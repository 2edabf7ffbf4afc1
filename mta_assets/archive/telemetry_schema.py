"""The SQL tables of the telemetry archive: groups, layouts, parameters, contributions, segments, corrections.

Times of data are int64 ns since 1998.0 TT, moments of the platform TT seconds. ``born`` and ``dead`` are numbers of
transactions: a segment belongs to a snapshot ``T`` if ``born <= T`` and it is not dead or ``dead > T``.
"""

from __future__ import annotations

import sqlalchemy as sa

from mta_assets.archive.catalog_schema import metadata

transactions = sa.Table(
    "tm_transactions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("committed", sa.Double, nullable=False, index=True),
    sa.Column("kind", sa.String(20), nullable=False, comment="commit, withdraw, correction, compaction"),
    sa.Column("source", sa.String(255), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

groups = sa.Table(
    "tm_groups",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("period", sa.Double, nullable=False, comment="nominal time from row to row [s], 0 if there is none"),
    sa.Column("version", sa.Integer, nullable=False, comment="changes with every transaction that touches the group"),
)

layouts = sa.Table(
    "tm_layouts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("group_id", sa.Integer, sa.ForeignKey("tm_groups.id"), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("columns", sa.JSON, nullable=False, comment="what each column of the group was when rows came in"),
    sa.UniqueConstraint("group_id", "digest"),
)

parameters = sa.Table(
    "tm_parameters",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("key", sa.String(200), nullable=False, unique=True, comment="the name in capital letters"),
    sa.Column("group_id", sa.Integer, sa.ForeignKey("tm_groups.id"), nullable=False, index=True),
    sa.Column("info", sa.JSON, nullable=False, comment="newest definition"),
)

contributions = sa.Table(
    "tm_contributions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False, comment="carried by every row"),
    sa.Column("source", sa.String(255), nullable=False, index=True),
    sa.Column("digest", sa.String(64), nullable=False, comment="of all rows"),
    sa.Column("born", sa.Integer, sa.ForeignKey("tm_transactions.id"), nullable=False),
    sa.Column("dead", sa.Integer, sa.ForeignKey("tm_transactions.id")),
)

contribution_groups = sa.Table(
    "tm_contribution_groups",
    metadata,
    sa.Column("contribution_id", sa.Integer, sa.ForeignKey("tm_contributions.id"), primary_key=True),
    sa.Column("group_id", sa.Integer, sa.ForeignKey("tm_groups.id"), primary_key=True),
    sa.Column("layout_id", sa.Integer, sa.ForeignKey("tm_layouts.id"), nullable=False),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("stop", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
)

segments = sa.Table(
    "tm_segments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("group_id", sa.Integer, sa.ForeignKey("tm_groups.id"), nullable=False),
    sa.Column("kind", sa.String(12), nullable=False, comment="rows, 5min, hour, day"),
    sa.Column("tier", sa.String(12), nullable=False, comment="playback, day, month, year"),
    sa.Column("path", sa.Text, nullable=False, comment="relative to the root of the archive"),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False, comment="rows of the file"),
    sa.Column("start", sa.BigInteger, nullable=False, comment="first instant that the file answers for"),
    sa.Column("stop", sa.BigInteger, nullable=False, comment="first instant after it"),
    sa.Column("doubled", sa.Boolean, nullable=False, comment="rows of several sources share a time"),
    sa.Column("newest", sa.Integer, nullable=False, comment="newest transaction that rows of it came in with"),
    sa.Column("born", sa.Integer, nullable=False),
    sa.Column("dead", sa.Integer),
    sa.Index(None, "group_id", "kind", "start"),
    sa.Index(None, "path"),
)

garbage = sa.Table(
    "tm_garbage",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("since", sa.Double, nullable=False, comment="when the last segment let go of the file"),
)

corrections = sa.Table(
    "tm_corrections",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("parameter", sa.String(200), nullable=False, comment="in capital letters; * is all parameters"),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("stop", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(8), nullable=False, comment="bad, value"),
    sa.Column("value", sa.Double),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("made", sa.Double, nullable=False),
    sa.Column("withdrawn", sa.Double),
    sa.Column("withdrawn_by", sa.String(100)),
    sa.Column("withdrawn_why", sa.Text),
    sa.Column("born", sa.Integer, sa.ForeignKey("tm_transactions.id"), nullable=False),
    sa.Column("dead", sa.Integer, sa.ForeignKey("tm_transactions.id")),
    sa.Index(None, "parameter", "start"),
)

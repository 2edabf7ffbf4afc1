"""The telemetry archive: groups, layouts, parameters, contributions, segments, corrections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "tm_garbage",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False, comment="when the last segment let go of the file"),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_tm_garbage")),
    )
    op.create_table(
        "tm_groups",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "period", sa.Double(), nullable=False, comment="nominal time from row to row [s], 0 if there is none"
        ),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="changes with every transaction that touches the group"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tm_groups")),
        sa.UniqueConstraint("name", name=op.f("uq_tm_groups_name")),
    )
    op.create_table(
        "tm_transactions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("committed", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False, comment="commit, withdraw, correction, compaction"),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tm_transactions")),
    )
    op.create_index(op.f("ix_tm_transactions_committed"), "tm_transactions", ["committed"], unique=False)
    op.create_table(
        "tm_contributions",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="carried by every row"),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="of all rows"),
        sa.Column("born", sa.Integer(), nullable=False),
        sa.Column("dead", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["born"], ["tm_transactions.id"], name=op.f("fk_tm_contributions_born")),
        sa.ForeignKeyConstraint(["dead"], ["tm_transactions.id"], name=op.f("fk_tm_contributions_dead")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tm_contributions")),
    )
    op.create_index(op.f("ix_tm_contributions_source"), "tm_contributions", ["source"], unique=False)
    op.create_table(
        "tm_corrections",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column(
            "parameter", sa.String(length=200), nullable=False, comment="in capital letters; * is all parameters"
        ),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("stop", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False, comment="bad, value"),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made", sa.Double(), nullable=False),
        sa.Column("withdrawn", sa.Double(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=100), nullable=True),
        sa.Column("withdrawn_why", sa.Text(), nullable=True),
        sa.Column("born", sa.Integer(), nullable=False),
        sa.Column("dead", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["born"], ["tm_transactions.id"], name=op.f("fk_tm_corrections_born")),
        sa.ForeignKeyConstraint(["dead"], ["tm_transactions.id"], name=op.f("fk_tm_corrections_dead")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tm_corrections")),
    )
    op.create_index(
        op.f("ix_tm_corrections_parameter_tm_corrections_start"), "tm_corrections", ["parameter", "start"], unique=False
    )
    op.create_table(
        "tm_layouts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False, comment="what each column of the group was when rows came in"),
        sa.ForeignKeyConstraint(["group_id"], ["tm_groups.id"], name=op.f("fk_tm_layouts_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tm_layouts")),
        sa.UniqueConstraint("group_id", "digest", name=op.f("uq_tm_layouts_group_id_digest")),
    )
    op.create_table(
        "tm_parameters",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False, comment="the name in capital letters"),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("info", sa.JSON(), nullable=False, comment="newest definition"),
        sa.ForeignKeyConstraint(["group_id"], ["tm_groups.id"], name=op.f("fk_tm_parameters_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tm_parameters")),
        sa.UniqueConstraint("key", name=op.f("uq_tm_parameters_key")),
    )
    op.create_index(op.f("ix_tm_parameters_group_id"), "tm_parameters", ["group_id"], unique=False)
    op.create_table(
        "tm_segments",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="rows, 5min, hour, day"),
        sa.Column("tier", sa.String(length=12), nullable=False, comment="playback, day, month, year"),
        sa.Column("path", sa.Text(), nullable=False, comment="relative to the root of the archive"),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False, comment="rows of the file"),
        sa.Column("start", sa.BigInteger(), nullable=False, comment="first instant that the file answers for"),
        sa.Column("stop", sa.BigInteger(), nullable=False, comment="first instant after it"),
        sa.Column("doubled", sa.Boolean(), nullable=False, comment="rows of several sources share a time"),
        sa.Column("newest", sa.Integer(), nullable=False, comment="newest transaction that rows of it came in with"),
        sa.Column("born", sa.Integer(), nullable=False),
        sa.Column("dead", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["tm_groups.id"], name=op.f("fk_tm_segments_group_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tm_segments")),
    )
    op.create_index(
        op.f("ix_tm_segments_group_id_tm_segments_kind_tm_segments_start"),
        "tm_segments",
        ["group_id", "kind", "start"],
        unique=False,
    )
    op.create_index(op.f("ix_tm_segments_path"), "tm_segments", ["path"], unique=False)
    op.create_table(
        "tm_contribution_groups",
        sa.Column("contribution_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("layout_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("stop", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contribution_id"], ["tm_contributions.id"], name=op.f("fk_tm_contribution_groups_contribution_id")
        ),
        sa.ForeignKeyConstraint(["group_id"], ["tm_groups.id"], name=op.f("fk_tm_contribution_groups_group_id")),
        sa.ForeignKeyConstraint(["layout_id"], ["tm_layouts.id"], name=op.f("fk_tm_contribution_groups_layout_id")),
        sa.PrimaryKeyConstraint("contribution_id", "group_id", name=op.f("pk_tm_contribution_groups")),
    )


def downgrade() -> None:
    for table in (
        "tm_corrections", "tm_garbage", "tm_segments", "tm_contribution_groups", "tm_contributions", "tm_parameters",
        "tm_layouts", "tm_groups", "tm_transactions",
    ):  # fmt: skip
        op.drop_table(table)

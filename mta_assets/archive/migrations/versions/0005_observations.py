"""Observation intervals; where products come from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def _interval() -> list[sa.Column[object]]:
    return [
        sa.Column("tstart", sa.Double(), nullable=False),
        sa.Column("tstop", sa.Double(), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False, comment="its begin has been seen"),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "obis",
        sa.Column("partition", sa.String(length=100), nullable=False, comment="28229_000"),
        sa.Column("obsid", sa.BigInteger(), nullable=False),
        sa.Column("obi", sa.Integer(), nullable=False),
        *_interval(),
        sa.Column("sources", sa.JSON(), nullable=False, comment="telemetry, names of delivered products"),
        sa.Column("revision", sa.Integer(), nullable=False, comment="one more with every change"),
        sa.Column(
            "sequence", sa.BigInteger(), nullable=False, comment="number of the newest change, over all intervals"
        ),
        sa.Column("changed", sa.Double(), nullable=False),
        sa.Column("standing", sa.Boolean(), nullable=False, comment="false: no source has it any more"),
        sa.PrimaryKeyConstraint("partition", name=op.f("pk_obis")),
    )
    op.create_index(op.f("ix_obis_tstart"), "obis", ["tstart"])
    op.create_index(op.f("ix_obis_sequence"), "obis", ["sequence"])
    op.create_table(
        "obi_sources",
        sa.Column("partition", sa.String(length=100), nullable=False),
        sa.Column(
            "source", sa.String(length=255), nullable=False, comment="telemetry, or the name of a delivered product"
        ),
        *_interval(),
        sa.ForeignKeyConstraint(["partition"], ["obis.partition"], name=op.f("fk_obi_sources_partition")),
        sa.PrimaryKeyConstraint("partition", "source", name=op.f("pk_obi_sources")),
    )
    op.add_column(
        "products",
        sa.Column(
            "origin", sa.String(length=12), nullable=False, server_default="pipeline", comment="pipeline, delivered"
        ),
    )
    op.add_column(
        "products",
        sa.Column(
            "label", sa.String(length=100), nullable=False, server_default="", comment="fields of the name besides time"
        ),
    )
    op.create_index(op.f("ix_products_origin_products_file_id"), "products", ["origin", "file_id"])

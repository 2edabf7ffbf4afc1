"""Playbacks, runs, products with their inputs, faults, findings, quarantine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "playbacks",
        sa.Column("partition", sa.String(length=100), nullable=False),
        sa.Column("mission", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False, comment="where it is kept"),
        sa.Column("source", sa.Text(), nullable=False, comment="where it came in"),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("tstart", sa.Double(), nullable=False),
        sa.Column("tstop", sa.Double(), nullable=False),
        sa.Column("arrived", sa.Double(), nullable=False, comment="when the file was first seen"),
        sa.Column("accepted", sa.Double(), nullable=True, comment="when it was whole, checked and stored"),
        sa.Column("sequence", sa.Integer(), nullable=True, comment="1, 2, 3 … in the order of acceptance"),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False, comment="DATE of the products made from it"),
        sa.PrimaryKeyConstraint("partition", name=op.f("pk_playbacks")),
        sa.UniqueConstraint("mission", "sha256", name=op.f("uq_playbacks_mission_sha256")),
        sa.UniqueConstraint("sequence", name=op.f("uq_playbacks_sequence")),
    )
    op.create_index(op.f("ix_playbacks_tstart"), "playbacks", ["tstart"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("mission", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as it came, however hostile"),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("quarantined", sa.Double(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False, comment="how many times the same file came"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("sha256", "name", "path", name=op.f("uq_quarantine_sha256_name_path")),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(length=200), nullable=False),
        sa.Column("pipe_id", sa.String(length=64), nullable=False),
        sa.Column("partition", sa.String(length=100), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1 for the first run of the pipeline here"),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("started", sa.Double(), nullable=False),
        sa.Column("finished", sa.Double(), nullable=False),
        sa.Column("code_version", sa.String(length=64), nullable=False),
        sa.Column("registry_version", sa.String(length=64), nullable=False),
        sa.Column("limits_version", sa.String(length=64), nullable=False),
        sa.Column("log_path", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_runs")),
        sa.UniqueConstraint(
            "pipe_id", "partition", "stream", "number", name=op.f("uq_runs_pipe_id_partition_stream_number")
        ),
    )
    op.create_index(op.f("ix_runs_partition"), "runs", ["partition"], unique=False)
    op.create_table(
        "faults",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("partition", sa.String(length=100), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("pipe_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("tstart", sa.Double(), nullable=True),
        sa.Column("tstop", sa.Double(), nullable=True),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_faults_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_faults")),
    )
    op.create_index(
        op.f("ix_faults_partition_faults_pipe_id_faults_stream"),
        "faults",
        ["partition", "pipe_id", "stream"],
        unique=False,
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("partition", sa.String(length=100), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("pipe_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("subsystem", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("bound", sa.Double(), nullable=True),
        sa.Column("tstart", sa.Double(), nullable=True),
        sa.Column("tstop", sa.Double(), nullable=True),
        sa.Column("first", sa.Double(), nullable=True),
        sa.Column("last", sa.Double(), nullable=True),
        sa.Column("worst", sa.Double(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_findings_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_name_findings_tstart"), "findings", ["name", "tstart"], unique=False)
    op.create_index(
        op.f("ix_findings_partition_findings_pipe_id_findings_stream"),
        "findings",
        ["partition", "pipe_id", "stream"],
        unique=False,
    )
    op.create_table(
        "overlaps",
        sa.Column("first", sa.String(length=100), nullable=False),
        sa.Column("second", sa.String(length=100), nullable=False),
        sa.Column("tstart", sa.Double(), nullable=False),
        sa.Column("tstop", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["first"], ["playbacks.partition"], name=op.f("fk_overlaps_first")),
        sa.ForeignKeyConstraint(["second"], ["playbacks.partition"], name=op.f("fk_overlaps_second")),
        sa.PrimaryKeyConstraint("first", "second", name=op.f("pk_overlaps")),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("file_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("partition", sa.String(length=100), nullable=False),
        sa.Column("pipe_id", sa.String(length=64), nullable=False),
        sa.Column(
            "series", sa.String(length=255), nullable=False, comment="the name with version 0: same for all versions"
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tstart", sa.Double(), nullable=False),
        sa.Column("tstop", sa.Double(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created", sa.Double(), nullable=False, comment="DATE of the file"),
        sa.Column("run_id", sa.String(length=200), nullable=False, comment="the run that made it"),
        sa.Column(
            "confirmed_by", sa.String(length=200), nullable=False, comment="the newest run that gave these bytes"
        ),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("superseded_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["confirmed_by"], ["runs.run_id"], name=op.f("fk_products_confirmed_by")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_products_run_id")),
        sa.ForeignKeyConstraint(["superseded_by"], ["products.id"], name=op.f("fk_products_superseded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("stream", "name", name=op.f("uq_products_stream_name")),
    )
    op.create_index(op.f("ix_products_file_id_products_tstart"), "products", ["file_id", "tstart"], unique=False)
    op.create_index(
        op.f("ix_products_partition_products_stream_products_file_id"),
        "products",
        ["partition", "stream", "file_id"],
        unique=False,
    )
    op.create_index(op.f("ix_products_series_products_stream"), "products", ["series", "stream"], unique=False)
    op.create_index(op.f("ix_products_sha256"), "products", ["sha256"], unique=False)
    op.create_table(
        "product_inputs",
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("input_name", sa.String(length=255), nullable=False),
        sa.Column("input_sha256", sa.String(length=64), nullable=False),
        sa.Column("input_product_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["input_product_id"], ["products.id"], name=op.f("fk_product_inputs_input_product_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_inputs_product_id")),
        sa.PrimaryKeyConstraint("product_id", "input_name", "input_sha256", name=op.f("pk_product_inputs")),
    )
    op.create_index(op.f("ix_product_inputs_input_product_id"), "product_inputs", ["input_product_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_product_inputs_input_product_id"), table_name="product_inputs")
    op.drop_table("product_inputs")
    op.drop_index(op.f("ix_products_sha256"), table_name="products")
    op.drop_index(op.f("ix_products_series_products_stream"), table_name="products")
    op.drop_index(op.f("ix_products_partition_products_stream_products_file_id"), table_name="products")
    op.drop_index(op.f("ix_products_file_id_products_tstart"), table_name="products")
    op.drop_table("products")
    op.drop_table("overlaps")
    op.drop_index(op.f("ix_findings_partition_findings_pipe_id_findings_stream"), table_name="findings")
    op.drop_index(op.f("ix_findings_name_findings_tstart"), table_name="findings")
    op.drop_table("findings")
    op.drop_index(op.f("ix_faults_partition_faults_pipe_id_faults_stream"), table_name="faults")
    op.drop_table("faults")
    op.drop_index(op.f("ix_runs_partition"), table_name="runs")
    op.drop_table("runs")
    op.drop_table("quarantine")
    op.drop_index(op.f("ix_playbacks_tstart"), table_name="playbacks")
    op.drop_table("playbacks")

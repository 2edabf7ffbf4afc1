"""Observations, building blocks, commands, values of intervals, and the imports that they came with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "observing_imports",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column(
            "source", sa.String(length=200), nullable=False, comment="what the rows come from: one file, one catalogue"
        ),
        sa.Column(
            "sha256", sa.String(length=64), nullable=False, comment="of the rows: the same again changes nothing"
        ),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("imported", sa.Double(), nullable=False),
        sa.Column(
            "retired", sa.Double(), nullable=True, comment="when a newer import took its place, or it was withdrawn"
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observing_imports")),
    )
    op.create_index(
        op.f("ix_observing_imports_source_observing_imports_retired"),
        "observing_imports",
        ["source", "retired"],
        unique=False,
    )
    op.create_table(
        "blocks",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("bbid", sa.BigInteger(), nullable=False),
        sa.Column("bbtype", sa.String(length=80), nullable=False),
        sa.Column("obsid", sa.BigInteger(), nullable=False),
        sa.Column("tstart", sa.Double(), nullable=False),
        sa.Column("tstop", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["observing_imports.id"], name=op.f("fk_blocks_import_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocks")),
    )
    op.create_index(op.f("ix_blocks_import_id"), "blocks", ["import_id"], unique=False)
    op.create_index(op.f("ix_blocks_obsid_blocks_bbid"), "blocks", ["obsid", "bbid"], unique=False)
    op.create_index(op.f("ix_blocks_tstart"), "blocks", ["tstart"], unique=False)
    op.create_table(
        "commands",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("mnemonic", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("counter", sa.String(length=40), nullable=False, comment="frame counter as the load gives it"),
        sa.Column("parameters", sa.JSON(), nullable=False, comment="texts as they were sent, in their order"),
        sa.ForeignKeyConstraint(["import_id"], ["observing_imports.id"], name=op.f("fk_commands_import_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
    )
    op.create_index(op.f("ix_commands_import_id"), "commands", ["import_id"], unique=False)
    op.create_index(op.f("ix_commands_mnemonic_commands_time"), "commands", ["mnemonic", "time"], unique=False)
    op.create_index(op.f("ix_commands_time"), "commands", ["time"], unique=False)
    op.create_table(
        "interval_values",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("tstart", sa.Double(), nullable=False),
        sa.Column("tstop", sa.Double(), nullable=True, comment="none: it still holds"),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["import_id"], ["observing_imports.id"], name=op.f("fk_interval_values_import_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interval_values")),
    )
    op.create_index(op.f("ix_interval_values_import_id"), "interval_values", ["import_id"], unique=False)
    op.create_index(
        op.f("ix_interval_values_name_interval_values_tstart"), "interval_values", ["name", "tstart"], unique=False
    )
    op.create_table(
        "observations",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("obsid", sa.BigInteger(), nullable=False),
        sa.Column("obi", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=False),
        sa.Column("ra", sa.Double(), nullable=True),
        sa.Column("dec", sa.Double(), nullable=True),
        sa.Column("roll", sa.Double(), nullable=True),
        sa.Column("instrument", sa.String(length=40), nullable=False),
        sa.Column("detector", sa.String(length=40), nullable=False),
        sa.Column("grating", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("aot", sa.String(length=80), nullable=False),
        sa.Column("seqnum", sa.String(length=40), nullable=False),
        sa.Column("tstart", sa.Double(), nullable=False),
        sa.Column("tstop", sa.Double(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False, comment="whatever else the catalogue says"),
        sa.ForeignKeyConstraint(["import_id"], ["observing_imports.id"], name=op.f("fk_observations_import_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observations")),
    )
    op.create_index(op.f("ix_observations_import_id"), "observations", ["import_id"], unique=False)
    op.create_index(op.f("ix_observations_obsid_observations_obi"), "observations", ["obsid", "obi"], unique=False)
    op.create_index(op.f("ix_observations_tstart"), "observations", ["tstart"], unique=False)
    op.create_table(
        "observing_names",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="observation, block, fact, command, value"),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("dtype", sa.String(length=8), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("states", sa.JSON(), nullable=False, comment="name of each code, of values that are codes"),
        sa.Column("fields", sa.JSON(), nullable=False, comment="of a command: its parameters and their types"),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False, comment="characters of the longest text"),
        sa.Column("tstart", sa.Double(), nullable=False, comment="of the first row"),
        sa.Column("tstop", sa.Double(), nullable=True, comment="of the last row; none if one is open"),
        sa.Column(
            "longest", sa.Double(), nullable=False, comment="longest interval that is not open: bounds the look-up"
        ),
        sa.ForeignKeyConstraint(["import_id"], ["observing_imports.id"], name=op.f("fk_observing_names_import_id")),
        sa.PrimaryKeyConstraint("import_id", "kind", "name", name=op.f("pk_observing_names")),
    )
    op.create_index(
        op.f("ix_observing_names_kind_observing_names_name"), "observing_names", ["kind", "name"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_observing_names_kind_observing_names_name"), table_name="observing_names")
    op.drop_table("observing_names")
    op.drop_index(op.f("ix_observations_tstart"), table_name="observations")
    op.drop_index(op.f("ix_observations_obsid_observations_obi"), table_name="observations")
    op.drop_index(op.f("ix_observations_import_id"), table_name="observations")
    op.drop_table("observations")
    op.drop_index(op.f("ix_interval_values_name_interval_values_tstart"), table_name="interval_values")
    op.drop_index(op.f("ix_interval_values_import_id"), table_name="interval_values")
    op.drop_table("interval_values")
    op.drop_index(op.f("ix_commands_time"), table_name="commands")
    op.drop_index(op.f("ix_commands_mnemonic_commands_time"), table_name="commands")
    op.drop_index(op.f("ix_commands_import_id"), table_name="commands")
    op.drop_table("commands")
    op.drop_index(op.f("ix_blocks_tstart"), table_name="blocks")
    op.drop_index(op.f("ix_blocks_obsid_blocks_bbid"), table_name="blocks")
    op.drop_index(op.f("ix_blocks_import_id"), table_name="blocks")
    op.drop_table("blocks")
    op.drop_index(op.f("ix_observing_imports_source_observing_imports_retired"), table_name="observing_imports")
    op.drop_table("observing_imports")

"""Headers of products, kept for queries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "product_layouts",
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="of hdus"),
        sa.Column("hdus", sa.Text(), nullable=False, comment="JSON: name, columns, comments of keywords of each HDU"),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_product_layouts")),
    )
    op.create_table(
        "product_headers",
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("layout", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False, comment="JSON: rows and keywords of each HDU"),
        sa.ForeignKeyConstraint(["layout"], ["product_layouts.sha256"], name=op.f("fk_product_headers_layout")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_headers_product_id")),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_product_headers")),
    )

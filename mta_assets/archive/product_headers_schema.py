"""Tables of the catalog that keep the headers of products, filled when a query first asks for them.

They can be emptied at any time: what is in them is read again from the files.
"""

from __future__ import annotations

import sqlalchemy as sa

from mta_assets.archive.catalog_schema import metadata

product_layouts = sa.Table(
    "product_layouts",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True, comment="of hdus"),
    sa.Column("hdus", sa.Text, nullable=False, comment="JSON: name, columns, comments of keywords of each HDU"),
)

product_headers = sa.Table(
    "product_headers",
    metadata,
    sa.Column("product_id", sa.Integer, sa.ForeignKey("products.id"), primary_key=True),
    sa.Column("layout", sa.String(64), sa.ForeignKey("product_layouts.sha256"), nullable=False),
    sa.Column("content", sa.Text, nullable=False, comment="JSON: rows and keywords of each HDU"),
)

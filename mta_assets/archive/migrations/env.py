"""Alembic's environment: runs on the connection that `archive.database` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from mta_assets.archive import obi_schema as _obis  # noqa: F401  its tables join the metadata
from mta_assets.archive import observing_schema as _observing  # noqa: F401  its tables join the metadata
from mta_assets.archive import product_headers_schema as _headers  # noqa: F401  its tables join the metadata
from mta_assets.archive import telemetry_schema as _telemetry  # noqa: F401  its tables join the metadata
from mta_assets.archive.catalog_schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()

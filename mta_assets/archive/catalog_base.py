"""A database opened as a catalog: what all parts of the catalog stand on."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Self

import sqlalchemy as sa

from mta_assets.archive.database import open_engine, reading, writing


class CatalogBase:
    """One database. Threads may share an object; processes open their own.

    Parameters
    ----------
    url
        SQLAlchemy URL; the schema is made or migrated when it is opened.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _read(self) -> AbstractContextManager[sa.Connection]:
        return reading(self.engine)

    def _write(self) -> AbstractContextManager[sa.Connection]:
        return writing(self.engine)

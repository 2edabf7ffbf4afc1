"""What a SQL statement gives, and what is wrong with one, in our own words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mta_assets.core.errors import BadData, MtaError


class SqlError(MtaError):
    """A statement can not be carried out; says what is wrong with it."""


@dataclass(frozen=True)
class Rows:
    """The rows of a statement, which is carried out when they are asked for.

    Attributes
    ----------
    columns, types
        Names of the columns, none twice, and DuckDB's types.
    relation
        DuckDB's relation.
    """

    columns: list[str]
    types: list[str]
    relation: Any

    def reader(self, size: int = 65_536) -> Iterator[Any]:
        """The rows as Arrow record batches, some at once."""
        given = told(lambda: self.relation.to_arrow_reader(size))

        def following() -> Any:
            try:
                return given.read_next_batch()
            except StopIteration:
                return None

        while (batch := told(following)) is not None:
            yield batch.rename_columns(self.columns)

    @property
    def schema(self) -> Any:
        """The Arrow schema of the record batches."""
        import pyarrow as pa

        empty = told(lambda: self.relation.limit(0).to_arrow_table())
        return pa.schema([field.with_name(name) for field, name in zip(empty.schema, self.columns, strict=True)])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for batch in self.reader(4096):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def to_arrow(self) -> Any:
        """pyarrow Table."""
        import pyarrow as pa

        return pa.Table.from_batches(list(self.reader()), self.schema)

    def to_pandas(self) -> Any:
        """pandas DataFrame."""
        return self.to_arrow().to_pandas()


def told(work: Callable[[], Any]) -> Any:
    """What is done, its errors as ours."""
    import duckdb

    try:
        return work()
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except duckdb.OutOfMemoryException as error:
        raise SqlError(
            "the statement takes more memory than it may: ask for less, or allow more (--limit-memory)"
        ) from error
    except duckdb.PermissionException as error:
        raise SqlError(f"{_plain(error)}\nOnly the archive can be read here") from error
    except duckdb.IOException as error:
        raise BadData(f"{_plain(error)}\nRun `mta archive verify`") from error
    except duckdb.Error as error:
        raise SqlError(_plain(error)) from error


def _plain(error: Exception) -> str:
    return re.sub(r"^[A-Za-z ]+ Error: ", "", str(error)).strip()

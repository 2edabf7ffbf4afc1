"""What a SQL statement gives, and what is wrong with one, in our own words."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from mta_assets.core.errors import BadData, MtaError

PATIENCE = 0.1  # [s] until a statement that was told to stop is told again


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
    stop
        Interrupts the statement, from another thread.
    """

    columns: list[str]
    types: list[str]
    relation: Any
    stop: Callable[[], None]

    def reader(self, size: int = 65_536) -> Iterator[Any]:
        """The rows as Arrow record batches, some at once."""
        given = told(lambda: self.relation.to_arrow_reader(size), self.stop)

        def following() -> Any:
            try:
                return given.read_next_batch()
            except StopIteration:
                return None

        try:
            while (batch := told(following, self.stop)) is not None:
                yield batch.rename_columns(self.columns)
        finally:
            given.close()

    @property
    def schema(self) -> Any:
        """The Arrow schema of the record batches."""
        import pyarrow as pa

        empty = told(lambda: self.relation.limit(0).to_arrow_table(), self.stop)
        return pa.schema([field.with_name(name) for field, name in zip(empty.schema, self.columns, strict=True)])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for batch in self.reader(4096):
            yield from cells(batch)

    def to_arrow(self) -> Any:
        """pyarrow Table."""
        import pyarrow as pa

        return pa.Table.from_batches(list(self.reader()), self.schema)

    def to_pandas(self) -> Any:
        """pandas DataFrame; decimal numbers (constants, sums of whole numbers) as float64."""
        import pyarrow as pa

        table = self.to_arrow()
        plain = [pa.float64() if pa.types.is_decimal(field.type) else field.type for field in table.schema]
        return table.cast(pa.schema(zip(table.column_names, plain, strict=True))).to_pandas()


def cells(batch: Any) -> Iterator[tuple[Any, ...]]:
    """The rows of a record batch as Python values; a decimal number is an int if it is whole, else a float."""
    return zip(*([_number(cell) for cell in column.to_pylist()] for column in batch.columns), strict=True)


def _number(cell: Any) -> Any:
    if not isinstance(cell, Decimal):
        return cell
    return int(cell) if cell.as_tuple().exponent == 0 else float(cell)


def plain(cell: Any) -> Any:
    """A cell as JSON has it: what is no number is null, times are ISO 8601, bytes hexadecimal."""
    if cell is None or isinstance(cell, bool | int | str):
        return cell
    if isinstance(cell, float | Decimal):
        number = _number(cell)
        return number if math.isfinite(number) else None
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, bytes):
        return cell.hex()
    if isinstance(cell, Mapping):
        return {str(name): plain(value) for name, value in cell.items()}
    return [plain(value) for value in cell] if isinstance(cell, list) else str(cell)


def told(work: Callable[[], Any], stop: Callable[[], None] | None = None) -> Any:
    """What is done, its errors as ours; with ``stop``, Ctrl-C ends it wherever it is."""
    import duckdb

    try:
        return work() if stop is None else _heeding(work, stop)
    except (duckdb.Error, OSError) as error:  # Arrow has only the text of what DuckDB said
        raise _told(error) from error


def _told(error: Exception) -> BaseException:
    """An error of DuckDB as one of ours."""
    kind, said = str(error).partition(":")[0].upper(), _plain(error)
    if kind == "INTERRUPT ERROR":
        return KeyboardInterrupt()
    if kind == "OUT OF MEMORY ERROR":
        return SqlError("the statement takes more memory than it may: ask for less, or allow more (--limit-memory)")
    if kind == "PERMISSION ERROR":
        return SqlError(f"{said}\nOnly the archive can be read here")
    return BadData(f"{said}\nRun `mta archive verify`") if kind == "IO ERROR" else SqlError(said)


def _heeding(work: Callable[[], Any], stop: Callable[[], None]) -> Any:
    """Done in a thread: inside DuckDB a statement would not hear Ctrl-C until it has its rows."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    future: Future[Any] = Future()

    def run() -> None:
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

    try:
        threading.Thread(target=run, daemon=True).start()
        return future.result()
    except BaseException:
        while not (future.done() or future.cancel()):  # what has not begun does not begin any more
            stop()
            wait([future], PATIENCE)
        raise


def _plain(error: Exception) -> str:
    return re.sub(r"^[A-Za-z ]+ Error: ", "", str(error)).strip()

"""Dagster's SQLite event log with connections that stay open.

The original makes a new engine and a new connection for every event: with the few hundred events of a playback's run
that costs more than the processing. Only `_connect` differs; files, tables and locking are those of the original.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.pool import StaticPool

KEPT = 8  # shards (one per run, one index) kept open; a long-lived process sees thousands of runs
BUSY_TIMEOUT = 60.0  # [s]


class KeptEventLogStorage(SqliteEventLogStorage):
    """Event log storage whose connections are kept, the least recently used closed."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, sa.Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> KeptEventLogStorage:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine(self, shard: str) -> sa.Engine:
        engine = self._engines.pop(shard, None)
        if engine is None:
            # One connection per shard: the lock above lets one thread in at a time.
            engine = sa.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False},
            )
            sa.event.listen(engine, "connect", _relax)
        self._engines[shard] = engine
        while len(self._engines) > KEPT:
            self._engines.popitem(last=False)[1].dispose()
        return engine

    def dispose(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()


def _relax(connection: Any, record: Any) -> None:
    """In WAL mode NORMAL survives a killed process; only a power cut may lose the last log lines, never products."""
    connection.execute("PRAGMA synchronous=NORMAL")

"""Dagster's own run launcher, whose runs are also found dead after everything was killed at once.

A run's process is watched by the code server that started it. When both die together (power, kill -9 of all of
``dagster dev``), nobody is left to report it: the run would stand as started for ever and keep its slot. Run
monitoring asks here whether that server still listens; where it does not, the run is marked as failed, and tried again
like any other whose process died. Should its process live on nevertheless, the two wait for each other: see
`pipelines.archive_sink`.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._serdes import ConfigurableClassData

PATIENCE = 5.0  # [s] for an answer
# A run that is found dead before the code is loaded again is not tried again: Dagster looks once whether it can be.
SETTLE = 8.0  # [s] after the start of the services, in which no run is called dead


class WatchedRunLauncher(DefaultRunLauncher):
    """The default launcher with a check of the server behind a run.

    Parameters
    ----------
    settle
        Seconds from now on in which no run is called dead.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None, settle: float = 0.0) -> None:
        super().__init__(inst_data)
        self._settled = time.monotonic() + settle

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> WatchedRunLauncher:
        return cls(inst_data=inst_data, settle=SETTLE, **config_value)

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
        if time.monotonic() < self._settled or not server or listens(server):
            return CheckRunHealthResult(WorkerStatus.RUNNING)  # a process of a living server is that server's to watch
        return CheckRunHealthResult(WorkerStatus.FAILED, "the code server that started the run is gone, and the run")


def listens(server: Mapping[str, Any]) -> bool:
    """Whether somebody listens where a code server did; in doubt, yes.

    Parameters
    ----------
    server
        ``socket`` (a path), or ``host`` and ``port``: the run's tag.
    """
    family, address = (
        (socket.AF_UNIX, server["socket"])
        if server.get("socket")
        else (socket.AF_INET, (server.get("host", "127.0.0.1"), server["port"]))
    )
    with socket.socket(family) as probe:
        probe.settimeout(PATIENCE)
        try:
            probe.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True

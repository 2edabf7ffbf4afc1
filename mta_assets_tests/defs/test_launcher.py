"""Whether the server behind a run is still there."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from mta_assets.cli.dagster_process import write_instance
from mta_assets.defs.launcher import WatchedRunLauncher, listens


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s") / "s"  # the path of a socket must be short


def health(server: dict[str, object]) -> WorkerStatus:
    run = dg.DagsterRun(job_name="playback", tags={GRPC_INFO_TAG: json.dumps(server)} if server else {})
    return WatchedRunLauncher().check_run_worker_health(run).status


def test_a_run_of_a_server_that_listens_is_left_to_it_and_one_of_a_dead_server_has_failed(place: Path) -> None:
    server = {"host": "localhost", "socket": str(place)}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        assert listens(server)
        assert health(server) is WorkerStatus.RUNNING
    assert place.exists()
    assert not listens(server), "the socket's file outlives its server"
    place.unlink()
    assert health(server) is WorkerStatus.FAILED


def test_a_server_on_a_port_is_asked_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = {"host": "127.0.0.1", "port": listener.getsockname()[1]}
        assert listens(server)
    assert not listens(server)


def test_a_run_of_which_no_server_is_known_counts_as_running() -> None:
    assert health({}) is WorkerStatus.RUNNING


def test_the_instance_of_the_project_uses_it(tmp_path: Path) -> None:
    write_instance(tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert isinstance(instance.run_launcher, WatchedRunLauncher)
        assert instance.run_launcher.supports_check_run_worker_health
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled


def test_just_after_a_start_no_run_is_called_dead(place: Path) -> None:
    run = dg.DagsterRun(
        job_name="playback", tags={GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": str(place)})}
    )
    assert WatchedRunLauncher(settle=3600.0).check_run_worker_health(run).status is WorkerStatus.RUNNING
    assert WatchedRunLauncher(settle=0.0).check_run_worker_health(run).status is WorkerStatus.FAILED

"""A Dagster of one's own as a child process: started on loopback, waited for, ended with everything it started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import Request, urlopen

from mta_assets.core.errors import TransientError
from mta_assets.missions.load import load_mission

PROJECT = Path(__file__).resolve().parents[2]
FORCED = 5.0  # [s] from a signal that is hard to refuse to the end
ANSWER = 30.0  # [s] for an answer of the web server
ENDED = ("SUCCESS", "FAILURE", "CANCELED")  # states of a run that has ended
RUNS = """query Runs($job: String!) { runsOrError(filter: { pipelineName: $job }) { ... on Runs { results {
  runId status jobName startTime endTime tags { key value } stats { ... on RunStatsSnapshot { stepsFailed } } } } } }"""


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_instance(home: Path) -> None:
    """Make a folder the home of a Dagster instance like that of the project, with everything it writes inside."""
    home.mkdir(parents=True, exist_ok=True)
    config = (PROJECT / "dagster.yaml").read_text(encoding="utf-8")
    (home / "dagster.yaml").write_text(config.replace("data/dagster", str(home)), encoding="utf-8")


class DagsterProcess:
    """``dagster dev`` for a mission and a data folder, with its own instance below that folder.

    Parameters
    ----------
    mission
        Name or folder of the mission.
    data
        Data folder; the instance is ``data/dagster_home``, the output goes to ``data/dagster.log``.
    port
        Port on 127.0.0.1; 0 picks a free one.
    """

    def __init__(self, mission: str, data: Path, port: int = 0) -> None:
        self.data = data.resolve()
        self.mission = mission
        self.port = port or free_port()
        self.log = self.data / "dagster.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> DagsterProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it; `wait_until_ready` waits for the web server."""
        home = self.data / "dagster_home"
        write_instance(home)
        self._need_port()
        name = load_mission(self.mission).name
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "MTA_DATA": str(self.data),
            "MTA_MISSION": self.mission,
            "MTA_CATALOG_URL": f"sqlite:///{self.data / name / 'catalog.sqlite'}",  # never the one of the settings
        }
        command = [
            _program("dagster"), "dev", "-h", "127.0.0.1", "-p", str(self.port), "-w", str(PROJECT / "workspace.yaml"),
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _need_port(self) -> None:
        """Somebody else who listens on the port would be taken for the server that is started."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise TransientError(f"port {self.port} of 127.0.0.1 is taken ({error}): choose another one") from error

    def wait_until_ready(self, timeout: float = 90.0) -> float:
        """Seconds until the web server answered.

        Raises
        ------
        TransientError
            If it ended or did not answer in time; the message names its log.
        """
        began = time.monotonic()
        while time.monotonic() - began < timeout:
            if self._process is None or self._process.poll() is not None:
                raise TransientError(f"dagster ended while starting; see {self.log}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return time.monotonic() - began
            except OSError:
                time.sleep(0.2)
        raise TransientError(f"dagster did not answer on {self.url} within {timeout:.0f} s; see {self.log}")

    def wait_until_watching(self, incoming: Path, timeout: float = 90.0) -> None:
        """Wait for the sensor's first look, which makes the incoming folder: from then on arrivals are seen at once."""
        deadline = time.monotonic() + timeout
        while not incoming.is_dir():
            if time.monotonic() > deadline or self._process is None or self._process.poll() is not None:
                raise TransientError(f"the sensor has not looked for playbacks within {timeout:.0f} s; see {self.log}")
            time.sleep(0.2)

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """Answer to a GraphQL query.

        Raises
        ------
        TransientError
            If the server answers with an error; others if it does not answer.
        """
        body = json.dumps({"query": text, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310
        with urlopen(request, timeout=ANSWER) as answer:  # noqa: S310
            content = json.load(answer)
        if "errors" in content:
            raise TransientError(f"{self.url}: {content['errors']}; see {self.log}")
        found: dict[str, Any] = content["data"]
        return found

    def runs(self, job: str) -> list[dict[str, Any]]:
        """Runs of a job, the newest first: runId, status, startTime, endTime, tags by key, stats."""
        found = self.query(RUNS, job=job)["runsOrError"]["results"]
        return [{**run, "tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def processes(self) -> dict[int, str]:
        """Command lines of the living processes that were started for this data folder, in whatever group."""
        mark = f"MTA_DATA={self.data}".encode()
        found = {}
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and mark in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # gone in the meantime, or not ours to look at
                continue
        return found

    def stop(self, timeout: float = 30.0) -> None:
        """End it and everything it started: asked first, forced where that does not help.

        Parameters
        ----------
        timeout
            Seconds to end in an orderly way.
        """
        if self._process is None:
            return
        for number, patience in ((signal.SIGINT, timeout), (signal.SIGTERM, FORCED), (signal.SIGKILL, FORCED)):
            if _ended(self._process, number, patience):
                break
        self._process = None


def _ended(process: subprocess.Popen[bytes], number: int, patience: float) -> bool:
    """Whether nothing is left of a process group some time after a signal."""
    deadline = time.monotonic() + patience
    try:
        os.killpg(process.pid, number)
        while time.monotonic() < deadline:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(0.1)
    except ProcessLookupError:
        return True
    return False


def _program(name: str) -> str:
    """The program of the environment that this runs in, not of another one on the path."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise TransientError(f"{name} is not installed beside {sys.executable}: run `make install`")
    return found

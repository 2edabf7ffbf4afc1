"""Databases for the tests of the catalog: a SQLite file, and a PostgreSQL server where there is one."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta_assets_tests.needs import program


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root: another user then."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server on a free loopback port, without a database name."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    initdb, control = (program(name, "postgresql", folders) for name in ("initdb", "pg_ctl"))
    user = _server_user()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="mta-pg-"))
    try:
        if user:
            shutil.chown(folder, user)
        data = folder / "data"
        quiet = {"user": user, "check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        subprocess.run([initdb, "-D", data, "-U", "mta", "--auth=trust", "--no-sync"], **quiet)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        subprocess.run([control, "-D", data, "-w", "-o", options, "-l", folder / "log", "start"], **quiet)
        try:
            yield f"postgresql://mta@127.0.0.1:{port}"
        finally:
            subprocess.run([control, "-D", data, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of its own for each test, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'db' / 'catalog.sqlite'}"
        return
    import psycopg2

    server = request.getfixturevalue("postgres_server")
    name = f"test_{tmp_path.name.replace('-', '_').lower()[:40]}_{os.getpid()}"
    connection = psycopg2.connect(f"{server}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    yield f"{server}/{name}"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    connection.close()

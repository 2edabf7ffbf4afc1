"""External programs as tools: arguments as a list, no shell, a time limit, everything they say into the log."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mta_assets.archive.entries import InputEntry
from mta_assets.archive.names import format_fields
from mta_assets.archive.products import read_fits, write_fits
from mta_assets.core.errors import BadData, ToolFailed
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.pipelines.registry_schema import Pipeline, Step
from mta_assets.pipelines.runlog import RunLog, Stopwatch

CAPTURED = 64_000  # [byte] of each output stream that go into the log: the first and the last half


def run_program(
    step: Step,
    pipeline: Pipeline,
    request: Request,
    names: Mapping[str, Any],
    files: Mapping[str, Sequence[InputEntry]],
    scratch: Path,
    log: RunLog,
) -> dict[str, Product]:
    """Run one external program and read back what it made.

    Parameters
    ----------
    step
        Its ``exec`` holds ``{NAME}`` placeholders: an input or earlier result (the path of its file; of several
        files ``@list``, or one argument each where the placeholder is the whole argument), an output or a name
        of ``writes`` (the path to write to), a parameter, or tstart, tstop, partition, stream, created.
    names, files
        Objects of the run by name, and for the inputs the files that they came from.
    scratch
        Empty folder: working directory, home and place of its files.

    Returns
    -------
    What was written, by name.

    Raises
    ------
    ToolFailed
        If the program is not there, runs out of time, ends with another status than 0, or leaves an output out.
    """
    wanted = dict.fromkeys(n for argument in step.exec or [] for n in format_fields(argument))
    outputs = {n: scratch / f"out_{n}.fits" for n in wanted if n in pipeline.outputs or n in step.writes}
    inputs = {n: _paths(n, names, files, request, scratch) for n in wanted if n in names and n not in outputs}
    values = {
        "tstart": request.tstart,
        "tstop": request.tstop,
        "partition": request.partition,
        "stream": request.stream,
        "created": request.created,
        **step.params,
        **{n: _single(n, paths, scratch) for n, paths in inputs.items()},
        **{n: str(path) for n, path in outputs.items()},
    }
    arguments = [a for given in step.exec or [] for a in _argument(given, values, inputs)]
    _run(arguments, step.timeout, scratch, log)
    return {name: _read_back(name, path, arguments[0], log) for name, path in outputs.items()}


def _argument(given: str, values: Mapping[str, Any], inputs: Mapping[str, Sequence[Path]]) -> list[str]:
    name = given[1:-1]
    if given.startswith("{") and given.endswith("}") and name in inputs:
        return [str(path) for path in inputs[name]]
    try:
        return [given.format(**values)]
    except (KeyError, IndexError, ValueError) as error:
        raise ToolFailed(f"argument {given!r} can not be filled in: {error}; there are {', '.join(values)}") from error


def _paths(
    name: str, names: Mapping[str, Any], files: Mapping[str, Sequence[InputEntry]], request: Request, scratch: Path
) -> list[Path]:
    if name in files:
        return [Path(entry.path) for entry in files[name]]
    value = names[name]
    if isinstance(value, Table):
        value = Product(name, (value,), request.tstart, request.tstop)
    products = [value] if isinstance(value, Product) else list(value or [])
    paths = []
    for number, product in enumerate(products, start=1):
        if not isinstance(product, Product):
            raise ToolFailed(f"{name} is a {type(product).__name__}: only tables and products become files")
        path = scratch / f"in_{name}_{number}.fits"
        write_fits(path, product, request.created)
        paths.append(path)
    return paths


def _single(name: str, paths: Sequence[Path], scratch: Path) -> str:
    """One file by its path, several as ``@file`` with a list of them (the convention of the CIAO tools)."""
    if len(paths) == 1:
        return str(paths[0])
    stack = scratch / f"in_{name}.lis"
    stack.write_text("".join(f"{path}\n" for path in paths))
    return f"@{stack}"


def _run(arguments: Sequence[str], timeout: float, scratch: Path, log: RunLog) -> None:
    log.note(f"arguments {list(arguments)}")
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }
    watch = Stopwatch()
    told = {"stdout": scratch / "stdout.txt", "stderr": scratch / "stderr.txt"}
    with told["stdout"].open("wb") as out, told["stderr"].open("wb") as err:
        try:
            process = subprocess.Popen(  # noqa: S603  (no shell; the registry says what runs)
                arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=scratch, env=environment,
                start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise ToolFailed(
                f"program {arguments[0]!r} can not be started: {error}; install it or mend exec"
            ) from error
        try:
            status: int | None = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    log.note(f"exit status {status if status is not None else 'none: killed'}, {watch.seconds():.3f} s")
    for name, path in told.items():
        log.note(f"{name}:\n{_shortened(path)}")
    if status is None:
        raise ToolFailed(f"program {arguments[0]!r} was killed after its time limit of {timeout:g} s")
    if status:
        last = _shortened(told["stderr"]).strip().splitlines()[-1:] or ["nothing on stderr"]
        raise ToolFailed(f"program {arguments[0]!r} ended with status {status}: {last[0]}")


def _shortened(path: Path) -> str:
    content = path.read_bytes()
    if len(content) > CAPTURED:
        cut = len(content) - CAPTURED
        content = content[: CAPTURED // 2] + f"\n… {cut} bytes left out …\n".encode() + content[-CAPTURED // 2 :]
    return content.decode("utf-8", "replace")


def _read_back(name: str, path: Path, program: str, log: RunLog) -> Product:
    if not path.is_file():
        raise ToolFailed(f"program {program!r} left out its output {name}: {path} is not there")
    try:
        product = read_fits(path, name)
    except BadData as error:
        raise ToolFailed(f"program {program!r}: its output {name} is not usable: {error}") from error
    log.note(f"read back {name}: {product.rows} rows")
    return product

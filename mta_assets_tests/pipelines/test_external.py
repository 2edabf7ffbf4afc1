from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mta_assets.archive.products import read_fits, write_fits
from mta_assets.archive.store import sha256_of
from mta_assets.pipelines.archive_sink import ArchiveSink
from mta_assets.pipelines.controller import RunResult, run_pipeline
from mta_assets.pipelines.inputs import describe_files, open_files
from mta_assets.pipelines.registry_check import check
from mta_assets_tests.pipelines.toy import events, make_registry, profile, request

COPY = "import shutil,sys; print('hello'); print('warned', file=sys.stderr); shutil.copy(sys.argv[1], sys.argv[2])"


def run(tmp_path: Path, sink: ArchiveSink, exec_: list[str], more: str = "", files: int = 1) -> RunResult:
    arguments = ", ".join(f"'''{a}'''" for a in exec_)
    text = f"[[pipeline.EXTRACT.profile]]\nexec = [{arguments}]\nreads = ['RAW']\nwrites = ['products']\n{more}\n"
    registry = make_registry(tmp_path / "mission", profile(text))
    assert check(registry) == []
    paths = []
    for number in range(files):
        path = tmp_path / f"raw{number}N001.fits"
        product = events(request(), 3, rows=number + 4)
        write_fits(path, product, 8.1e8, {"INSTRUME": "TOY", "CONTENT": "EVT0", "FEP_ID": 3})
        paths.append(path)
    spec = registry.product("RAW")
    given = {"RAW": open_files(spec, describe_files(spec, paths), registry.mission)}
    return run_pipeline(registry, "EXTRACT", request(), given, sink)


def test_a_program_gets_files_and_its_output_becomes_a_product(tmp_path: Path, sink: ArchiveSink) -> None:
    result = run(tmp_path, sink, [sys.executable, "-c", COPY, "{RAW}", "{EVT0}"])
    assert result.outcome == "done", result.message
    (product,) = result.products
    assert product.name == "toyf800000000N001_3_evt0.fits"
    assert product.rows == 4
    assert read_fits(product.path, "X").header["TELESCOP"][0] == "TOYSCOPE"
    log = result.log_path.read_text()
    for text in ("hello", "warned", "exit status 0", "arguments [", "read back EVT0: 4 rows"):
        assert text in log
    again = run(tmp_path, sink, [sys.executable, "-c", COPY, "{RAW}", "{EVT0}"])
    assert not again.products[0].changed


def test_several_files_are_arguments_each_or_a_list_behind_an_at_sign(tmp_path: Path, sink: ArchiveSink) -> None:
    code = (
        "import shutil,sys; stack = open(sys.argv[3].removeprefix('infile=@')).read().split();"
        "assert stack == sys.argv[1:3], sys.argv; shutil.copy(stack[1], sys.argv[4])"
    )
    result = run(tmp_path, sink, [sys.executable, "-c", code, "{RAW}", "infile={RAW}", "{EVT0}"], files=2)
    assert result.outcome == "done", result.message
    assert result.products[0].rows == 5


def test_parameters_are_filled_in_and_no_shell_sees_them(tmp_path: Path, sink: ArchiveSink) -> None:
    code = "import shutil,sys; assert sys.argv[3:] == ['$(touch x); a b', 't=800000000.0'], sys.argv; " + COPY
    arguments = [sys.executable, "-c", code, "{RAW}", "{EVT0}", "{text}", "t={tstart}"]
    result = run(tmp_path, sink, arguments, 'params = { text = "$(touch x); a b" }')
    assert result.outcome == "done", result.message


@pytest.mark.parametrize(
    ("code", "more", "message"),
    [
        ("import sys; sys.exit('no calibration')", "", "ended with status 1: no calibration"),
        ("pass", "", "left out its output EVT0"),
        ("import sys; open(sys.argv[2], 'w').write('text')", "", "its output EVT0 is not usable"),
        ("while True: pass", "timeout = 0.5", "killed after its time limit of 0.5 s"),
        ("import os; assert 'HOME_OF_SECRETS' not in os.environ; 1/0", "", "ZeroDivisionError"),
    ],
)
def test_a_program_that_fails_fails_the_run_with_what_it_said(
    tmp_path: Path, sink: ArchiveSink, monkeypatch: pytest.MonkeyPatch, code: str, more: str, message: str
) -> None:
    monkeypatch.setenv("HOME_OF_SECRETS", "1")
    result = run(tmp_path, sink, [sys.executable, "-c", code, "{RAW}", "{EVT0}"], more)
    assert result.outcome == "failed"
    assert message in result.message


def test_a_program_that_is_not_installed_is_named(tmp_path: Path, sink: ArchiveSink) -> None:
    result = run(tmp_path, sink, ["no-such-program", "{RAW}", "{EVT0}"])
    assert "'no-such-program' can not be started" in result.message


def test_a_long_output_is_shortened_in_the_log_with_the_number_left_out(tmp_path: Path, sink: ArchiveSink) -> None:
    code = "import shutil,sys; print('x' * 200_000); shutil.copy(sys.argv[1], sys.argv[2])"
    result = run(tmp_path, sink, [sys.executable, "-c", code, "{RAW}", "{EVT0}"])
    assert "… 136001 bytes left out …" in result.log_path.read_text()


def test_the_input_is_not_touched(tmp_path: Path, sink: ArchiveSink) -> None:
    result = run(tmp_path, sink, [sys.executable, "-c", COPY, "{RAW}", "{EVT0}"])
    again = tmp_path / "again.fits"
    digest = write_fits(again, events(request(), 3, 4), 8.1e8, {"INSTRUME": "TOY", "CONTENT": "EVT0", "FEP_ID": 3})
    assert result.outcome == "done"
    assert sha256_of(tmp_path / "raw0N001.fits") == digest

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.products import write_fits
from mta_assets.core.errors import BadData, ConfigError, WrongRequest
from mta_assets.core.tables import Product, Table
from mta_assets.core.times import from_utc
from mta_assets.level2.sources import SRCLIST
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.direct import run_direct
from mta_assets.pipelines.registry import Registry, load_registry
from mta_assets_tests.pipelines.toy import events, request


def evt0(folder: Path, fep_id: int) -> Path:
    path = folder / f"toyf800000000N001_{fep_id}_evt0.fits"
    write_fits(path, events(request(), fep_id), 8.1e8, {"INSTRUME": "TOY", "CONTENT": "EVT0", "DETECTOR": "ACIS-S"})
    return path


def test_a_pipeline_runs_on_given_files_without_an_archive(tmp_path: Path, registry: Registry) -> None:
    files = [evt0(tmp_path, 1), evt0(tmp_path, 0)]
    first = run_direct(registry, "STATIC_EPS", {"EVT0": files}, tmp_path / "out")
    assert first.outcome == "done", first.message
    assert [p.name for p in first.products] == ["epsf800000000N001_static.fits"]
    assert first.findings_count == 1
    found = sorted(p.name for p in (tmp_path / "out").iterdir())
    stem = first.log_path.stem
    assert stem.startswith("STATIC_EPS_20230509T061211-")
    assert found == [f"{stem}.log", f"{stem}_findings.json", "epsf800000000N001_static.fits"]
    assert json.loads(next((tmp_path / "out").glob("*_findings.json")).read_text())[0]["worst"] is None
    again = run_direct(registry, "STATIC_EPS", {"EVT0": files}, tmp_path / "other")
    assert again.products[0].sha256 == first.products[0].sha256
    assert str(files[0]) in first.log_path.read_text()


def test_facts_come_from_the_command_or_the_headers(tmp_path: Path, registry: Registry) -> None:
    result = run_direct(registry, "EXTRACT", {}, tmp_path / "out", facts={"detector": "ACIS-I", "exposure": "3.5"})
    assert result.outcome == "done", result.message
    assert len(result.products) == 3
    assert (tmp_path / "out").joinpath(result.products[0].name).is_file()
    none = run_direct(registry, "EXTRACT", {}, tmp_path / "none", stream="sap")
    assert none.message == "kickoff not met: detector is not known; expected ACIS-I or ACIS-S"
    raw = tmp_path / "raw1N001.fits"
    write_fits(raw, events(request(), 0), 8.1e8, {"DETECTOR": "ACIS-S"})
    told = run_direct(registry, "EXTRACT", {"RAW": raw}, tmp_path / "told")
    assert (told.outcome, told.products[0].tstart) == ("done", 8.0e8)


def test_wrong_requests_are_told(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(ConfigError, match=r"no pipeline 'X'.*known: EXTRACT"):
        run_direct(registry, "X", {}, tmp_path)
    with pytest.raises(ConfigError, match="has no input RAW; its inputs are EVT0"):
        run_direct(registry, "STATIC_EPS", {"RAW": tmp_path / "x"}, tmp_path)
    with pytest.raises(ConfigError, match="has no stream 'sap'"):
        run_direct(registry, "STATIC_EPS", {}, tmp_path, stream="sap")
    with pytest.raises(ConfigError, match="no fact 'colour'"):
        run_direct(registry, "EXTRACT", {}, tmp_path, facts={"colour": "red"})
    with pytest.raises(BadData, match="there is no file"):
        run_direct(registry, "STATIC_EPS", {"EVT0": tmp_path / "absent"}, tmp_path)


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        ({"exposure": "long"}, "--fact exposure=long: expected a number;"),
        ({"exposure": "nan"}, "--fact exposure=nan: expected a number;"),
        ({"detector": "HRC-I"}, "--fact detector=HRC-I: expected one of ACIS-I, ACIS-S;"),
    ],
)
def test_a_fact_that_can_not_be_is_told_with_its_value(
    tmp_path: Path, registry: Registry, fact: dict[str, str], told: str
) -> None:
    with pytest.raises(WrongRequest, match=told):
        run_direct(registry, "EXTRACT", {}, tmp_path / "out", facts=fact)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", ["abc", "", "1.5", "-1", "inf"])
@pytest.mark.parametrize("name", ["obsid", "obi"])
def test_observation_and_interval_are_whole_numbers(tmp_path: Path, name: str, value: str) -> None:
    registry = load_registry(load_mission("chandra"))
    with pytest.raises(WrongRequest, match=f"fact {name}=.*: expected a whole number;"):
        run_direct(registry, "ASPECT_OBC", {}, tmp_path / "out", facts={"obsid": "7", name: value})


def test_a_folder_that_can_not_be_made_is_told_before_any_work(tmp_path: Path, registry: Registry) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    file = folder / "m.fits"
    file.write_bytes(b"")
    (folder / "lost").symlink_to(tmp_path / "nowhere")
    facts = {"detector": "ACIS-I"}
    for to, told in (
        (file, "m.fits: it is no folder; name a folder"),
        (file / "in", "m.fits is no folder; name a folder"),
        (folder / "lost", "lost: it is no folder; name a folder"),
        (folder / ("n" * 300), "File name too long; name a folder"),
        (Path("/proc/nope"), "--to /proc/nope: No such file or directory; name a folder"),
    ):
        with pytest.raises(WrongRequest, match=told):
            run_direct(registry, "EXTRACT", {}, to, facts=facts)
    assert sorted(path.name for path in folder.iterdir()) == ["lost", "m.fits"]
    assert file.read_bytes() == b""


def test_an_input_with_other_keywords_than_registered_is_bad_data(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "toyf800000000N001_1_evt0.fits"
    write_fits(path, events(request(), 1), 8.1e8, {"INSTRUME": "HRC", "CONTENT": "EVT0"})
    told = "_1_evt0.fits: INSTRUME is 'HRC', but 'TOY' in every EVT0: give a file that is one"
    with pytest.raises(BadData, match=told):
        run_direct(registry, "STATIC_EPS", {"EVT0": path}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_of_two_observations_or_of_none_are_told(tmp_path: Path) -> None:
    registry = load_registry(load_mission("chandra"))
    time = Table("ASPSOL", {n: np.zeros(2) for n in ("time", "ra", "dec", "roll")} | {"q_att": np.zeros((2, 4))})
    paths = []
    for name, file_id in (("pcadf00007_000N001_asol1.fits", "ASOL"), ("pcadf00008_000N001_osol1.fits", "ASPSOL_OBC")):
        paths.append(tmp_path / name)
        keywords = registry.standard_keywords(registry.product(file_id))
        write_fits(paths[-1], Product(file_id, (time,), 0.0, 1.0), 8.1e8, keywords)
    with pytest.raises(ConfigError, match="files and facts are of observations 7, 8; give those of one"):
        run_direct(registry, "ASPDIFF", {"ASOL": paths[0], "ASPSOL_OBC": paths[1]}, tmp_path / "out")
    other = tmp_path / "pcadf00007_001N001_osol1.fits"
    write_fits(other, Product("ASPSOL_OBC", (time,), 0.0, 1.0), 8.1e8, keywords)
    with pytest.raises(ConfigError, match=r"files and facts are of the intervals \(OBI\) 0, 1; give those of one"):
        run_direct(registry, "ASPDIFF", {"ASOL": paths[0], "ASPSOL_OBC": other}, tmp_path / "out")
    own = {"ASOL": paths[0], "ASPSOL_OBC": tmp_path / "pcadf00007_000N001_osol1.fits"}
    write_fits(own["ASPSOL_OBC"], Product("ASPSOL_OBC", (time,), 0.0, 1.0), 8.1e8, keywords)
    with pytest.raises(ConfigError, match="are of observations 7, 9; give those of one"):
        run_direct(registry, "ASPDIFF", own, tmp_path / "out", facts={"obsid": 9})
    osol = tmp_path / "pcadf000000001N001_osol1.fits"
    keywords = registry.standard_keywords(registry.product("OSOL"))
    write_fits(osol, Product("OSOL", (time,), 0.0, 1.0), 8.1e8, keywords)
    with pytest.raises(ConfigError, match=r"no file says of which: give one that does .*--fact obsid"):
        run_direct(registry, "ASPECT_OBC", {"OSOL": osol}, tmp_path / "out")


def source_list(folder: Path, registry: Registry, file_id: str, name: str, begin: str, seconds: float) -> Path:
    """A list of no sources with the keywords and columns of a real one."""
    start = from_utc(begin)
    keywords = registry.standard_keywords(registry.product(file_id))
    write_fits(folder / name, Product(file_id, (SRCLIST.empty(),), start, start + seconds), 8.1e8, keywords)
    return folder / name


def test_a_week_takes_no_file_that_does_not_reach_into_it(tmp_path: Path) -> None:
    registry = load_registry(load_mission("chandra"))
    old = source_list(tmp_path, registry, "HRC_SRC2", "hrcf02886_000N001_src2.fits", "2001-09-05T00:00:00", 3e4)
    new = source_list(tmp_path, registry, "ACIS_SRC2", "acisf28229_000N001_src2.fits", "2024-03-05T00:00:00", 3e4)
    told = (
        r"CATALOGUE is by week, and hrcf02886_000N001_src2.fits begins in that of 2001-09-03; not of it: "
        r"acisf28229_000N001_src2.fits \(2024-03-05T00:00:00 to 2024-03-05T08:20:00\); give the files of one week"
    )
    with pytest.raises(ConfigError, match=told):
        run_direct(registry, "CATALOGUE", {"ACIS_SRC2": new, "HRC_SRC2": old}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("begin", "fits"), [("2024-03-10T23:59:59", True), ("2024-03-11T00:00:00", False)])
def test_the_week_ends_with_sunday(tmp_path: Path, begin: str, fits: bool) -> None:
    registry = load_registry(load_mission("chandra"))
    some = [
        source_list(tmp_path, registry, "ACIS_SRC2", "acisf00001_000N001_src2.fits", "2024-03-04T06:00:00", 3e4),
        source_list(tmp_path, registry, "ACIS_SRC2", "acisf00002_000N001_src2.fits", begin, 3e4),
    ]
    if fits:
        assert run_direct(registry, "CATALOGUE", {"ACIS_SRC2": some}, tmp_path / "out").outcome != "failed"
        return
    with pytest.raises(ConfigError, match=r"not of it: acisf00002_000N001_src2.fits \(2024-03-11T00:00:00 to"):
        run_direct(registry, "CATALOGUE", {"ACIS_SRC2": some}, tmp_path / "out")

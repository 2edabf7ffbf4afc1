"""Files of the real archive delivered: recognised, whole, at the times of their headers, readable as inputs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.pipelines.delivery import deliver
from mta_assets.pipelines.delivery_check import examine
from mta_assets.pipelines.inputs import find_products, read_product
from mta_assets.pipelines.observations import obi_request
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.registry_schema import Pipeline
from mta_assets.settings import Settings
from mta_assets_tests.realdata import realdata

FOLDERS = ("acis/28229", "hrc/22772", "hrc/62650", "hetg")
NOT_OF_THE_ARCHIVE = {"oif.fits.gz"}  # the index of a package
IMAGES = ("_bias0", "_img2")


def names() -> list[Path]:
    root = realdata("chandra")
    found = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.fits.gz"))]
    return [p for p in found if p.name not in NOT_OF_THE_ARCHIVE and not p.name[0].isdigit()]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """All of them delivered."""
    found = Platform(Settings(mission="chandra", data=tmp_path_factory.mktemp("data")))
    for path in names():
        assert deliver(found, path).state == "delivered"
    yield found
    found.catalog.close()


def test_every_file_stands_at_the_times_of_its_header(platform: Platform) -> None:
    from astropy.io import fits

    worst = 0.0
    for path in names():
        entries = platform.catalog.products(name=path.name, current=None, origin="delivered")
        assert len(entries) == 1
        with fits.open(path) as file:
            heads = [hdu.header for hdu in file if "TSTART" in hdu.header]
            if not heads:  # reprocessing states none: the good times say
                tables = [hdu.data for hdu in file if hdu.name == "GTI"]
                span = min(t["START"].min() for t in tables), max(t["STOP"].max() for t in tables)
            else:
                span = heads[0]["TSTART"], heads[0]["TSTOP"]
        worst = max(worst, abs(entries[0].tstart - span[0]), abs(entries[0].tstop - span[1]))
    print(f"{len(names())} files, largest difference of start or stop {worst:g} s")
    assert len(names()) == 52
    assert worst == 0.0


def test_observations_are_complete_and_know_their_instrument(platform: Platform) -> None:
    found = {entry.partition: entry for entry in platform.catalog.obis()}
    assert set(found) == {"28229_000", "14392_000", "22772_000", "62650_000"}
    for key, instrument, grating in (
        ("28229_000", "ACIS", "NONE"),
        ("14392_000", "ACIS", "HETG"),
        ("22772_000", "HRC", "NONE"),
    ):
        entry = found[key]
        assert entry.complete
        assert (entry.facts["instrument"], entry.facts["grating"]) == (instrument, grating)
        print(key, entry.tstart, entry.tstop, dict(entry.facts))
    assert (found["22772_000"].tstart, found["22772_000"].tstop) == (701312870.23469, 701319459.96009)  # of its mtl1


def test_versions_of_the_archive_stand_above_reprocessing(platform: Platform) -> None:
    standing = [p.name for p in platform.catalog.products(file_id="ACIS_BPIX1")]
    assert standing == ["acisf14392_000N003_bpix1.fits.gz", "acisf28229_000N001_bpix1.fits.gz"]


def inputs(platform: Platform, key: str, file_id: str) -> list[Any]:
    """What a pipeline by observation would be given."""
    entry = platform.catalog.obi(key)
    assert entry is not None
    pipeline = Pipeline.model_validate(
        {"id": "P", "partition": "obi", "inputs": [file_id], "reach": 1000.0, "profile": [{"tool": "a:b"}]}
    )
    found = find_products(platform.registry, pipeline, obi_request(entry, "sdp", 0.0), platform.catalog, file_id)
    return [(p.name, Path(p.path)) for p in found]


def test_an_observation_is_given_what_belongs_to_it_and_what_meets_its_time(platform: Platform) -> None:
    assert [name for name, _ in inputs(platform, "22772_000", "ASOL")] == ["pcadf22772_000N001_asol1.fits.gz"]
    assert [name for name, _ in inputs(platform, "22772_000", "OSOL")] == [
        "pcadf701311946N001_osol1.fits.gz", "pcadf701318506N001_osol1.fits.gz", "pcadf701318900N001_osol1.fits.gz",
    ]  # fmt: skip
    assert [name for name, _ in inputs(platform, "62650_000", "ORBIT_EPH0")] == ["orbitf715176305N001_eph0.fits.gz"]
    assert [name for name, _ in inputs(platform, "22772_000", "ORBIT_EPH0")] == []
    assert len(inputs(platform, "28229_000", "ACIS_PBK0")) == 1
    assert len(inputs(platform, "28229_000", "ACIS_BIAS0")) == 2


def test_steps_read_them_with_the_archives_own_column_names(platform: Platform) -> None:
    from astropy.io import fits

    checked = 0
    for product in platform.catalog.products(origin="delivered"):
        if any(part in product.name for part in IMAGES):
            continue
        read = read_product(platform.registry.product(product.file_id), Path(product.path))
        with fits.open(product.path) as file:
            assert [table.name for table in read.tables] == [hdu.header.get("HDUNAME", hdu.name) for hdu in file[1:]]
            assert [list(table.columns) for table in read.tables] == [hdu.columns.names for hdu in file[1:]]
        checked += 1
    ((_, path),) = inputs(platform, "22772_000", "ASOL")
    table = read_product(platform.registry.product("ASOL"), path).table("ASPSOL")
    assert np.all(np.diff(table["time"]) > 0)
    print(f"{checked} files read, columns as astropy has them")
    assert checked > 35


def test_a_bias_map_is_read_as_an_image(platform: Platform) -> None:
    from astropy.io import fits

    for name, path in inputs(platform, "28229_000", "ACIS_BIAS0"):
        product = read_product(platform.registry.product("ACIS_BIAS0"), path)
        image = product.tables[0]["IMAGE"]
        with fits.open(path) as file:
            assert np.array_equal(image, file[0].data)
            assert product.fields == {"fep_id": file[0].header["FEP_ID"]}
        print(name, image.shape, image.dtype, "median", np.median(image))
        assert image.shape == (1024, 1024)


def test_a_real_file_with_a_wrong_sum_or_another_name_is_refused(platform: Platform, tmp_path: Path) -> None:
    edited = tmp_path / "acisf10027N003_evt2.fits"
    shutil.copyfile(realdata("chandra", "evt2", "m82_evt2.fits"), edited)
    with pytest.raises(BadData, match=r"\[EVENTS\].*damaged or edited"):
        examine(platform.registry, edited)
    real = next(path for path in names() if path.name == "hrcf22772_000N001_dtf1.fits.gz")
    for name, words in (
        ("hrcf22773_000N001_dtf1.fits.gz", "observation 22772"),
        ("hrcf22772_001N001_dtf1.fits.gz", "interval 0"),
        ("hrcf22772_000N001_mtl1.fits.gz", "has no columns"),
        ("hrcf22772_000N001_msk1.fits.gz", "CONTENT is 'DTF'"),
    ):
        path = tmp_path / name
        shutil.copyfile(real, path)
        with pytest.raises(BadData, match=words):
            examine(platform.registry, path)


def test_a_renamed_event_list_gets_its_place_from_its_own_name(platform: Platform, tmp_path: Path) -> None:
    for given, name, key in (
        (("hetg", "13838_sgra_evt2.fits.gz"), "acisf13838_000N002_evt2.fits.gz", "13838_000"),
        (("evt2", "01561_sgra_evt2.fits.gz"), "acisf01561N003_evt2.fits.gz", "01561_000"),
        (("evt2", "03392_sgra_evt2.fits.gz"), "acisf03392N003_evt2.fits.gz", "03392_001"),
    ):
        shutil.copyfile(realdata("chandra", *given), tmp_path / name)
        assert examine(platform.registry, tmp_path / name).partition == key

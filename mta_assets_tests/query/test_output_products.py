"""Complete products copied out of the archive."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from mta_assets.archive.entries import ProductEntry
from mta_assets.core.errors import BadData
from mta_assets.query.answer import Cancelled
from mta_assets.query.output import OutputRefused
from mta_assets.query.output_products import copy_products


@pytest.fixture
def products(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    found = []
    for number, name in enumerate(("a_evt0.fits", "b_evt0.fits")):
        content = name.encode() * 100
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        where = (name, str(folder / name), "L0", "sdp", "p", "pipe", "s", 1, 0.0, 1.0, 7)
        entry = ProductEntry(number, "ACIS_EVT0", *where, len(content), digest, 0.0, "run", "", True, None)
        found.append(entry)
    return found


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    return folder


def test_the_files_are_those_of_the_archive(products, target):
    seen = []
    done = copy_products(products, target, progress=lambda n, total: seen.append((n, total)))
    assert [path.name for path in done.paths] == ["a_evt0.fits", "b_evt0.fits"]
    assert done.paths[0].read_bytes() == b"a_evt0.fits" * 100
    assert seen == [(1, 2), (2, 2)]
    assert copy_products([], target).paths == ()


def test_a_damaged_or_absent_file_is_named_and_nothing_is_left(products, target):
    damaged = replace(products[1], sha256="0" * 64)
    with pytest.raises(BadData, match=r"b_evt0\.fits.*not the file"):
        copy_products([products[0], damaged], target)
    with pytest.raises(BadData, match="is gone"):
        copy_products([products[0], replace(products[1], path="/no/such")], target)
    with pytest.raises(Cancelled):
        copy_products(products, target, cancel=lambda: True)
    assert not list(target.iterdir())


def test_a_file_that_is_there_is_kept_and_names_stay_in_the_folder(products, target):
    (target / "a_evt0.fits").write_text("mine")
    with pytest.raises(OutputRefused, match="is there already"):
        copy_products(products, target)
    assert sorted(path.name for path in target.iterdir()) == ["a_evt0.fits"]
    assert copy_products(products, target, overwrite=True).size == 2200
    with pytest.raises(BadData, match="name"):
        copy_products([replace(products[0], name="../evil.fits")], target)
    with pytest.raises(OutputRefused, match="same name"):
        copy_products([products[0], products[0]], target)

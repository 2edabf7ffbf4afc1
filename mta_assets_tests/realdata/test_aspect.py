"""Aspect products against real files of the archive: structure, algebra of attitudes, quality, on-board solution."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.tables import Schema, Table
from mta_assets.core.tables import plain as plain_keyword
from mta_assets.instruments import quaternions
from mta_assets.instruments.geometry import angles_from_quaternion, quaternion_from_angles
from mta_assets.level1.aca_centroid import gaussian_fit
from mta_assets.level1.aspect_compare import compare
from mta_assets.level1.aspect_quality import LIMITS, image_diameter, image_roll
from mta_assets.level1.aspect_tables import ASPQUAL, ASPQUAL_LIMITS, ASPSOL, SAMPLE, SECOND, hdu_keywords
from mta_assets.telemetry.aca_packets import AcaPackets, assemble, decode, find_images, header_fields
from mta_assets_tests.realdata import realdata

ARCSEC = np.pi / 180 / 3600
CODES = {"f8": "D", "f4": "E", "u1": "B", "i2": "I", "i4": "J"}


@dataclass(frozen=True)
class Package:
    """What the archive gives of the aspect of an observation."""

    obsid: str
    solution: Any
    quality: Any
    limits: Any
    onboard: Table


@pytest.fixture(scope="module", params=["22772", "62650"])
def package(request: pytest.FixtureRequest) -> Package:
    from astropy.io import fits

    folder = realdata("chandra", "hrc", request.param)
    (asol,) = folder.glob("primary/*_asol1.fits.gz")
    (aqual,) = folder.glob("secondary/aspect/*_aqual1.fits.gz")
    parts = [fits.getdata(path, 1) for path in folder.glob("secondary/aspect/*_osol1.fits.gz")]
    time = np.concatenate([part["time"] for part in parts]).astype(float)
    q_att = np.concatenate([part["q_att"] for part in parts]).astype(float)
    order = np.argsort(time)
    onboard = Table("ASPSOL", {"time": time[order], "q_att": quaternions.continuous(q_att[order])})
    quality = fits.open(aqual)
    return Package(request.param, fits.open(asol)["ASPSOL"], quality[1], quality[2], onboard)


def check_structure(hdu: Any, schema: Schema) -> None:
    assert hdu.columns.names == list(schema.names)
    for column, real in zip(schema.columns, hdu.columns, strict=True):
        if column.dtype.startswith("U"):
            assert real.format == f"{column.dtype[1:]}A"
        else:
            assert real.format == f"{int(np.prod(column.shape))}{CODES[column.dtype]}"
        assert (real.unit or "").strip() == column.unit
        assert real.null == column.null or column.null is None


def plain(data: Any, names: tuple[str, ...]) -> Table:
    columns: dict[str, NDArray[Any]] = {
        name: np.asarray(data[name]).astype(data[name].dtype.newbyteorder("=")) for name in names
    }
    return Table("ASPSOL", columns)


def test_our_columns_are_those_of_the_archive_in_name_order_type_and_unit(package: Package) -> None:
    check_structure(package.solution, ASPSOL)
    check_structure(package.quality, ASPQUAL)
    check_structure(package.limits, ASPQUAL_LIMITS)
    assert package.solution.header["HDUSPEC"] == "ASPSOL ICD V2.4"
    assert package.quality.header["HDUSPEC"] == "ASPQUAL ICD V1.4"


def test_our_keywords_of_the_tables_are_those_of_the_archive(package: Package) -> None:
    for name, hdu in (("ASPSOL", package.solution), ("ASPQUAL", package.quality)):
        ours = {keyword: plain_keyword(value) for keyword, value in hdu_keywords(name).items()}
        assert ours == {keyword: hdu.header[keyword] for keyword in ours}
    header = package.limits.header
    assert (header["EXTNAME"], header["HDUNAME"]) == ("ASPQUAL", ASPQUAL_LIMITS.name)
    assert {keyword: header.get(keyword) for keyword in SECOND} == {k: plain_keyword(v) for k, v in SECOND.items()}
    rows = intervals.from_samples(np.asarray(package.solution.data["time"], float), SAMPLE)
    assert package.solution.header["ONTIME"] == pytest.approx(intervals.total(rows), abs=1e-5)


def test_attitudes_are_exact_both_ways(package: Package) -> None:
    data = package.solution.data
    q = np.asarray(data["q_att"], float)
    forth = max(
        float(np.max(np.abs((ours - data[name] + 180) % 360 - 180)))
        for ours, name in zip(angles_from_quaternion(q), ("ra", "dec", "roll"), strict=True)
    )
    back = (
        np.abs(quaternions.difference(quaternion_from_angles(data["ra"], data["dec"], data["roll"]), q)).max() / ARCSEC
    )
    print(
        f"{package.obsid}: {len(q)} rows; angles of q_att off by {forth:.1e} deg, q_att of angles by {back:.1e} arcsec"
    )
    assert forth < 1e-12
    assert back < 1e-9


def test_nominal_pointing_is_the_mean_of_the_columns(package: Package) -> None:
    header, data = package.solution.header, package.solution.data
    for name, column in (("RA", "ra"), ("DEC", "dec"), ("ROLL", "roll")):
        assert header[f"{name}_NOM"] == header[f"{name}_PNT"] == pytest.approx(data[column].mean(), abs=2e-11)


def test_image_diameter_and_roll_are_those_of_the_quality_file(package: Package) -> None:
    solution, quality = plain(package.solution.data, ASPSOL.names), package.quality.data
    time = np.asarray(quality["time"], float) - 0.25625  # a row stands for the last sample before its time
    inside = (time > solution["time"][0] + 60) & (time < solution["time"][-1] - 60)
    errors = {
        n: np.interp(time, solution["time"], solution[n].astype(float)) for n in ASPSOL.names if n.endswith("_err")
    }
    found = Table("ASPSOL", errors)
    for name, ours in (("img_diam_rms", image_diameter(found)), ("img_roll_rms", image_roll(found))):
        apart = np.abs(ours / quality[name] - 1)[inside]
        print(f"{package.obsid}: {name} within {apart.max():.1e} of the file's")
        assert apart.max() < 1e-5


def test_the_limits_are_those_of_the_file(package: Package) -> None:
    for row, (name, descr, yellow, red) in zip(package.limits.data, LIMITS, strict=True):
        assert (row["name"], row["descr"]) == (name, descr)
        assert (float(row["yellow"]), float(row["red"])) == (yellow, red)


def test_bits_of_unreliable_camera_data_are_slots(package: Package) -> None:
    bits = int(np.bitwise_or.reduce(np.asarray(package.quality.data["aca_data_bad"])))
    slots = [slot for slot in range(8) if bits >> slot & 1]
    print(f"{package.obsid}: unreliable at times: slots {slots}")
    assert slots


def test_the_on_board_solution_follows_the_ground_solution(package: Package) -> None:
    ground = plain(package.solution.data, ("time", "q_att"))
    difference = compare(package.onboard, ground)
    assert len(difference) > 4000
    said = {k: v[0] for k, v in difference.header.items()}
    print(f"{package.obsid}: on-board minus ground, {len(difference)} rows: " + ", ".join(
        f"{axis} {said[f'{key}MED']:.2f} ± {said[f'{key}STD']:.2f}" for axis, key in
        (("roll", "ROLL"), ("pitch", "PITCH"), ("yaw", "YAW"))) + " arcsec")  # fmt: skip
    # constants are the alignment of camera and mirror, which the computer does not know; what is left is its noise
    assert said["PITCHSTD"] < 1.0
    assert said["YAWSTD"] < 1.0
    assert said["ROLLSTD"] < 20.0
    assert abs(said["PITCHMED"]) < 30.0
    assert abs(said["YAWMED"]) < 30.0


def test_the_real_solution_is_as_smooth_as_gyros_make_it(package: Package) -> None:
    q = np.asarray(package.solution.data["q_att"], float)
    third = np.diff(quaternions.difference(q[1:], q[:-1]), n=2, axis=0) / ARCSEC
    print(f"{package.obsid}: third differences rms {np.round(third.std(axis=0), 4)} arcsec per step³")
    assert third.std(axis=0).max() < 0.3


def test_stars_of_real_images_are_fitted_and_stay_where_they_are() -> None:
    with gzip.open(realdata("chandra", "aca", "aca_packets_686111007.json.gz"), "rt") as file:
        (content,) = json.load(file).values()
    raw = content["raw"]
    data = np.array([list(bytes.fromhex(packet["hex"])) for packet in raw["packets"]], np.uint8)
    telemetry = decode(AcaPackets(data, np.array(raw["VCDUCTR"]), np.array(raw["TIME"]), np.zeros(len(data), np.uint8)))
    places = []
    for slot in range(8):
        for size, border in ((6, 1), (8, 0)):
            rows = find_images(telemetry, slot, size)
            if not len(rows):
                continue
            head = header_fields(telemetry.header[rows[:, 0], slot], {6: 1, 8: 4}[size])
            pixels = assemble(telemetry, rows, slot, size) * (head["IMGSCALE"][:, None, None] / 32.0) - 50.0
            inner = slice(border, 8 - border)
            fit = gaussian_fit(pixels[:, inner, inner])
            good = fit.status == 0
            place = np.stack([head["IMGROW0"] + fit.row, head["IMGCOL0"] + fit.col], axis=1)[good]
            places.append((slot, size, int(good.sum()), place))
    for slot, size, count, place in places:
        spread = np.ptp(place, axis=0).max() if count else np.nan
        print(f"slot {slot}, {size}x{size}: {count} good images, centroids within {spread:.3f} pixel")
    fitted = [place for _, _, count, place in places if count > 1]
    assert sum(count for _, _, count, _ in places) >= 10
    # the dither moves a star by less than 0.1 pixel in the few seconds
    assert np.median([np.ptp(place, axis=0).max() for place in fitted]) < 0.3

"""Real ACA packets with the values that other software decoded from them, and the packets inside the real frames."""

from __future__ import annotations

import gzip
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mta_assets.core.request import Request
from mta_assets.core.times import from_utc
from mta_assets.level0.aspect import extract_aca
from mta_assets.missions.load import load_mission
from mta_assets.simulate.aca_packets import encode, put_packets
from mta_assets.telemetry.aca_packets import (
    GLBSTAT_BITS,
    IMGSTAT_BITS,
    PARTS,
    AcaPackets,
    AcaTelemetry,
    assemble,
    collect_packets,
    covered,
    decode,
    find_images,
    header_fields,
    status_bits,
)
from mta_assets.telemetry.clock import mission_clock
from mta_assets.telemetry.frames import FrameBlock
from mta_assets.telemetry.playback import open_playback
from mta_assets_tests.realdata import realdata

MISSION = load_mission("chandra")


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    with gzip.open(realdata("chandra", "aca", "aca_packets_686111007.json.gz"), "rt") as file:
        (content,) = json.load(file).values()
    return content


@pytest.fixture(scope="module")
def packets(reference: dict[str, Any]) -> AcaPackets:
    raw = reference["raw"]
    data = np.array([list(bytes.fromhex(packet["hex"])) for packet in raw["packets"]], np.uint8)
    return AcaPackets(data, np.array(raw["VCDUCTR"]), np.array(raw["TIME"]), np.zeros(len(data), np.uint8))


@pytest.fixture(scope="module")
def telemetry(packets: AcaPackets) -> AcaTelemetry:
    return decode(packets)


def decoded(telemetry: AcaTelemetry, row: int, slot: int) -> dict[str, Any]:
    """One slot of one packet in the names of the reference."""
    imgtype = int(telemetry.imgtype[row, slot])
    found: dict[str, Any] = {"IMGTYPE": imgtype, "IMGNUM": slot, "pixels": telemetry.pixels[row, slot].tolist()}
    found |= {"TIME": telemetry.time[row], "VCDUCTR": telemetry.counter[row]}
    found |= {"MJF": telemetry.counter[row] // 128, "MNF": telemetry.counter[row] % 128}
    found |= {name: int(values[row]) for name, values in telemetry.front.items()}
    fields = {name: int(value) for name, value in header_fields(telemetry.header[row, slot], imgtype).items()}
    if "BGDSTAT" in fields:
        found["BGDSTAT_PIXELS"] = [fields["BGDSTAT"] >> bit & 1 for bit in range(7, -1, -1)]
    if imgtype in (6, 7):
        found["DIAGNOSTIC"] = [fields.pop(f"WORD{word}") for word in range(2, 8)]
    for name, names in (("GLBSTAT", GLBSTAT_BITS), ("IMGSTAT", IMGSTAT_BITS)):
        if name in (found | fields):
            value = np.array((found | fields)[name])
            found |= {bit: bool(flag) for bit, flag in status_bits(value, names).items()}
    return found | fields


def test_every_field_of_every_packet_is_as_given(reference: dict[str, Any], telemetry: AcaTelemetry) -> None:
    compared = 0
    for row, slots in enumerate(reference["raw"]["decom_packets"]):
        for slot, expected in enumerate(slots):
            ours = decoded(telemetry, row, slot)
            assert {name: ours[name] for name in expected} == expected
            compared += len(expected)
    assert compared > 2000


def test_every_combined_image_is_as_given(reference: dict[str, Any], telemetry: AcaTelemetry) -> None:
    expected = {(image["IMGNUM"], image["VCDUCTR"]): image for image in reference["combined-packets"]}
    found = 0
    for slot in range(8):
        for size in PARTS:
            rows = find_images(telemetry, slot, size)
            for packets, image in zip(rows, assemble(telemetry, rows, slot, size), strict=True):
                given = expected[slot, int(telemetry.counter[packets[0]])]
                pixels = np.array(given["IMG"], dtype=float)  # None, not covered, becomes NaN
                assert np.array_equal(np.isnan(pixels), ~covered(size))
                assert np.array_equal(pixels[covered(size)], image[covered(size)])
                merged: dict[str, Any] = {}
                for row in packets[::-1]:  # of fields that several packets have, those of the first
                    merged |= decoded(telemetry, row, slot)
                assert {name: merged[name] for name in given if name != "IMG"} == {
                    name: value for name, value in given.items() if name != "IMG"
                }
                found += 1
    assert found == len(expected) == 23


def test_the_real_packets_encoded_again_are_the_same_bytes(packets: AcaPackets, telemetry: AcaTelemetry) -> None:
    again = encode(telemetry.front, telemetry.imgtype, telemetry.header, telemetry.pixels)
    assert np.array_equal(again, packets.data)


def test_the_times_of_the_packets_agree_with_the_clock_table(packets: AcaPackets) -> None:
    clock = mission_clock(MISSION)
    times = clock.time(clock.unwrap(packets.counter, from_utc("2019-09-29T00:00:00")))
    assert np.max(np.abs(times - packets.time)) < 0.001


def test_the_packets_inside_the_real_frames_are_sensible() -> None:
    path = realdata("chandra", "vcdu", "repeat_frames.bin")
    (block,) = open_playback(path, MISSION, near=from_utc("2023-10-24T12:00:00")).blocks()
    telemetry = decode(collect_packets(block, MISSION.frame.aca))
    assert (telemetry.counter % 128).tolist() == [52, 56, 60, 64, 68]
    assert set(telemetry.front["INTEG"].tolist()) == {0x6A}  # 1.696 s
    assert set(telemetry.front["BGDTYP"].tolist()) == {1}  # dynamic background: the camera was patched by 2023
    assert telemetry.imgtype.tolist() == [[kind] * 8 for kind in (4, 5, 6, 7, 4)]
    for row, kind in enumerate((4, 5, 6, 7, 4)):
        fields = header_fields(telemetry.header[row], kind)
        assert fields["IMGNUM"].tolist() == list(range(8))
        assert set(fields["IMGFUNC"].tolist()) == {2}  # all slots search
    second = header_fields(telemetry.header[1], 5)
    celsius = {name: set((0.4 * second[name]).round(1).tolist()) for name in second if name.startswith("TEMP")}
    # every slot tells the same temperatures: a cooled CCD in a housing kept warm
    assert celsius == {"TEMPCCD": {-11.6}, "TEMPHOUS": {29.2}, "TEMPPRIM": {28.8}, "TEMPSEC": {28.0}}
    start = header_fields(telemetry.header[0], 4)
    assert np.all(np.abs(start["IMGROW0"]) < 512)
    assert np.all(np.abs(start["IMGCOL0"]) < 512)
    for slot in range(8):
        rows = find_images(telemetry, slot, 8)
        assert rows.tolist() == [[0, 1, 2, 3]]
        assert assemble(telemetry, rows, slot, 8).max() > 0


def test_level_0_images_are_those_of_the_archive(packets: AcaPackets) -> None:
    counter = int(packets.counter[0]) + np.arange(4 * len(packets))
    clock = mission_clock(MISSION)
    unwrapped = clock.unwrap(counter, from_utc("2019-09-29T00:00:00"))
    data = put_packets(np.zeros((len(counter), 1025), np.uint8), counter, packets.data, MISSION.frame.aca)
    zero = np.zeros(len(counter), np.uint8)
    playback = SimpleNamespace(
        clock=clock, blocks=lambda seconds: [FrameBlock(data, unwrapped, clock.time(unwrapped), zero + 2, zero)]
    )
    request = Request("sdp/test", "sdp", 0.0, 0.0, 0.0)
    products = {product.fields["slot"]: product for product in extract_aca(playback, MISSION, request)}
    table = products[3].table("ACA_IMG3")
    # the row of 2019:272:02:22 in acaf686111014N001_3_img0.fits
    row = int(np.flatnonzero(table["MNF"] == 124)[0])
    times = {"TIME": 686111012.493093, "END_INTEG_TIME": 686111013.3410931}
    for name, value in times.items():
        assert table[name][row] == pytest.approx(value, abs=0.001)
    exact = {"MJF": 8580, "QUALITY": 0, "GLBSTAT": 0, "IMGFID1": 0, "IMGNUM1": 3, "IMGFUNC1": 1, "IMGSTAT": 0,
             "IMGROW0": 131, "IMGCOL0": 279, "IMGSCALE": 49, "BGDAVG": 71, "BGDRMS": 54, "BGDSTAT": 255}  # fmt: skip
    assert {name: int(table[name][row]) for name in exact} == exact
    kelvin = {"TEMPCCD": 263.55, "TEMPHOUS": 304.75, "TEMPPRIM": 304.35, "TEMPSEC": 303.55, "INTEG": 1.696}
    assert {name: table[name][row] for name in kelvin} == {name: np.float32(value) for name, value in kelvin.items()}
    assert table["IMGRAW"][row, 0].tolist() == np.float32([0, 119.96875, 153.65625, 60.25, 86.28125, 0]).tolist()
    assert (
        table["IMGRAW"][row, 3].tolist()
        == np.float32([81.6875, 727.875, 960.625, 900.90625, 1499.625, 172.03125]).tolist()
    )
    assert table.header["BTIMNULL"][0] == pytest.approx(681530396.7155, abs=0.001)

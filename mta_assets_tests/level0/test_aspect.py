from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mta_assets.core.flags import Quality
from mta_assets.core.request import Request
from mta_assets.core.tables import Product
from mta_assets.instruments.geometry import quaternion_from_angles
from mta_assets.level0 import aspect
from mta_assets.level0.aca_columns import image_schema
from mta_assets.level0.aspect import extract_aca, extract_osol
from mta_assets.missions.load import load_mission
from mta_assets.simulate.aca_packets import encode, encode_header, image_pixels, put_packets
from mta_assets.telemetry.aca_packets import PARTS, covered
from mta_assets.telemetry.frames import FrameBlock
from mta_assets.telemetry.odb import Dictionary, dictionary_of, load_odb

MISSION = load_mission("chandra")
REQUEST = Request("sdp/test", "sdp", 0.0, 0.0, 0.0)
START = 1280  # a major frame begins
PERIOD = 0.25625


@dataclass
class Given:
    """A playback that is given as blocks."""

    parts: list[FrameBlock]

    def blocks(self, seconds: float = 3600.0) -> Iterator[FrameBlock]:
        yield from self.parts


def block(data: np.ndarray, counter: np.ndarray, quality: np.ndarray | None = None) -> FrameBlock:
    flags = np.zeros(len(counter), np.uint8) if quality is None else quality
    return FrameBlock(data, counter, counter * PERIOD, np.full(len(counter), 2, np.uint8), flags)


def image_block(images: dict[int, np.ndarray], sizes: dict[int, int], packets: int) -> FrameBlock:
    """Frames whose ACA packets carry the given (n, 8, 8) images in some slots, one after the other."""
    imgtype = np.zeros((packets, 8), np.uint8)
    header = np.zeros((packets, 8), np.uint64)
    pixels = np.zeros((packets, 8, 16), np.uint16)
    for slot in range(8):
        size = sizes.get(slot, 4)
        types = PARTS[size]
        for part, kind in enumerate(types):
            rows = np.arange(part, packets, len(types))
            imgtype[rows, slot] = kind
            fields = {"IMGFID": slot < 3, "IMGNUM": slot, "IMGFUNC": 1}
            if kind in (0, 1, 4):
                fields |= {"IMGROW0": -7, "IMGCOL0": 20 + slot, "IMGSCALE": 16, "BGDAVG": 9}
            if kind in (2, 5):
                fields |= {"BGDRMS": 3, "TEMPCCD": -25, "TEMPHOUS": 70, "BGDSTAT": 255}
            if kind in (6, 7):
                fields |= {f"WORD{word}": 10 * kind + word for word in range(2, 8)}
            header[rows, slot] = encode_header(kind, fields)
            if slot in images:
                pixels[rows, slot] = image_pixels(images[slot][: len(rows)], kind)
    front = {"INTEG": 100, "GLBSTAT": 0, "COMMCNT": 5, "COMMPROG": 2, "BGDTYP": 1}
    counter = START + np.arange(4 * packets)
    data = put_packets(
        np.zeros((len(counter), 1025), np.uint8), counter, encode(front, imgtype, header, pixels), MISSION.frame.aca
    )
    return block(data, counter)


def slots(products: Iterator[Product]) -> dict[int, Product]:
    return {product.fields["slot"]: product for product in products}


@pytest.mark.parametrize("size", [4, 6, 8])
def test_images_come_out_with_their_times_scale_and_place(size: int) -> None:
    count = len(PARTS[size])
    raw = np.random.default_rng(size).integers(0, 1024, (4, 8, 8)).astype(np.uint16)
    product = slots(extract_aca(Given([image_block({5: raw}, {5: size}, 4 * count)]), MISSION, REQUEST))[5]
    table = product.table("ACA_IMG5")
    edge = (8 - size) // 2
    expected = np.where(covered(size), raw * 16 / 32 - 50.0, 0.0)[:, edge : 8 - edge, edge : 8 - edge]
    assert np.array_equal(table["IMGRAW"], expected.astype(np.float32))
    sent = (START + 4 * count * np.arange(4)) * PERIOD
    assert np.allclose(table["END_INTEG_TIME"], sent - 1.025, atol=1e-9)
    assert np.allclose(table["TIME"], sent - 1.025 - 0.8, atol=1e-9)  # INTEG = 100 * 0.016 s
    assert table["INTEG"].tolist() == [np.float32(1.6)] * 4
    assert set(table["IMGROW0"].tolist()) == {-8 if size == 6 else -7}
    assert set(table["IMGCOL0"].tolist()) == {24 if size == 6 else 25}
    assert set(table["IMGNUM1"].tolist()) == {5}
    assert set(table["BGDTYP"].tolist()) == {1}
    assert table["MJF"][0] == START // 128
    assert product.tstart == table["TIME"][0] < START * PERIOD  # integrated before it was sent
    assert table.schema == image_schema(5, size)
    assert table.header["TIMEDEL"][0] == pytest.approx({4: 1.025, 6: 2.05, 8: 4.1}[size])
    if size > 4:
        assert table["TEMPCCD"].tolist() == [np.float32(273.15 - 10.0)] * 4
    if size == 8:
        assert (table["HD3TLM62"][0], table["HD3TLM77"][0], table["IMGNUM4"][0]) == (62, 77, 5)


def test_every_slot_has_its_own_product_of_its_own_size() -> None:
    sizes = {0: 8, 1: 8, 2: 8, 3: 6, 4: 6, 5: 6, 6: 6, 7: 4}
    products = list(extract_aca(Given([image_block({}, sizes, 8)]), MISSION, REQUEST))
    found = [(p.fields["slot"], p.tables[0]["IMGRAW"].shape) for p in products]
    assert found == [
        (slot, (8 // len(PARTS[sizes[slot]]), sizes[slot], sizes[slot])) for slot in range(8)
    ]  # fmt: skip
    assert {p.file_id for p in products} == {"ACA_IMG0"}


def test_an_image_across_two_blocks_comes_once_and_whole() -> None:
    raw = np.random.default_rng(3).integers(0, 1024, (4, 8, 8)).astype(np.uint16)
    whole = image_block({5: raw}, {5: 8}, 16)
    for cut in range(4, 64, 4):
        halves = [
            FrameBlock(whole.data[part], whole.counter[part], whole.time[part], whole.format[part], whole.quality[part])
            for part in (slice(0, cut), slice(cut, None))
        ]
        tables = {slot: [] for slot in range(8)}
        for product in extract_aca(Given(halves), MISSION, REQUEST):
            tables[product.fields["slot"]].append(product.tables[0])
        images = np.concatenate([table["IMGRAW"] for table in tables[5]])
        assert np.array_equal(images, (raw * 0.5 - 50).astype(np.float32))
        assert sum(len(table) for table in tables[0]) == 16


def test_an_image_from_a_damaged_frame_is_marked_bad_and_one_with_a_missing_frame_is_left_out() -> None:
    whole = image_block({}, {0: 8}, 12)
    flags = np.zeros(48, np.uint8)
    flags[5] = Quality.BAD_CHECKSUM
    flags[40] = Quality.OUT_OF_ORDER
    keep = np.arange(48) != 20
    part = FrameBlock(whole.data[keep], whole.counter[keep], whole.time[keep], whole.format[keep], flags[keep])
    products = slots(extract_aca(Given([part]), MISSION, REQUEST))
    assert products[0].tables[0]["QUALITY"].tolist() == [1, 0]
    assert products[0].tables[0]["MNF"].tolist() == [0, 32]
    assert products[1].tables[0]["QUALITY"].tolist() == [0, 1] + [0] * 9  # 4x4: one packet each


@pytest.fixture
def dictionary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dictionary:
    """A dictionary of the attitude alone, so that no other table decides about these tests."""
    rows = [f"{name},PCAD,3,1;2,{i}:4,40,0,32,int,poly 0 {2.0**-31!r},,," for i, name in enumerate(aspect.QUATERNION)]
    rows += [f"{name},PCAD,5,1;2,{7 * i}:16,75,0,32,int,poly 0 1e-13,,RADPS," for i, name in enumerate(aspect.BIAS)]
    header = "msid,subsystem,group,formats,minor_frames,offset,bit,length,type,calibration,states,unit,description"
    (tmp_path / "pcad.csv").write_text("\n".join([header, *rows]) + "\n")
    loaded = load_odb(tmp_path, MISSION.frame)
    monkeypatch.setattr(aspect, "dictionary_of", lambda mission: loaded)
    return loaded


def attitude_block(q: np.ndarray, bias: np.ndarray, quality: np.ndarray | None = None) -> FrameBlock:
    """Frames with a quaternion every 4 and a gyro bias [1e-13 rad/s] every 16 frames, as `dictionary` has them."""
    counter = START + np.arange(4 * len(q))
    data = np.zeros((len(counter), 1025), np.uint8)
    counts = np.rint(np.clip(q * 2.0**31, -(2**31), 2**31 - 1)).astype(">i4")
    for i in range(4):
        data[i::4, 40:44] = counts[:, i].copy().view(np.uint8).reshape(-1, 4)
    for i in range(3):
        data[7 * i :: 16, 75:79] = bias[:, i].astype(">i4").copy().view(np.uint8).reshape(-1, 4)
    return block(data, counter, quality)


ANGLES = (np.linspace(10.0, 10.2, 8), np.linspace(-30.0, -29.9, 8), np.linspace(359.9, 359.99, 8))
BIASES = np.array([[1_000_000, -2_000_000, 3_000_000], [1_100_000, -2_100_000, 3_100_000]])


def test_the_attitude_of_the_computer_comes_out_as_it_went_in(dictionary: Dictionary) -> None:
    q = quaternion_from_angles(*ANGLES)
    (product,) = extract_osol(Given([attitude_block(q, BIASES)]), MISSION, REQUEST)
    table = product.table("ASPSOL")
    count = 2.0**-31
    assert np.max(np.abs(table["q_att"] - q)) < count
    for name, angle in zip(("ra", "dec", "roll"), ANGLES, strict=True):
        assert np.max(np.abs(table[name] - angle)) < np.degrees(4 * count)
    assert np.allclose(table["time"], (START + 4 * np.arange(8)) * PERIOD)
    expected = np.degrees(np.repeat(BIASES, 4, axis=0) * 1e-13)
    for i, name in enumerate(("roll_bias", "pitch_bias", "yaw_bias")):
        assert table[name] == pytest.approx(expected[:, i], rel=1e-6)
    assert (product.file_id, product.tstart) == ("OSOL", START * PERIOD)
    assert product.tstop == pytest.approx((START + 32) * PERIOD)
    assert table.header["CONTENT"][0] == "OBCSOL"


def test_samples_from_damaged_or_missing_frames_are_left_out_and_counted(dictionary: Dictionary) -> None:
    flags = np.zeros(32, np.uint8)
    flags[9] = Quality.BAD_CHECKSUM  # second part of the third quaternion
    flags[17] = Quality.OUT_OF_ORDER  # late, but right
    whole = attitude_block(quaternion_from_angles(*ANGLES), BIASES, flags)
    keep = np.arange(32) != 22
    part = FrameBlock(whole.data[keep], whole.counter[keep], whole.time[keep], whole.format[keep], flags[keep])
    (product,) = extract_osol(Given([part]), MISSION, REQUEST)
    table = product.table("ASPSOL")
    assert np.allclose(table["time"], (START + 4 * np.array([0, 1, 3, 4, 6, 7])) * PERIOD)
    assert table.header["NUMLOST"][0] == 2


def test_a_quaternion_that_is_none_is_left_out(dictionary: Dictionary) -> None:
    q = quaternion_from_angles(*ANGLES)
    q[3] *= 0.9
    (product,) = extract_osol(Given([attitude_block(q, BIASES)]), MISSION, REQUEST)
    assert len(product.table("ASPSOL")) == 7


def test_without_any_usable_attitude_there_is_no_solution(dictionary: Dictionary) -> None:
    assert list(extract_osol(Given([attitude_block(np.zeros((8, 4)), BIASES)]), MISSION, REQUEST)) == []


def test_without_gyro_biases_in_the_dictionary_there_are_no_such_columns(
    dictionary: Dictionary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aspect, "BIAS", ("NO_SUCH_MSID",))
    (product,) = extract_osol(Given([attitude_block(quaternion_from_angles(*ANGLES), BIASES)]), MISSION, REQUEST)
    assert "roll_bias" not in product.table("ASPSOL")
    assert product.table("ASPSOL").header["BIASTYPE"][0] == "NONE"


def test_the_mission_s_dictionary_has_the_attitude() -> None:
    shipped = dictionary_of(MISSION)
    assert all(name in shipped for name in (*aspect.QUATERNION, aspect.OBSID))

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mta_assets.core.flags import Quality
from mta_assets.core.tables import Product, Table
from mta_assets.level0.acis import check_packets, extract_events
from mta_assets.level0.acis_columns import ESTIMATED, EVENTS, INCOMPLETE, SUSPECT_FRAME
from mta_assets.simulate.acis_packets import (
    PacketBatch,
    encode_events,
    encode_exposures,
    encode_words,
    fill_science,
    merge,
)
from mta_assets.telemetry.acis_layouts import MODES
from mta_assets_tests.level0.science_frames import PERIOD, REQUEST, T0, Played, chandra, cut, frame_block

EXPOSURE = 3.24104  # [s]
FIRST = 1_000_000  # counter of the first frame
START = T0 + FIRST * PERIOD


def a_run(
    mode: str = "FAINT",
    ccds: tuple[int, ...] = (6, 7),
    n: int = 40,
    per_exposure: int = 5,
    run: int = 4242,
    seed: int = 1,
) -> tuple[PacketBatch, np.ndarray, dict[str, Any]]:
    """Packets of a run that begins one second into the data; frame of each packet; what went in."""
    rng = np.random.default_rng(seed)
    k = np.arange(n * len(ccds))
    expno, fep = k // len(ccds), k % len(ccds)
    ccd = np.array(ccds)[fep]
    time = START + 1.0 + expno * EXPOSURE
    ticks = np.rint((time - T0) / 1e-5).astype(np.int64)
    of = np.repeat(k, per_exposure)
    layout = MODES[mode].layout
    values = {f.name: rng.integers(0, 1 << (f.bits - int(f.signed)), (len(of), f.count)) for f in layout.record}
    rest = {name: v for name, v in values.items() if name not in (layout.record[0].name, "ccdColumn")}
    events = encode_events(mode, ccd[of], fep[of], values[layout.record[0].name], values["ccdColumn"], rest, of)
    fields = {
        "runStartTime": run,
        "ccdId": ccd,
        "fepId": fep,
        "fepTimestamp": ticks,
        "exposureNumber": expno,
        "eventsSent": np.full(len(k), per_exposure),
        "thresholdPixels": 100 + k,
        "deltaOverclocks": np.column_stack([k, -k, k, -k]),
        "parameterBlockId": 77,
    }
    batch = merge([events, encode_exposures(mode, fields)], [2 * events.exposure, 2 * k + 1])
    ready = (time + EXPOSURE - START) / PERIOD
    frame = np.ceil(ready[batch.exposure]).astype(np.int64)
    truth = {"time": time[of], "expno": expno[of], "fep": fep[of], "ccd": ccd[of], "values": values, "all_times": time}
    return batch, frame, truth


def science_of(batch: PacketBatch, frame: np.ndarray, n_frames: int = 640) -> np.ndarray:
    filled = fill_science(batch, frame, n_frames, FIRST)
    assert len(filled.left) == 0
    return filled.data


def extract(parts: list[Any]) -> tuple[list[Product], dict[str, Table]]:
    made = list(extract_events(Played(parts), chandra(), REQUEST))
    tables = {item.name: item for item in made if isinstance(item, Table)}
    return [item for item in made if isinstance(item, Product)], tables


def rows_of(products: list[Product], file_id: str, fep: int, column: str) -> np.ndarray:
    parts = [p.tables[0][column] for p in products if p.file_id == file_id and p.fields["fep_id"] == fep]
    return np.concatenate(parts)


@pytest.mark.parametrize("mode", MODES)
def test_every_event_comes_out_with_its_values_exposure_and_time(mode: str) -> None:
    batch, frame, truth = a_run(mode)
    products, tables = extract([frame_block(science_of(batch, frame), FIRST, "ACIS")])
    assert tables == {}
    assert [(p.file_id, p.fields["fep_id"]) for p in products] == [
        (file_id, fep) for fep in (0, 1) for file_id in ("ACIS_EVT0", "ACIS_EXR0")
    ]
    names = {"CCDX": "ccdColumn", "CCDY": "ccdRow", "TROW": "transferRow", "PHAS": "pulseHeights"}
    names |= {"PHA": "eventAmplitude", "FLTGRADE": "gradeCode", "CORN_PHA": "cornerMean"}
    for fep in (0, 1):
        mine = truth["fep"] == fep
        assert np.array_equal(rows_of(products, "ACIS_EVT0", fep, "EXPNO"), truth["expno"][mine])
        assert np.array_equal(rows_of(products, "ACIS_EVT0", fep, "CCD_ID"), truth["ccd"][mine])
        assert np.allclose(rows_of(products, "ACIS_EVT0", fep, "TIME"), truth["time"][mine], atol=2e-5, rtol=0)
        assert not rows_of(products, "ACIS_EVT0", fep, "STATUS").any()
        for column in EVENTS[mode].names:
            if column in names:
                field = names[column] if names[column] in truth["values"] else "ccdRow"
                given = truth["values"][field][mine]
                assert np.array_equal(rows_of(products, "ACIS_EVT0", fep, column).reshape(given.shape), given)


def test_the_exposure_records_come_out_with_counts_and_overclocks() -> None:
    batch, frame, _ = a_run()
    products, _ = extract([frame_block(science_of(batch, frame), FIRST, "ACIS")])
    record = next(p for p in products if p.file_id == "ACIS_EXR0" and p.fields["fep_id"] == 1).table("EXPREC")
    assert record["EXPNO"].tolist() == list(range(40))
    assert set(record["EVTSENT"].tolist()) == set(record["EVTRECV"].tolist()) == {5}
    assert record["THR_PIX"].tolist() == list(range(101, 181, 2))
    assert record["DELTOCL"][3].tolist() == [7, -7, 7, -7]


def test_the_header_says_what_kind_of_data_it_is() -> None:
    batch, frame, truth = a_run("VFAINT", (0, 3))
    products, _ = extract([frame_block(science_of(batch, frame), FIRST, "ACIS")])
    product = products[0]
    header = {key: value[0] if isinstance(value, tuple) else value for key, value in product.header.items()}
    assert (header["DETNAM"], header["DATAMODE"], header["READMODE"]) == ("ACIS-03", "VFAINT", "TIMED")
    assert (header["INSTRUME"], header["CONTENT"], header["CCD_ID"], header["FEP_ID"]) == ("ACIS", "EVT0", 0, 0)
    assert (header["EXPTIME"], header["PBLOCK"], header["RUNSTART"]) == (3.2, 77, 4242)
    assert header["TIMEDEL"] == pytest.approx(EXPOSURE, abs=1e-5)
    assert header["STARTBEP"] == int(np.rint((truth["all_times"][0] - T0) / 1e-5)) % (1 << 32)
    assert product.tstart == pytest.approx(truth["all_times"][0], abs=2e-5)
    gti = product.table("GTI0")
    assert len(gti) == 1
    assert gti["STOP"][0] - gti["START"][0] == pytest.approx(40 * EXPOSURE, abs=1e-4)


def test_an_event_waits_for_its_record_in_the_next_block_wherever_the_block_ends() -> None:
    batch, frame, _ = a_run(n=4)
    block = frame_block(science_of(batch, frame, 80), FIRST, "ACIS")
    whole, _ = extract([block])
    for at in range(1, 80):
        products, tables = extract([cut(block, slice(0, at)), cut(block, slice(at, None))])
        assert tables == {}
        for fep in (0, 1):
            for column in ("EXPNO", "TIME", "CCDX", "STATUS"):
                expected = rows_of(whole, "ACIS_EVT0", fep, column)
                assert np.allclose(rows_of(products, "ACIS_EVT0", fep, column), expected, atol=1e-7, rtol=0)


def test_events_whose_record_never_comes_are_written_with_an_estimate() -> None:
    batch, frame, truth = a_run(ccds=(7,), n=6)
    without = batch.select(np.arange(len(batch) - 1))  # the last packet is the last record
    products, _ = extract([frame_block(science_of(without, frame[:-1], 160), FIRST, "ACIS")])
    events = products[0].table("EVENTS")
    assert np.array_equal(events["EXPNO"], truth["expno"])
    assert np.allclose(events["TIME"], truth["time"], atol=1e-4, rtol=0)
    assert events["STATUS"].tolist() == [0] * 25 + [ESTIMATED] * 5


def test_a_record_lost_between_two_exposures_gives_an_estimate_not_a_wrong_exposure() -> None:
    batch, frame, truth = a_run(ccds=(7,), n=6)
    rows = np.delete(np.arange(12), 5)  # the record of exposure 2
    products, _ = extract([frame_block(science_of(batch.select(rows), frame[rows], 160), FIRST, "ACIS")])
    events = products[0].table("EVENTS")
    assert np.array_equal(events["EXPNO"], truth["expno"])
    assert np.allclose(events["TIME"], truth["time"], atol=1e-4, rtol=0)
    assert np.flatnonzero(events["STATUS"]).tolist() == list(range(10, 15))
    assert set(events["STATUS"][10:15].tolist()) == {ESTIMATED}


def test_an_exposure_that_lost_events_is_flagged() -> None:
    batch, frame, _ = a_run(ccds=(7,), n=6, per_exposure=300)
    assert len(batch) == 18
    rows = np.delete(np.arange(18), 7)  # the second data packet of exposure 2
    products, _ = extract([frame_block(science_of(batch.select(rows), frame[rows], 160), FIRST, "ACIS")])
    record = next(p for p in products if p.file_id == "ACIS_EXR0").table("EXPREC")
    assert record["STATUS"].tolist() == [0, 0, INCOMPLETE, 0, 0, 0]
    assert record["EVTRECV"].tolist() == [300, 300, 255, 300, 300, 300]
    events = next(p for p in products if p.file_id == "ACIS_EVT0").table("EVENTS")
    assert set(events["STATUS"][events["EXPNO"] == 2].tolist()) == {INCOMPLETE}


def test_events_of_a_damaged_frame_are_kept_and_flagged() -> None:
    batch, frame, truth = a_run(ccds=(7,), n=6)
    block = frame_block(science_of(batch, frame, 160), FIRST, "ACIS")
    quality = block.quality.copy()
    quality[frame[4]] = Quality.BAD_CHECKSUM
    products, _ = extract([replace(block, quality=quality)])
    events = products[0].table("EVENTS")
    assert np.array_equal(events["EXPNO"], truth["expno"])
    assert set(events["STATUS"][events["EXPNO"] == 2].tolist()) == {SUSPECT_FRAME}
    assert not events["STATUS"][events["EXPNO"] != 2].any()


@pytest.mark.parametrize(
    ("word", "bit"), [(2, 9), (2, 31), (7, 0), (7, 4), (8, 24), (8, 3), (9, 2), (9, 20)], ids=lambda v: str(v)
)
def test_a_flipped_bit_in_an_exposure_record_moves_no_event_to_another_run_or_time(word: int, bit: int) -> None:
    batch, frame, truth = a_run(n=8)
    filled = fill_science(batch, frame, 160, FIRST)
    words = filled.data.view("<u4").copy().ravel()
    sync = np.flatnonzero(words == 0x736F4166)
    at = int(sync[13])  # the record of exposure 3 of the first processor
    assert (words[at + 1] & 0x3FF, words[at + 9], words[at + 7]) == (18, 3, 6)
    clock_between = [k for k in range(at, at + word + 1) if k % 192 == 0 and (FIRST + k // 192) % 8 == 0]
    words[at + word + len(clock_between)] ^= np.uint32(1 << bit)
    quality = np.zeros(160, np.uint8)
    quality[(at + word) // 192] = Quality.BAD_CHECKSUM
    block = frame_block(words.view(np.uint8).reshape(160, 768), FIRST, "ACIS")
    products, _ = extract([replace(block, quality=quality)])
    assert len(products) == 4
    for fep in (0, 1):
        mine = truth["fep"] == fep
        assert np.array_equal(rows_of(products, "ACIS_EVT0", fep, "EXPNO"), truth["expno"][mine])
        assert np.allclose(rows_of(products, "ACIS_EVT0", fep, "TIME"), truth["time"][mine], atol=1e-3, rtol=0)
    record = next(p for p in products if p.file_id == "ACIS_EXR0").table("EXPREC")
    assert record["STATUS"][3] & SUSPECT_FRAME


def test_two_runs_in_a_block_make_two_sets_of_products() -> None:
    first, frame, _ = a_run(n=5, run=1)
    second, frame2, truth = a_run("GRADED", (8,), n=5, run=2)
    # the second run begins 80 frames later; its clock readings belong to that time
    later = fill_science(second, frame2, 80, FIRST).data
    products, _ = extract(
        [frame_block(science_of(first, frame, 80), FIRST, "ACIS"), frame_block(later, FIRST + 80, "ACIS")]
    )
    kinds = [(p.file_id, p.fields["fep_id"], p.header["DETNAM"][0], p.header["RUN_ID"][0]) for p in products]
    assert kinds == [
        ("ACIS_EVT0", 0, "ACIS-67", 1),
        ("ACIS_EXR0", 0, "ACIS-67", 1),
        ("ACIS_EVT0", 1, "ACIS-67", 1),
        ("ACIS_EXR0", 1, "ACIS-67", 1),
        ("ACIS_EVT0", 0, "ACIS-8", 2),
        ("ACIS_EXR0", 0, "ACIS-8", 2),
    ]
    assert np.array_equal(products[4].tables[0]["PHA"], truth["values"]["eventAmplitude"][:, 0])


def test_a_gap_gives_faults_and_the_same_ones_from_the_check_alone() -> None:
    batch, frame, _ = a_run(n=20, per_exposure=200)
    block = frame_block(science_of(batch, frame, 400), FIRST, "ACIS")
    parts = [cut(block, np.r_[0:100, 103:400])]
    products, tables = extract(parts)
    checked = check_packets(Played(parts), chandra(), REQUEST)
    for name in checked.columns:
        assert checked[name].tolist() == tables["FAULTS"][name].tolist()
    assert set(checked["kind"].tolist()) == {"bad_packet", "sequence_gap"}
    assert set(checked["source"].tolist()) == {"acis"}
    lost = int(checked["count"][checked["kind"] == "sequence_gap"].sum())
    sent = sum(int(p.tables[0]["EVTSENT"].sum()) for p in products if p.file_id == "ACIS_EXR0")
    received = sum(p.rows for p in products if p.file_id == "ACIS_EVT0")
    assert 0 < lost < 6
    assert received <= sent < 20 * 2 * 200


def test_a_hot_pixel_is_a_finding() -> None:
    batch, frame, truth = a_run(ccds=(7,), n=40, per_exposure=3)
    rows = truth["values"]["ccdRow"][:, 0].copy()
    cols = truth["values"]["ccdColumn"][:, 0].copy()
    # an event in pixel (300, 511) of almost every exposure
    rows[::3], cols[::3] = 511, 300
    rows[0], cols[0] = 1, 1
    heights = {"pulseHeights": truth["values"]["pulseHeights"]}
    hot = encode_events("FAINT", 7, 0, rows, cols, heights, truth["expno"])
    batch = merge([hot, batch.select(np.arange(1, 80, 2))], [2 * hot.exposure, 2 * np.arange(40) + 1])
    _, tables = extract([frame_block(science_of(batch, frame), FIRST, "ACIS")])
    finding = tables["FINDINGS"]
    assert finding["name"].tolist() == ["ccd 7 pixel 301,512"]
    assert (finding["kind"][0], finding["severity"][0], finding["count"][0]) == ("hot_pixel", "yellow", 39)
    assert finding["tstart"][0] == pytest.approx(START + 1 + EXPOSURE, abs=1e-4)


def test_a_parameter_block_gives_its_identifier_and_its_ccds() -> None:
    bits = 0
    for offset, value in ((80, 0x00D50014), (112, 7), (116, 6), (136, 2), (140, 2), (149, 448), (159, 127)):
        bits |= value << offset
    for fep in range(2, 6):
        bits |= 10 << (112 + 4 * fep)
    words = np.frombuffer(bits.to_bytes(300, "little"), "<u4")
    other = np.frombuffer((bits ^ 1 << 80).to_bytes(300, "little"), "<u4")
    several = merge([encode_words(12, one) for one in (other, words)], [np.array([2]), np.array([3])])
    science = science_of(several, np.array([1, 3]), 16)
    (product,), _ = extract([frame_block(science, FIRST, "ACIS")])  # the last one of its second
    assert product.file_id == "ACIS_PBK0"
    header = {key: value[0] for key, value in product.header.items()}
    assert (header["PBLOCK"], header["DETNAM"], header["READMODE"]) == (0x00D50014, "ACIS-67", "TIMED")
    assert (header["FEP_MODE"], header["BEP_MODE"], header["STARTROW"], header["ROWCNT"]) == (2, 2, 448, 127)
    assert product.tables[0]["CCD_ID"].tolist() == [7, 6]
    assert product.tstart == pytest.approx(START + 3 * PERIOD)
    strange = np.frombuffer((bits | 13 << 124).to_bytes(300, "little"), "<u4")  # 15, of which there is none: it stays
    science = science_of(encode_words(12, strange), np.array([1]), 16)
    (product,), _ = extract([frame_block(science, FIRST, "ACIS")])
    assert (product.header["DETNAM"][0], product.tables[0]["CCD_ID"].tolist()) == ("ACIS-67", [7, 6, 15])


def test_frames_of_another_format_and_an_empty_playback_give_nothing() -> None:
    block = frame_block(np.zeros((20, 768), np.uint8), FIRST, "HRC")
    assert extract([block]) == ([], {})
    assert extract([]) == ([], {})

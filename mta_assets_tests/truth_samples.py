"""Engineering samples, camera images and attitude: what was put in, beside what stands in the products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments.geometry import angles_from_quaternion
from mta_assets.simulate import aca_stream, onboard
from mta_assets.simulate.engineering_encode import Encoder, counts_of
from mta_assets.telemetry.odb import Parameter
from mta_assets_tests.truth_events import unwrapped
from mta_assets_tests.truth_runs import Run, damaged, fits_columns, fits_tables, in_ranges, stretches, touches

Array = NDArray[Any]
ACA_FRAMES = {8: 16, 6: 8}  # image size → frames that carry one
SCALE, OFFSET = 32.0, 50.0  # IMGRAW = raw * IMGSCALE / 32 - 50
QUATERNION = ("AOATTQT1", "AOATTQT2", "AOATTQT3", "AOATTQT4")


def put_in(run: Run, playback: dict[str, Any]) -> dict[str, tuple[Array, Array, Array]]:
    """By MSID: counters of the frames that carry its samples, values before they were made counts, and counts."""
    plan = run.plan
    parts: dict[str, list[tuple[Array, Array, Array]]] = {name: [] for name in plan.dictionary.msids}
    for first, stop in stretches(run, playback):
        counter = np.arange(first, stop)
        times = plan.clock.time(counter)
        form = plan.schedule.telemetry_format(times)
        encoder = Encoder(plan.dictionary, counter, form, times, np.zeros((0, 0), np.uint8))
        for name, into in parts.items():
            values = np.asarray(plan.engineering.values(name, encoder.sample_times(name)))
            into.append((counter[encoder.samples(name)], values, np.asarray(counts_of(plan.dictionary[name], values))))
    return {name: tuple(map(np.concatenate, zip(*some, strict=True))) for name, some in parts.items()}  # type: ignore


def tables(run: Run, playback: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Array], dict[str, Array]]]:
    """Engineering products of a playback, blocks of a rate group joined: column names, values, raw counts."""
    for subsystem in run.plan.dictionary.subsystems:
        groups: dict[str, list[Any]] = {}
        for path in run.files(playback["number"], f"{subsystem}_ENG0"):
            groups.setdefault(path.name.split("_")[1], []).append(fits_tables(path))
        for files in groups.values():
            values = [tables[0] for tables in files]
            raw = [tables[1] if len(tables) > 1 else {} for tables in files]
            yield tuple(values[0]), _joined(values), _joined(raw)


def _joined(parts: list[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def compare_samples(run: Run, playback: dict[str, Any]) -> tuple[set[str], int]:
    """Compare all samples of a playback; returns the MSIDs and the number of samples that were compared."""
    expected = put_in(run, playback)
    plan = run.plan
    swapped = [(f["first"], f["last"]) for f in run.truth.faults if f["kind"] == "out_of_order"]
    seen: set[str] = set()
    compared = 0
    for names, values, raw in tables(run, playback):
        row = unwrapped(values["MJF"], values["MNF"], playback["first"])
        assert (np.diff(row) > 0).all(), names
        np.testing.assert_allclose(values["TIME"], plan.clock.time(row), atol=1e-5, rtol=0)
        for column, name in enumerate(names):
            if name not in expected:
                assert name in ("TIME", "MJF", "MNF", "TLM_FMT", "QUALITY"), name
                continue
            parameter = plan.dictionary[name]
            counter, value, counts = expected[name]
            start = counter // parameter.step * parameter.step
            kept = ~in_ranges(counter, damaged(playback))
            place = np.searchsorted(row, start)
            np.testing.assert_array_equal(row[place[kept]], start[kept], err_msg=name)
            where = place[kept]
            _equal(parameter, raw.get(name, values[name])[where], counts[kept])
            _within_a_count(parameter, values[name][where], value[kept], counts[kept])
            flagged = values["QUALITY"][:, column]
            bad = np.ones(len(row), bool)
            bad[where] = in_ranges(counter[kept], swapped)
            assert not (flagged & ~bad).any(), f"{name}: a good sample is flagged"
            bad[where] = False
            assert not (bad & ~flagged).any(), f"{name}: a sample that is not there is not flagged"
            seen.add(name)
            compared += len(where)
    return seen, compared


def _equal(parameter: Parameter, found: Array, counts: Array) -> None:
    """The very counts, the very bits of a floating-point number."""
    wanted = counts.astype(parameter.raw_dtype)
    np.testing.assert_array_equal(found.astype(wanted.dtype), wanted, err_msg=parameter.msid)


def _within_a_count(parameter: Parameter, found: Array, value: Array, counts: Array) -> None:
    """The engineering value is that which was put in, to the size of a count; a state is that of the count."""
    if not len(found):
        return
    if parameter.states:
        codes, place = np.unique(counts, return_inverse=True)
        names = np.array([parameter.states.get(code, "") for code in codes.tolist()])
        np.testing.assert_array_equal(np.char.strip(found), names[place], err_msg=parameter.msid)
    elif parameter.calibration is not None:
        near = [np.clip(counts + step, parameter.smallest, parameter.largest) for step in (-1, 0, 1)]
        low, middle, high = (parameter.convert(some)[0].astype(float) for some in near)
        count = np.maximum(np.abs(high - middle), np.abs(middle - low))
        rounding = 1e-6 * np.abs(middle)  # single precision
        held = (counts == parameter.smallest) | (counts == parameter.largest)
        off = np.abs(found.astype(float) - value.astype(float)) - count - rounding
        assert (off[~held] <= 0).all(), f"{parameter.msid}: {off[~held].max()} more than a count off"


def compare_images(run: Run, playback: dict[str, Any]) -> int:
    """Compare the images of all slots pixel for pixel; returns how many there were."""
    compared = 0
    pieces = [np.arange(first, stop) for first, stop in stretches(run, playback)]
    made = [aca_stream.images(run.plan.schedule, run.plan.clock, counter) for counter in pieces]
    found: dict[int, list[dict[str, Array]]] = {}
    for path in run.files(playback["number"], "ACA_IMG0"):
        columns, _ = fits_columns(path)
        found.setdefault(int(columns["IMGNUM1"][0]), []).append(columns)
    assert sorted(found) == list(range(8))
    for slot, parts in found.items():
        ours = _joined(parts)
        counter = unwrapped(ours["MJF"], ours["MNF"], playback["first"])
        mine = [next(image for image in images if image.slot == slot) for images in made]
        size = mine[0].size
        border = (8 - size) // 2
        names = ("counter", "row0", "col0", "scale", "raw")
        true = {name: np.concatenate([getattr(image, name) for image in mine]) for name in names}
        end = true["counter"] + ACA_FRAMES[size] - 1
        whole = ~touches(true["counter"], end, damaged(playback))
        good = ours["QUALITY"] == 0
        np.testing.assert_array_equal(counter[good], true["counter"][whole])
        assert (np.isin(counter[~good], true["counter"][~whole])).all()
        np.testing.assert_array_equal(ours["IMGROW0"][good], true["row0"][whole] - border)
        np.testing.assert_array_equal(ours["IMGCOL0"][good], true["col0"][whole] - border)
        np.testing.assert_array_equal(ours["IMGSCALE"][good], true["scale"][whole])
        raw = true["raw"][whole][:, border : 8 - border, border : 8 - border].astype(float)
        pixels = raw * true["scale"][whole][:, None, None] / SCALE - OFFSET
        if size == 6:
            pixels[:, ::5, ::5] = 0  # the corners are not telemetered
        np.testing.assert_array_equal(ours["IMGRAW"][good], pixels.astype(np.float32))
        compared += int(good.sum())
    return compared


def compare_attitude(run: Run, playback: dict[str, Any], arcsec: float) -> int:
    """Compare the on-board solution with what the computer estimated, to ``arcsec``; returns the number of samples."""
    (path,) = run.files(playback["number"], "OSOL")
    columns, _ = fits_columns(path)
    counter = np.concatenate([np.arange(first, stop) for first, stop in stretches(run, playback)])
    here = ~in_ranges(counter, damaged(playback))
    whole: set[int] | None = None  # periods of which all four parts came down
    for name in QUATERNION:
        parameter = run.plan.dictionary[name]
        carried = counter[here & np.isin(counter % 128, parameter.minor_frames)]
        periods = set((carried // parameter.step * parameter.step).tolist())
        whole = periods if whole is None else whole & periods
    start = np.array(sorted(whole or ()))
    np.testing.assert_allclose(columns["time"], run.plan.clock.time(start), atol=1e-5, rtol=0)
    truth = onboard.quaternion(run.plan.schedule, columns["time"])
    # q and -q are one attitude; their distance is half the angle between attitudes
    apart = np.min([np.linalg.norm(truth + sign * columns["q_att"], axis=1) for sign in (-1, 1)], axis=0)
    assert np.degrees(2 * apart).max() * 3600 < arcsec
    ra, dec, roll = angles_from_quaternion(truth)
    np.testing.assert_allclose(columns["dec"], dec, atol=arcsec / 3600)
    away = (columns["ra"] - ra + 180) % 360 - 180
    assert np.abs(away * np.cos(np.radians(dec))).max() < arcsec / 3600
    turned = (columns["roll"] - roll + 180) % 360 - 180
    assert np.abs(turned).max() < arcsec / 3600 / np.cos(np.radians(np.abs(dec).max()))
    return len(start)

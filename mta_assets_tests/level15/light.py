"""Event lists of grating observations whose truth is known: photons of the simulated sky, drawn as level 1 would."""

from __future__ import annotations

import numpy as np

from mta_assets.core.tables import Table
from mta_assets.instruments import geometry, geometry_sky, gratings
from mta_assets.simulate import attitude, optics, photons
from mta_assets.simulate.schedule import Dwell

TSTART = 8.0e8
COLUMNS = ("time", "chip_id", "x", "y", "energy", "ra", "dec", "tg_part", "tg_m")


def dwell(instrument: str, grating: str, obsid: int, ra: float, dec: float, roll: float = 123.0) -> Dwell:
    """An hour of an observation with the dither of the instrument."""
    sim_x, sim_z = geometry.AIM_POINTS[instrument]
    ccds = (4, 5, 6, 7, 8, 9) if instrument == "ACIS-S" else ()
    dither = (8.0, 8.0, 1000.0, 707.1) if ccds else (20.0, 20.0, 1087.0, 768.6)
    return Dwell(
        obsid, 0, TSTART, TSTART + 3600, instrument, grating, "FAINT", ccds, "", ra, dec, roll, sim_z, sim_x, *dither,
        "observation",
    )  # fmt: skip


def lines(where: Dwell, wavelengths: list[float], count: int, seed: int) -> dict[str, np.ndarray]:
    """Photons of lines [Å] of a point source at the target: so many each of order -1, +1 of each arm and of order 0."""
    rng = np.random.default_rng(seed)
    arms = optics.arms_of(where.grating, where.instrument)
    fates = [(arm.part, order) for arm in arms for order in (-1, 1)] + [(0, 0)]
    energy = np.repeat(gratings.HC / 1000 / np.array(wavelengths), count * len(fates))
    part, order = np.tile(np.repeat(np.array(fates, np.int8), count, axis=0), (len(wavelengths), 1)).T
    times = TSTART + 200 + rng.random(len(energy)) * 3200
    target = geometry.quaternion_from_angles(where.ra, where.dec, where.roll)
    still = geometry.sky_to_body([where.ra], [where.dec], target)
    offset = attitude.offset_quaternion(*attitude.dither(where, times))
    body = optics.blur(geometry.rotate(geometry.conjugate(offset), np.repeat(still, len(times), axis=0)), rng)
    begin, direction = optics.rays(body, energy, part, order, arms)
    chip, x, y = geometry.rays_to_chip(where.instrument, begin, direction, where.sim_x, where.sim_z, where.ccds or None)
    values = (times, chip, x, y, energy * 1000, times * 0 + where.ra, times * 0 + where.dec, part, order)
    return {name: column[chip >= 0] for name, column in zip(COLUMNS, values, strict=True)}


def sky_photons(where: Dwell, seconds: float, seed: int) -> dict[str, np.ndarray]:
    """Photons of the simulated sources of the observation's obsid."""
    found = photons.detected(where, TSTART + 200, TSTART + 200 + seconds, np.random.default_rng(seed))
    return {name: found[name] for name in COLUMNS}


def background(where: Dwell, count: int, seed: int) -> dict[str, np.ndarray]:
    """Events evenly over the chips, with any energy."""
    rng = np.random.default_rng(seed)
    known = list(where.ccds or geometry.chips(where.instrument))
    chip = rng.choice(known, count)
    size = np.array([geometry.chips(where.instrument)[number].size for number in known])
    across, up = (rng.random(count) * size[np.searchsorted(known, chip), axis] + 0.5 for axis in (0, 1))
    nowhere = np.full(count, -99, np.int8)
    times, energy = TSTART + 200 + rng.random(count) * 3200, 300 + rng.random(count) * 9700
    values = (times, chip, across, up, energy, *[np.full(count, np.nan)] * 2, nowhere, nowhere)
    return dict(zip(COLUMNS, values, strict=True))


def level1(
    where: Dwell, *parts: dict[str, np.ndarray], resolution: float = 0.03
) -> tuple[Table, dict[str, np.ndarray]]:
    """Event list as level 1 makes it, in order of time, and the photons in the same order.

    Energies are spread by a part of themselves; DET and sky are those of the middle of the pixel.
    """
    truth = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    order = np.argsort(truth["time"], kind="stable")
    truth = {name: column[order] for name, column in truth.items()}
    acis = where.instrument.startswith("ACIS")
    chipx, chipy = np.rint(truth["x"]), np.rint(truth["y"])
    detx, dety = np.zeros(len(chipx)), np.zeros(len(chipx))
    body = np.zeros((len(chipx), 3))
    for chip in np.unique(truth["chip_id"]).tolist():
        here = truth["chip_id"] == chip
        fc = geometry.chip_to_fc(where.instrument, chip, chipx[here], chipy[here], where.sim_x, where.sim_z)
        detx[here], dety[here] = geometry.fc_to_det(where.instrument, fc)
        body[here] = geometry.fc_to_body(fc)
    target = geometry.quaternion_from_angles(where.ra, where.dec, where.roll)
    q = geometry.multiply(target, attitude.offset_quaternion(*attitude.dither(where, truth["time"])))
    x, y = geometry_sky.sky_pixel(where.instrument, *geometry.body_to_sky(body, q), where.ra, where.dec)
    columns = {"time": truth["time"]}
    for name, values in (("chipx", chipx), ("chipy", chipy)):
        columns[name] = values.astype(np.int16)
    for name, values in (("detx", detx), ("dety", dety), ("x", x), ("y", y)):
        columns[name] = values.astype(np.float32 if acis else np.float64)
    columns["ccd_id" if acis else "chip_id"] = truth["chip_id"].astype(np.int16)
    if acis:
        spread = np.random.default_rng(99).standard_normal(len(x)) * resolution
        columns["energy"] = (truth["energy"] * (1 + spread)).astype(np.float32)
    return Table("EVENTS", columns, header(where)), truth


def clocked(where: Dwell, events: Table, seed: int = 5) -> Table:
    """The same event list in continuous clocking: DET and sky at the row of the target, any row in ``chipy``."""
    times, ccd = events["time"], events["ccd_id"]
    target = geometry.quaternion_from_angles(where.ra, where.dec, where.roll)
    q = geometry.multiply(target, attitude.offset_quaternion(*attitude.dither(where, times)))
    sky = geometry_sky.sky_maps(where.instrument, q, where.ra, where.dec)
    index, centre = np.arange(len(times)), np.full(len(times), 4096.5)
    place = geometry_sky.sky_to_det(where.instrument, sky, index, centre, centre)
    rows = np.zeros(len(times))
    for chip in np.unique(ccd).tolist():
        here = ccd == chip
        det = (place[0][here], place[1][here])
        rows[here] = geometry_sky.det_to_chip(where.instrument, chip, *det, where.sim_x, where.sim_z)[1]
    maps = geometry_sky.det_maps(where.instrument, where.sim_x, where.sim_z)
    detx, dety = geometry_sky.chip_to_det(where.instrument, maps, ccd, events["chipx"].astype(float), rows)
    x, y = geometry_sky.det_to_sky(where.instrument, sky, index, detx, dety)
    columns = {**events.columns, "chipy": np.random.default_rng(seed).integers(1, 513, len(times)).astype(np.int16)}
    columns |= {name: values.astype(np.float32) for name, values in zip(
        ("chipy_adj", "detx", "dety", "x", "y"), (rows, detx, dety, x, y), strict=True)}  # fmt: skip
    return Table("EVENTS", columns, {**events.header, "READMODE": "CONTINUOUS"})


def header(where: Dwell) -> dict[str, object]:
    """Keywords that level 1 gives."""
    return {
        "INSTRUME": "ACIS" if where.instrument.startswith("ACIS") else "HRC",
        "DETNAM": "ACIS-456789" if where.instrument.startswith("ACIS") else where.instrument,
        "GRATING": where.grating, "SIM_X": where.sim_x, "SIM_Z": where.sim_z, "ROLL_PNT": (where.roll, "[deg] roll"),
    }  # fmt: skip

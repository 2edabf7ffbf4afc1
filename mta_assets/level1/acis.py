"""ACIS level 1: level-0 events to calibrated events with places on the sky, block by block.

The steps are functions of their own (`acis_pulses`, `acis_gain`, `acis_position`, `acis_status`, `acis_clocking`,
`instruments.geometry_sky`); here they are put in order. A block is worked through in pieces that stay in the cache of
a core; memory does not depend on the number of events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Schema, Table, concatenate
from mta_assets.instruments import geometry_sky
from mta_assets.instruments.acis import NODE_COLUMNS, ROW_TIME, STORE_ROWS
from mta_assets.instruments.acis_tiled import chip_to_tdet
from mta_assets.level1 import acis_columns as bits
from mta_assets.level1 import acis_pulses
from mta_assets.level1.acis_clocking import arrivals, readout_times
from mta_assets.level1.acis_columns import bit_array, events
from mta_assets.level1.acis_gain import pi_of
from mta_assets.level1.acis_position import adjusted
from mta_assets.level1.acis_random import uniform
from mta_assets.level1.acis_setup import Calibration, Settings, header
from mta_assets.level1.acis_status import BadPixels, streaks
from mta_assets.level1.acis_tables import CHIPS, SIDE, Index

PIECE = 32768  # events whose arrays stay in the caches of a core
Columns = dict[str, NDArray[Any]]
# STATUS of level 0 (acis_columns there): 1 time estimated, 4 damaged frame; 2 is of the exposure, see ACIS_EXR0
FROM_LEVEL0 = np.array(
    [(bits.TIME_ESTIMATED if s & 1 else 0) | (bits.DAMAGED_FRAME if s & 4 else 0) for s in range(256)], np.uint32
)


def process_events(
    blocks: Iterable[Table],
    settings: Settings,
    calibration: Calibration,
    aspect: geometry_sky.Aspect | None,
    bad_pixels: BadPixels | None = None,
) -> Iterator[Table]:
    """Level-1 event tables of blocks of level-0 events, in order of time.

    Parameters
    ----------
    blocks
        Tables EVENTS of level 0 (TIME, EXPNO, CCD_ID, CCDX, CCDY or TROW, PHAS or PHA and FLTGRADE, STATUS), of one
        mode and one or more chips. Exposures that are cut between two blocks come out whole.
    settings, calibration
        See `acis_setup`.
    aspect
        Of the whole observation, ground or on-board; None: no sky coordinates (NaN).
    bad_pixels
        None: none are known.

    Returns
    -------
    Iterator[Table]
        Columns `acis_columns.events`. Nothing is left out: what is not known is NaN (or its null value), what is
        suspect has its STATUS bit.

    Raises
    ------
    BadData
        If a column is missing, or a table of the calibration that is needed.
    """
    return Level1(settings, calibration, aspect, bad_pixels).blocks(blocks)


def whole_exposures(blocks: Iterable[Table]) -> Iterator[Table]:
    """The same events in blocks that end with an exposure."""
    rest: Table | None = None
    for block in blocks:
        if not len(block):
            continue
        expno = block["EXPNO"]
        if rest is not None:
            head = int(np.argmax(expno != rest["EXPNO"][0])) if expno[-1] != rest["EXPNO"][0] else len(block)
            rest = concatenate([rest, block.rows(0, head)])
            if head == len(block):
                continue
            yield rest
            block, expno = block.rows(head, len(block)), expno[head:]
        last = len(block) - int(np.argmax(expno[::-1] != expno[-1])) if np.any(expno != expno[-1]) else 0
        if last:
            yield block.rows(0, last)
        rest = block.rows(last, len(block))
    if rest is not None:
        yield rest


class Level1:
    """What is the same for all blocks of an observation."""

    def __init__(
        self,
        settings: Settings,
        calibration: Calibration,
        aspect: geometry_sky.Aspect | None,
        bad_pixels: BadPixels | None,
    ) -> None:
        self.settings, self.calibration = settings, calibration
        self.aspect, self.bad_pixels = aspect, bad_pixels
        self._maps = geometry_sky.det_maps("ACIS", settings.sim_x, settings.sim_z)

    def blocks(self, level0: Iterable[Table]) -> Iterator[Table]:
        """See `process_events`."""
        done = 0
        for block in whole_exposures(level0):
            yield self.block(block, done)
            done += len(block)

    def block(self, level0: Table, first: int = 0) -> Table:
        """Level-1 events of a block whose first event is number ``first`` of its list."""
        schema = self._schema(level0)
        count = len(level0)
        given = self._given(level0)
        out: Columns = {c.name: np.empty((count, *c.shape), c.dtype) for c in schema.columns if c.name not in given}
        out |= given
        out["status"] = np.zeros((count, bits.STATUS_BITS), np.bool_)  # most events have none: rows are set, not all
        for start in range(0, count, PIECE):
            rows = slice(start, min(start + PIECE, count))
            piece = level0.rows(rows.start, rows.stop)
            made = self._piece(piece, first + start)
            status = made.pop("status")
            flagged = np.flatnonzero(status)
            out["status"][start + flagged] = bit_array(status[flagged])
            for name, column in made.items():
                out[name][rows] = column
        streak = streaks(out["ccd_id"], out["node_id"], out["chipy"], out["expno"])
        if streak.any():
            rows_hit = np.flatnonzero(streak)
            out["status"][rows_hit] |= bit_array(streak[rows_hit])
        ordered = {name: out[name] for name in schema.names}
        return Table("EVENTS", ordered, header(schema, self.settings, self.calibration), schema)

    def _given(self, level0: Table) -> Columns:
        """Columns that are those of level 0: not copied, no function changes a table."""
        given = {"expno": level0["EXPNO"].astype(np.int32, copy=False)}
        given["ccd_id"] = level0["CCD_ID"].astype(np.int16, copy=False)
        if "PHAS" in level0 and not self.settings.subtract_bias:
            given["phas"] = level0["PHAS"].astype(np.int16, copy=False)
        return given

    def _schema(self, level0: Table) -> Schema:
        clocked = "TROW" in level0
        if clocked != self.settings.clocked:
            raise BadData(
                f"events of {'continuous clocking' if clocked else 'timed exposures'}: settings say otherwise"
            )
        return events(level0["PHAS"].shape[1:] if "PHAS" in level0 else (), clocked)

    def _piece(self, level0: Table, first: int) -> Columns:
        """All columns of some events."""
        s = self.settings
        ccd_id, x = level0["CCD_ID"], level0["CCDX"] + np.int16(1)
        y = level0["TROW" if s.clocked else "CCDY"] + np.int16(1)
        chip, column, row = ccd_id.astype(np.intp), x.astype(np.intp), y.astype(np.intp)
        off = (chip < 0) | (chip >= CHIPS) | (column < 1) | (column > SIDE) | (row < 1) | (row > SIDE)
        status = np.take(FROM_LEVEL0, level0["STATUS"])
        if off.any():  # kept, but no table has a place for them
            status[off] |= np.uint32(bits.BAD_POSITION)
            chip[off], column[off], row[off] = CHIPS, np.clip(column[off], 1, SIDE), np.clip(row[off], 1, SIDE)
        out: Columns = {"chipx": x, "chipy": y}
        out["node_id"] = (x - np.int16(1)) // np.int16(NODE_COLUMNS)
        real_row: NDArray[Any] = row
        if s.clocked:
            out |= self._clocked(level0, chip, status)
            real_row = np.clip(np.nan_to_num(np.rint(out["chipy_adj"]), nan=512), 1, SIDE).astype(np.intp)
        else:
            out["time"] = level0["TIME"] + s.exptime / 2
        flight, pulses = self._pulses(level0, out, status, chip, column, real_row)
        self._energies(pulses, out, chip, column, real_row, first)
        out |= {"fltgrade": flight, "grade": acis_pulses.grades(flight)}
        self._places(out, chip, column, out.get("chipy_adj", row), flight, first)
        if self.bad_pixels is not None:
            status |= self.bad_pixels.status(chip, column, row, out["time"])
        out["status"] = status
        return out

    def _clocked(self, level0: Table, chip: NDArray[np.intp], status: NDArray[np.uint32]) -> Columns:
        """Time of readout, of arrival, and row of the target, chip by chip."""
        s = self.settings
        if self.aspect is None:
            raise BadData("continuous clocking: times of arrival need an aspect solution, ground or on-board")
        read_out = readout_times(level0["TIME"], level0["TROW"])
        time, place = np.empty(len(chip)), np.empty(len(chip))
        for ccd in np.unique(chip).tolist():
            rows = np.flatnonzero(chip == ccd)
            time[rows], place[rows] = arrivals(
                self.aspect, read_out[rows], min(ccd, CHIPS - 1), (s.sim_x, s.sim_z), (s.ra_nom, s.dec_nom),
                np.array([s.ra_targ, s.dec_targ]),
            )  # fmt: skip
        lost = np.isnan(time)
        time[lost] = read_out[lost] - (SIDE // 2 + STORE_ROWS) * ROW_TIME
        status[lost] |= np.uint32(bits.TIME_ESTIMATED)
        return {"time": time, "time_ro": read_out, "chipy_adj": place}

    def _pulses(
        self, level0: Table, out: Columns, status: NDArray[np.uint32], chip: Index, column: Index, row: Index
    ) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Flight grade and summed pulse height, corrected for charge transfer; ``phas``, ``pha_ro``, STATUS."""
        transfer = self.calibration.scale.charge_transfer
        if "PHAS" not in level0:  # graded on board
            total: NDArray[Any] = level0["PHA"].astype(np.int32)
            out["pha_ro"] = total
            if transfer is not None:
                total = transfer.correct_sum(total, chip, column, row)
            return level0["FLTGRADE"].astype(np.uint8), total
        phas = level0["PHAS"]
        if self.settings.subtract_bias:
            phas = out["phas"] = self._without_bias(level0, out, status)
        pulses = acis_pulses.planes(phas)
        flight = acis_pulses.flight_grade(pulses, self.settings.split)
        out["pha_ro"] = total = acis_pulses.summed(pulses, flight)
        status |= acis_pulses.pulse_status(pulses, total, self.settings.split)
        if self.settings.check_vf and phas.shape[1:] == (5, 5):
            status |= acis_pulses.rim_charge(phas, self.settings.split).astype(np.uint32) * np.uint32(
                bits.VF_BACKGROUND
            )
        corrected = transfer.correct(pulses, chip, column, row, self.settings.split) if transfer is not None else None
        if corrected is not None:
            flight = acis_pulses.flight_grade(corrected, self.settings.split)
            total = acis_pulses.summed(corrected, flight)
        return flight, total

    def _without_bias(self, level0: Table, out: Columns, status: NDArray[np.uint32]) -> NDArray[np.int16]:
        """Pulse heights less the bias maps of their chips."""
        phas, ccd_id = level0["PHAS"], level0["CCD_ID"]
        found = np.empty(phas.shape, np.int16)
        for ccd in np.unique(ccd_id).tolist():
            rows = np.flatnonzero(ccd_id == ccd)
            bias = self.calibration.bias.get(ccd)
            found[rows], why = acis_pulses.subtract_bias(phas[rows], out["chipx"][rows], out["chipy"][rows], bias)
            status[rows] |= why
        return found

    def _energies(self, total: NDArray[Any], out: Columns, chip: Index, column: Index, row: Index, first: int) -> None:
        """``pha``, ``energy`` and ``pi`` of summed pulse heights."""
        scale = self.calibration.scale
        pha = scale.pulse_heights(total, chip, column, row)
        whole = np.rint(pha)
        out["pha"] = whole.astype(np.int32)
        if self.settings.rand_pi > 0:
            width = np.float32(self.settings.rand_pi)
            pha = whole + width * (uniform(self.settings.seed, 0, first, len(pha)) - np.float32(0.5))
        out["energy"] = scale.energies(pha, chip, column, row)
        out["pi"] = pi_of(out["energy"])

    def _places(
        self, out: Columns, chip: Index, column: Index, row: NDArray[Any], flight: NDArray[np.uint8], first: int
    ) -> None:
        """TDET, DET and sky coordinates."""
        s = self.settings
        x, y = adjusted(s.pix_adj, column, row, chip, flight, out["energy"], self.calibration.subpixel, s.seed, first)
        if s.clocked:  # the row is the target's: nothing is known of where in it
            y = row.astype(np.float64)
        whole_row = np.rint(np.nan_to_num(row, nan=SIDE // 2)).astype(np.int16) if s.clocked else out["chipy"]
        out["tdetx"], out["tdety"] = chip_to_tdet(chip, out["chipx"], whole_row)
        moments, index = _moments(out["time"])
        offsets = None
        if self.aspect is not None:
            q, at_moments = geometry_sky.attitudes(self.aspect, moments)
            offsets = at_moments.at(index) if at_moments is not None else None
        detx, dety = geometry_sky.chip_to_det("ACIS", self._maps, chip, x, y, offsets)
        out["detx"], out["dety"] = detx, dety
        if self.aspect is None:
            out["x"] = out["y"] = np.full(len(detx), np.nan, np.float32)
            return
        maps = geometry_sky.sky_maps("ACIS", q, s.ra_nom, s.dec_nom)
        out["x"], out["y"] = geometry_sky.det_to_sky("ACIS", maps, index, detx, dety)


def _moments(time: NDArray[np.float64]) -> tuple[NDArray[np.float64], Index]:
    """Times that differ from the one before, and for each event the number of its own: exposures, mostly."""
    new = np.empty(len(time), np.bool_)
    new[:1] = True
    np.not_equal(time[1:], time[:-1], out=new[1:])
    return time[new], np.cumsum(new) - 1

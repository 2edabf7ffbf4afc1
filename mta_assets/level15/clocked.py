"""Grating coordinates in continuous clocking, where the row of an event is a time: from the column alone.

An event lies somewhere on its column. Light of an arm lies on the arm: where column and arm cross there is the row
(``chipy_tg``), so that ``tg_d`` is 0 and ``tg_r`` follows from the column; the zero order is at the row of the target
(``chipy_zo``). Both arms of the HETG cross every column, 1 degree apart at 10, and the CCD energy says which it was
(CIAO ahelp "tg_resolve_events", "observations in CC-mode": CHIPY is estimated from arm, order and wavelength).

An order m of the HEG has the place and the energy of order 2m of the MEG. Of orders that fit, the lowest is taken, the
one with more light: even orders of the MEG are weak (Proposers' Observatory Guide, section 8.1). That rule is ours;
the archive's is not public. Events that fit no order are of no arm, but those of the LETG, which has only one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import gratings_frames as frames
from mta_assets.instruments.acis import ROWS
from mta_assets.instruments.gratings import MAX_ORDER, NO_ORDER, NO_PART, ZERO_ORDER, Arm
from mta_assets.instruments.gratings_orders import Windows, sort_orders

Array = NDArray[Any]


def on_arm(
    chip: NDArray[np.intp], chipx: Array, zero: tuple[Array, Array], seen: frames.Planes, arm: Arm
) -> tuple[Array, Array]:
    """Tangent of ``tg_r`` and row (continuous) at which an arm crosses the columns of events.

    Parameters
    ----------
    chip, chipx
        Column of each event.
    zero
        Where the zero order is at the time of each event, FC y, z [mm].
    """
    cosine, sine = float(np.cos(np.radians(arm.angle))), float(np.sin(np.radians(arm.angle)))
    ends = []
    for row in (1.0, float(ROWS)):
        point = frames.chip_points(chip, chipx, np.full(len(chipx), row), seen)
        ends.append(frames.diffraction(*point, *zero, cosine, sine, arm.rowland))
    (along, across), (far, beyond) = ends
    share = across / (across - beyond)  # across the dispersion a column is straight to 1e-5 pixels
    return along + share * (far - along), 1.0 + share * (ROWS - 1.0)


def resolve(
    block: dict[str, Array],
    zero: NDArray[np.bool_],
    focus: tuple[Array, Array],
    arms: Sequence[Arm],
    reach: float,
    seen: frames.Planes,
    limits: Windows,
) -> dict[str, Array]:
    """Columns of a block of events of one source.

    Parameters
    ----------
    block
        chip, chipx, chipy_adj [pixel], energy [eV].
    zero
        Events of the zero order.
    focus
        Zero order at the time of each event, FC y, z [mm].
    reach
        Greatest ``tg_r`` [deg] of the arms.

    Returns
    -------
    dict
        tg_r, tg_d [deg], tg_mlam [Å], tg_m, tg_part, chipy_tg [pixel], and ``inside``: whether the event could be of
        the source at all.
    """
    count = len(zero)
    out: dict[str, Array] = {name: np.zeros(count) for name in ("tg_r", "tg_d", "tg_mlam")}
    out |= {"tg_m": np.full(count, NO_ORDER), "tg_part": np.full(count, NO_PART), "chipy_tg": np.full(count, np.nan)}
    chipx, energy = (block[name].astype(np.float64) for name in ("chipx", "energy"))
    inside, lowest = zero.copy(), np.full(count, MAX_ORDER + 1)
    for arm in arms:
        along, row = on_arm(block["chip"], chipx, focus, seen, arm)
        angle = np.degrees(frames.small_arctan(along))
        wavelength = arm.period * along / np.sqrt(1 + along * along)
        there = ~zero & (np.abs(angle) <= reach) & (row >= 0.5) & (row < ROWS + 0.5)
        order = sort_orders(energy, wavelength, block["chip"], chipx, np.clip(row, 1, ROWS), limits)
        order[~there] = NO_ORDER
        inside |= there
        better = (order != NO_ORDER) & (np.abs(order) < lowest)
        lowest[better] = np.abs(order[better])
        mine = better | (there if len(arms) == 1 else False)
        for name, values in (("tg_r", angle), ("tg_mlam", wavelength), ("tg_m", order), ("chipy_tg", row)):
            out[name][mine] = values[mine]
        out["tg_part"][mine] = arm.part
        if arm is arms[-1]:  # the archive's angles of the zero order are the MEG's
            out["tg_r"][zero] = angle[zero]
    out["tg_m"][zero], out["tg_part"][zero] = 0, ZERO_ORDER
    out["chipy_tg"][zero] = block["chipy_adj"][zero]
    return {**out, "inside": inside}

"""How gratings spectra are extracted: orders, bins and regions of each arm, as in the archive's pha2 files."""

from __future__ import annotations

from dataclasses import dataclass

from mta_assets.instruments.gratings import HEG, LEG, MEG

SHORTEST = 1.0  # [Å] of the first order: where the bins begin


@dataclass(frozen=True)
class Layout:
    """How the spectra of one arm are extracted.

    Parameters
    ----------
    part
        tg_part.
    orders
        One spectrum each.
    bins, width
        Number and width [Å] of the first order's bins; those of order m are narrower by m.
    wavelength
        Nodes [Å] of the regions' edges, ascending.
    source
        Half width of the source region at the nodes [deg of tg_d].
    near, far
        The background regions lie from near to far [deg], above and below.
    backscale
        Their width over the source region's, as the archive states it.
    """

    part: int
    orders: tuple[int, ...]
    bins: int
    width: float
    wavelength: tuple[float, ...]
    source: tuple[float, ...]
    near: tuple[float, ...]
    far: tuple[float, ...]
    backscale: float

    @property
    def is_box(self) -> bool:
        return len(self.wavelength) == 0


_HALF, _FAR = 6.6388885e-4, 6.0000e-3  # [deg] source and background regions of the HETG: REGION table of 14392
_ORDERS = (-3, -2, -1, 1, 2, 3)
_HETG = (
    Layout(HEG, _ORDERS, 8192, 0.0025, (), (_HALF,), (_HALF,), (_FAR,), (_FAR - _HALF) / (2 * _HALF)),
    Layout(MEG, _ORDERS, 8192, 0.005, (), (_HALF,), (_HALF,), (_FAR,), (_FAR - _HALF) / (2 * _HALF)),
)
LAYOUTS = {
    ("HETG", "ACIS"): _HETG,
    ("HETG", "HRC-I"): _HETG,
    ("HETG", "HRC-S"): _HETG,
    # regions of letgD1999-07-22regN0002 as the REGION table of 24781 lists them
    ("LETG", "HRC-S"): (
        Layout(LEG, (-1, 1), 16384, 0.0125, (1.0000082, 51.669857, 199.7975), (5.31e-4, 5.31e-4, 2.114e-3),
               (2e-3, 2e-3, 2e-3), (7.31e-3, 7.31e-3, 2.314e-2), 5.0),
    ),
    ("LETG", "HRC-I"): (Layout(LEG, (-1, 1), 16384, 0.0125, (), (8e-4,), (8e-4,), (6e-3,), 3.25),),
    ("LETG", "ACIS"): (Layout(LEG, _ORDERS, 8192, 0.0125, (), (8e-4,), (8e-4,), (6e-3,), 3.25),),
}  # fmt: skip

"""Spectra of gratings: PHA type II in OGIP form, as the archive's pha2 files have them.

One row for each source, arm and order: counts over wavelength in the source region, in the background regions above
and below it, Gehrels errors (1 + sqrt(N + 3/4), Gehrels 1986), bin edges in Å by falling wavelength. Bins, order
lists, regions and columns are those of the archive's files (tgextract's defaults; checked against pha2 files of 14392
and 24781), with the OGIP memos 92-007 and 92-007a for the keywords. The files of LETG with ACIS are not at hand:
their bins are those of the HRC's, half as many, and their regions are ours. An arm lies on many chips: EXPOSURE is
the mean of theirs, as in the archive's file of 14392 to the last digit; LIVETIME that of the chip at the aim point.

Counting streams: a block of events adds to arrays of the spectra's size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.headers import keyword, required
from mta_assets.core.tables import Column, Header, Product, Schema, Table
from mta_assets.level2.columns import blocks, identity, processing
from mta_assets.level2.grating_layouts import LAYOUTS, SHORTEST, Layout

Array = NDArray[np.float64]

KINDS = ("COUNTS", "BACKGROUND_UP", "BACKGROUND_DOWN")


class Spectra:
    """Counts of all spectra of an observation, to which blocks of events are added.

    Parameters
    ----------
    grating, detector
        ``HETG`` or ``LETG``; ``ACIS``, ``HRC-I`` or ``HRC-S``.
    sources
        Number and zero order [sky pixel] of each source.

    Raises
    ------
    BadData
        If there is no such grating or no source.
    """

    def __init__(self, grating: str, detector: str, sources: Iterable[tuple[int, float, float]]) -> None:
        if (grating, detector) not in LAYOUTS:
            raise BadData(f"no spectra are made of grating {grating!r} with detector {detector!r}")
        self.layouts = LAYOUTS[grating, detector]
        self.sources = tuple(sources)
        if not self.sources:
            raise BadData("no source: grating spectra need the zero order of one")
        self.rows = [
            (source, layout, order) for source in self.sources for layout in self.layouts for order in layout.orders
        ]
        self.bins = self.layouts[0].bins
        self.counts = np.zeros((len(KINDS), len(self.rows), self.bins), np.int64)

    def add(self, events: Table) -> None:
        """Count the events of a block with columns tg_part, tg_m, tg_srcid, tg_lam [Å] and tg_d [deg]."""
        parts, orders, numbers = (events[name] for name in ("tg_part", "tg_m", "tg_srcid"))
        for row, (source, layout, order) in enumerate(self.rows):
            mine = np.flatnonzero((orders == order) & (parts == layout.part) & (numbers == source[0]))
            wavelength, across = events["tg_lam"][mine].astype(float), events["tg_d"][mine].astype(float)
            bin_ = np.floor((wavelength * abs(order) - SHORTEST) / layout.width)
            fits = (bin_ >= 0) & (bin_ < layout.bins)
            place = np.where(fits, layout.bins - 1 - bin_, 0).astype(np.intp)
            for kind, inside in enumerate(_regions(layout, wavelength, across)):
                self.counts[kind, row] += np.bincount(place[fits & inside], minlength=layout.bins)

    def tables(self, header: Header | None = None) -> tuple[Table, Table]:
        """The tables SPECTRUM and REGION of a pha2 file; ``header`` adds to the keywords of both."""
        common = dict(header or {})
        return _spectrum(self, common), _region(self, common)


def grating_spectra(
    parts: Iterable[Table], grating: str, detector: str, sources: Iterable[tuple[int, float, float]], header: Header
) -> tuple[Table, Table]:
    """SPECTRUM and REGION tables of the events of an observation, block by block."""
    spectra = Spectra(grating, detector, sources)
    for events in parts:
        spectra.add(events)
    return spectra.tables(header)


def spectra_of(evt2: Product, file_id: str) -> Product:
    """The pha2 product of a level-2 event product with grating coordinates and a REGION table.

    Raises
    ------
    NothingToDo
        If no grating was in the beam.
    BadData
        If the zero orders or a column are missing.
    """
    events = evt2.table("EVENTS")
    header = {**evt2.header, **events.header}
    grating = str(keyword(header, "GRATING", "NONE")).strip().upper()
    if grating in ("NONE", ""):
        raise NothingToDo(f"{file_id}: no grating was in the beam (GRATING = NONE)")
    acis = str(keyword(header, "INSTRUME", "")).strip() == "ACIS"
    region = evt2.table("REGION")
    circles = np.flatnonzero(np.char.lower(np.char.strip(region["SHAPE"].astype(str))) == "circle")
    sources = [(int(region["SOURCE"][row]), float(region["X"][row]), float(region["Y"][row])) for row in circles]
    detector = "ACIS" if acis else str(keyword(header, "DETNAM", "")).strip()
    common = {**identity(header), **processing(header), **_mean_exposure(header, evt2.file_id)}
    tables = grating_spectra(blocks(events), grating, detector, sources, common)
    return Product(file_id, tables, evt2.tstart, evt2.tstop, identity(header))


def _mean_exposure(header: Header, what: str) -> Header:
    """EXPOSURE [s] where there is one of each chip: their mean."""
    chips = [required(header, name, what) for name in header if re.fullmatch(r"EXPOSUR\d", name)]
    return {"EXPOSURE": (sum(chips) / len(chips), "[s] mean of the chips' exposure times")} if chips else {}


def _regions(layout: Layout, wavelength: Array, across: Array) -> tuple[NDArray[np.bool_], ...]:
    """Which events lie in the source region, in the background above and in that below."""
    if layout.is_box:
        source, near, far = (np.full(len(wavelength), edge[0]) for edge in (layout.source, layout.near, layout.far))
        covered = np.ones(len(wavelength), bool)
    else:
        nodes = layout.wavelength
        source, near, far = (np.interp(wavelength, nodes, edge) for edge in (layout.source, layout.near, layout.far))
        covered = (wavelength >= nodes[0]) & (wavelength <= nodes[-1])
    distance = np.abs(across)
    about = covered & (distance > near) & (distance <= far)
    return covered & (distance <= source), about & (across > 0), about & (across < 0)


def bin_edges(layout: Layout, order: int) -> tuple[Array, Array]:
    """Lower and upper edges [Å] of the bins of an order, by falling wavelength."""
    edges = (SHORTEST + layout.width * np.arange(layout.bins, -1, -1)) / abs(order)
    return edges[1:], edges[:-1]


def gehrels(counts: NDArray[np.integer]) -> Array:
    """Upper one-sigma error of Poisson counts (Gehrels 1986, ApJ 303, 336, equation 7)."""
    return 1 + np.sqrt(counts + 0.75)


def _schema(bins: int, kind: str) -> Schema:
    return Schema(
        "SPECTRUM",
        (
            Column("SPEC_NUM", "i2", "", "spectrum number", limits=(1, None), null=0),
            Column("TG_M", "i2", "", "diffraction order (m)", limits=(-62, 62), null=99),
            Column("TG_PART", "i2", "", "1 HEG, 2 MEG, 3 LEG", limits=(0, 99)),
            Column("TG_SRCID", "i2", "", "source number", limits=(1, None), null=0),
            Column("X", "f4", "pixel", "sky x of the source", limits=(0.5, 65534.5)),
            Column("Y", "f4", "pixel", "sky y of the source", limits=(0.5, 65534.5)),
            Column("CHANNEL", "i2", "", "numbers of the bins", (bins,), limits=(1, None), null=0),
            Column("COUNTS", kind, "count", "the spectrum", (bins,), limits=(0, None), null=-1),
            Column("STAT_ERR", "f4", "count", "its statistical error", (bins,), limits=(0.0, None)),
            Column("BACKGROUND_UP", kind, "count", "background above", (bins,), limits=(0, None), null=-1),
            Column("BACKGROUND_DOWN", kind, "count", "background below", (bins,), limits=(0, None), null=-1),
            Column("BIN_LO", "f8", "angstrom", "left edges of the bins", (bins,), limits=(0.0, 400.0)),
            Column("BIN_HI", "f8", "angstrom", "right edges of the bins", (bins,), limits=(0.0, 400.0)),
        ),
        "spectra",
    )


def _spectrum(spectra: Spectra, common: Header) -> Table:
    rows, count = spectra.rows, len(spectra.rows)
    edges = [bin_edges(layout, order) for _, layout, order in rows]
    columns = {
        "SPEC_NUM": np.arange(1, count + 1),
        "TG_M": np.array([order for _, _, order in rows]),
        "TG_PART": np.array([layout.part for _, layout, _ in rows]),
        "TG_SRCID": np.array([source[0] for source, _, _ in rows]),
        "X": np.array([source[1] for source, _, _ in rows]),
        "Y": np.array([source[2] for source, _, _ in rows]),
        "CHANNEL": np.tile(np.arange(1, spectra.bins + 1), (count, 1)),
        **{name: spectra.counts[kind] for kind, name in enumerate(KINDS)},
        "STAT_ERR": gehrels(spectra.counts[0]),
        "BIN_LO": np.array([low for low, _ in edges]),
        "BIN_HI": np.array([high for _, high in edges]),
    }
    # 16 bits as in the archive, unless a bin holds more
    kind = "i2" if spectra.counts.max() <= np.iinfo(np.int16).max else "i4"
    scale = spectra.layouts[0].backscale
    header: Header = {
        **common,
        "CONTENT": ("SPECTRUM", "spectra"),
        "HDUCLASS": ("OGIP", "format"),
        "HDUCLAS1": ("SPECTRUM", "kind of table"),
        "HDUCLAS2": ("TOTAL", "source and background"),
        "HDUCLAS3": ("COUNT", "counts, not rates"),
        "HDUCLAS4": ("TYPE:II", "a spectrum a row"),
        "HDUCLAS5": ("TG", "of transmission gratings"),
        "HDUVERS": ("1.0.0", "version"),
        "HDUVERS1": ("1.0.0", "version"),
        "BACKSCAL": (1.0, "width of the source region"),
        "BACKSCUP": (scale, "width of the background above, in source regions"),
        "BACKSCDN": (scale, "width of the background below, in source regions"),
        "DETCHANS": (spectra.bins, "number of channels"),
        **{name: ("none", f"{what} file") for name, what in _FILES.items()},
        "AREASCAL": (1.0, "area scaling factor"),
        "CORRSCAL": (1.0, "correction scale factor"),
        "CHANTYPE": ("PI", "channels are wavelengths"),
        "POISSERR": (False, "errors are in STAT_ERR"),
        "QUALITY": (0, "all channels are good"),
        "GROUPING": (0, "channels are not grouped"),
    }
    return _schema(spectra.bins, kind).build(columns, header)


_FILES = {"BACKFILE": "background", "CORRFILE": "correction", "RESPFILE": "response", "ANCRFILE": "effective area"}


def _region(spectra: Spectra, common: Header) -> Table:
    """Regions in wavelength and tg_d: boxes, or polygons as the CALDB has them."""
    corners = max(2 * len(layout.wavelength) + 1 for layout in spectra.layouts)
    names = ("SOURCE", "BACKGROUND_UP", "BACKGROUND_DOWN")
    rows = [
        (number, name, source[0], layout, order)
        for number, (source, layout, order) in enumerate(spectra.rows, start=1)
        for name in names
    ]
    shapes = [_shape(name, layout, order) for _, name, _, layout, order in rows]
    vector = (corners,) if corners > 1 else ()
    schema = Schema(
        "REGION",
        (
            Column("SPEC_NUM", "i2", "", "spectrum number"),
            Column("ROWID", "U64", "", "source or background"),
            Column("SHAPE", "U16", "", "shape of the region"),
            Column("TG_LAM", "f4", "angstrom", "its centre or corners, wavelength", vector),
            Column("TG_D", "f4", "deg", "its centre or corners, cross-dispersion angle", vector),
            Column("R", "f4", "", "length [angstrom] and width [deg]", (2,)),
            Column("ROTANG", "f4", "deg", "rotation", limits=(-360.0, 360.0)),
            Column("TG_PART", "i2", "", "1 HEG, 2 MEG, 3 LEG", limits=(0, 9)),
            Column("TG_SRCID", "i2", "", "source number"),
            Column("TG_M", "i2", "", "diffraction order", limits=(-62, 62)),
            Column("COMPONENT", "i2", "", "number of the region"),
        ),
        "extraction regions",
    )
    columns = {
        "SPEC_NUM": np.array([row[0] for row in rows]),
        "ROWID": np.array([row[1] for row in rows], "U64"),
        "SHAPE": np.array(["polygon" if vector else "box"] * len(rows), "U16"),
        "TG_LAM": np.array([shape[0] for shape in shapes]).reshape(len(rows), *vector),
        "TG_D": np.array([shape[1] for shape in shapes]).reshape(len(rows), *vector),
        "R": np.array([shape[2] for shape in shapes]),
        "ROTANG": np.zeros(len(rows)),
        "TG_PART": np.array([row[3].part for row in rows]),
        "TG_SRCID": np.array([row[2] for row in rows]),
        "TG_M": np.array([row[4] for row in rows]),
        "COMPONENT": np.arange(1, len(rows) + 1),
    }
    header: Header = {
        **common,
        "CONTENT": ("TGMASK2", "extraction regions"),
        "HDUCLASS": ("OGIP", "format"),
        "HDUCLAS1": ("REGION", "kind of table"),
        "HDUCLAS2": ("TG", "of transmission gratings"),
        "MTYPE1": ("WAVPOS", "coordinate pair"),
        "MFORM1": ("TG_LAM,TG_D", "[angstrom, deg]"),
    }
    return schema.build(columns, header)


def _shape(name: str, layout: Layout, order: int) -> tuple[list[float], list[float], tuple[float, float]]:
    """Wavelengths, angles and size of one region."""
    sign = {"SOURCE": 0, "BACKGROUND_UP": 1, "BACKGROUND_DOWN": -1}[name]
    if layout.is_box:
        length = layout.bins * layout.width / abs(order)
        middle = SHORTEST / abs(order) + length / 2
        low, high = (-layout.source[0], layout.source[0]) if sign == 0 else (layout.near[0], layout.far[0])
        return [middle], [(low + high) / 2 * (sign or 1)], (length, high - low)
    there = [*layout.wavelength, *reversed(layout.wavelength), layout.wavelength[0]]
    outer = layout.source if sign == 0 else layout.far
    inner = tuple(-half for half in layout.source) if sign == 0 else layout.near
    angles = [*outer, *reversed(inner), outer[0]]
    return there, [angle * (sign or 1) for angle in angles], (0.0, 0.0)

"""Images of the sky (img2): the whole field in large bins and its centre in sky pixels, from level-2 events.

As the archive makes them (CIAO Data Products Guide, "Images"): the centre is 1024 x 1024 sky pixels about the target,
the field has bins of 8 pixels for ACIS and of 32 for the HRC and reaches as far as the events do. The keywords are
those of the real images of HRC 22772 and 62650, whose centre is 1 to 1.5 pixels beside the target; ours is the pixel
of the target.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.headers import keyword, required
from mta_assets.core.tables import Array, Header, Image, Product, Table, image
from mta_assets.level2.columns import blocks, column, identity, processing, spelling
from mta_assets.level2.skygrid import Grid, SkyPlane, grid_of, image_keywords, on_plane, sky_plane

CENTRE = 1024  # [sky pixel] side of the image of the centre
BINS = {"ACIS": 8.0, "HRC": 32.0}  # [sky pixel] bins of the image of the field
COORDINATES = tuple(f"ACSYS{number}" for number in range(1, 7))  # names of the systems of coordinates


def images_of(evt2: Product, file_id: str, energy: tuple[float, float] | None = None) -> tuple[Product, Product]:
    """Image of the field and of its centre, ``part`` ``full`` and ``cntr``.

    Parameters
    ----------
    evt2
        EVENTS with sky coordinates and their keywords, and GTI tables, which the images carry on.
    energy
        Least and greatest energy [eV] of the events that are counted; all if None, as in the archive's images.

    Raises
    ------
    BadData
        If there are no events, or a keyword of the coordinates is missing.
    """
    events = evt2.table("EVENTS")
    plane = sky_plane(events)
    binning = BINS["ACIS" if spelling(events, "CCD_ID") is not None else "HRC"]
    grids = {
        "full": ("LORESIMG", grid_of(_places(events), binning)),
        "cntr": ("HIRESIMG", centre_grid(events.header, plane)),
    }
    times = tuple(table for table in evt2.tables if table.name.startswith("GTI"))
    made = []
    for part, (content, grid) in grids.items():
        header = {**_keywords(events, content, energy), **image_keywords(plane, grid)}
        pixels = counts(events, grid, energy)
        made.append(Product(file_id, (image("IMAGE", pixels, header), *times), evt2.tstart, evt2.tstop,
                            identity(events.header), {"part": part}))  # fmt: skip
    return made[0], made[1]


def _places(events: Table) -> Iterator[tuple[Array, Array]]:
    """Sky coordinates that are pixels of the sky plane: an event far off does not make the image a large one."""
    for block in blocks(events):
        near = on_plane(block)
        yield column(block, "X")[near], column(block, "Y")[near]


def centre_grid(header: Header, plane: SkyPlane) -> Grid:
    """Sky pixels about the target, or about the pointing where no target is stated."""
    names = ("RA_TARG", "DEC_TARG") if keyword(header, "RA_TARG") is not None else ("RA_PNT", "DEC_PNT")
    x, y = plane.pixel(*(required(header, name, "centre of the image") for name in names))
    if not (np.isfinite(x) and np.isfinite(y)):
        raise BadData(f"centre of the image: {names[0]}, {names[1]} lie on the other half of the sky")
    return Grid(round(float(x)) - CENTRE / 2 + 0.5, round(float(y)) - CENTRE / 2 + 0.5, (CENTRE, CENTRE))


def counts(events: Table, grid: Grid, energy: tuple[float, float] | None = None) -> NDArray[np.int32]:
    """Events of each bin of a grid, a block of them at a time."""
    found = grid.empty()
    for block in blocks(events):
        x, y = column(block, "X"), column(block, "Y")
        if energy is not None:
            value = column(block, "ENERGY")
            inside = (value >= energy[0]) & (value < energy[1])
            x, y = x[inside], y[inside]
        found = grid.add(found, x, y)
    return found


def _keywords(events: Table, content: str, energy: tuple[float, float] | None) -> Header:
    found: Header = {
        "CONTENT": (content, "what data product"),
        "HDUCLASS": ("OGIP", "format"),
        "HDUCLAS1": ("IMAGE", "kind of data"),
        "HDUCLAS2": ("TOTAL", "source and background"),
        "BUNIT": ("count", "unit of the pixels"),
    }
    found |= processing(events.header) | {name: events.header[name] for name in COORDINATES if name in events.header}
    if energy is not None:
        found |= {"EMIN": (float(energy[0]), "[eV] least energy"), "EMAX": (float(energy[1]), "[eV] greatest energy")}
    return found


def preview(products: tuple[Product, Product], title: str) -> bytes:
    """PNG of the field and its centre side by side, counts in a steep scale, arcminutes from the tangent point."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from mta_assets.core.png import small_png

    figure = Figure(figsize=(9.6, 4.8), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    for axes, product, words in zip(figure.subplots(1, 2), products, ("field", "centre"), strict=True):
        picture = product.tables[0]
        assert isinstance(picture, Image)
        pixels, step = _coarse(picture.pixels)
        x, y, size = (float(keyword(picture.header, name)) for name in ("CRPIX1", "CRPIX2", "CDELT2"))
        rows, columns = pixels.shape
        size *= 60  # [arcmin]
        west, east = (x - 0.5) * size, (x - 0.5 - columns * step) * size
        edges = (west, east, (0.5 - y) * size, (rows * step + 0.5 - y) * size)
        axes.imshow(np.arcsinh(pixels), origin="lower", extent=edges, cmap="afmhot", interpolation="nearest")
        axes.set_title(f"{words}: {int(picture.pixels.sum())} events", fontsize=9)
        axes.set_xlabel("east [arcmin]", fontsize=8)
        axes.tick_params(labelsize=7)
    figure.suptitle(title, fontsize=11, weight="bold")
    canvas.draw()
    return small_png(np.asarray(canvas.buffer_rgba()))


def _coarse(pixels: NDArray[np.int32], most: int = 350) -> tuple[NDArray[np.int64], int]:
    """Sums of squares of pixels, so that no more than so many are left on a side; and the side of a square."""
    step = -(-max(pixels.shape) // most)
    rows, columns = (-(-n // step) for n in pixels.shape)
    padded = np.zeros((rows * step, columns * step), np.int64)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    return padded.reshape(rows, step, columns, step).sum(axis=(1, 3)), step

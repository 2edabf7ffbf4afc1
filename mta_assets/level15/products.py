"""Level 1.5 of an observation from its products: the steps that a pipeline names.

evt1 → zero orders (src1a) → regions of the arms (reg1a) → events with grating coordinates (evt1a).
"""

from __future__ import annotations

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.headers import keyword
from mta_assets.core.spool import spooled
from mta_assets.core.tables import Header, Product, Table
from mta_assets.instruments.geometry_sky import sky_pixel
from mta_assets.instruments.gratings import arms
from mta_assets.level15.gratings import resolve, resolve_events
from mta_assets.level15.regions import region_table, regions_from_table, source_region
from mta_assets.level15.setup import Position, detector_name, setup
from mta_assets.level15.zero_order import ZeroOrder, find_zero_order, zero_order_table


def zero_orders(evt1: Product, file_id: str, zero_order: tuple[float, float] | None = None) -> Product:
    """The zero order of the target, found, or given by hand.

    Parameters
    ----------
    evt1
        Level-1 (or 2) events with RA_TARG, DEC_TARG, RA_NOM, DEC_NOM and ROLL_PNT.
    zero_order
        Sky pixel of the zero order, where it can not be found.

    Raises
    ------
    NothingToDo
        If no grating was in the beam.
    BadData
        If there is no zero order: a finding; the message says what to do.
    """
    events, header = _events(evt1)
    grating, detector = _grating(header), detector_name(header)
    if zero_order is not None:
        found = ZeroOrder(float(zero_order[0]), float(zero_order[1]), 0.0, 0.0, 0.0, ("given",), False)
    else:
        target = (_number(header, f"{axis}_TARG", evt1) for axis in ("RA", "DEC"))
        nominal = (_number(header, f"{axis}_NOM", evt1) for axis in ("RA", "DEC"))
        x, y = sky_pixel(detector, *target, *nominal)
        roll = _number(header, "ROLL_PNT", evt1)
        try:
            clocked = str(keyword(header, "READMODE", "")).startswith("CONT")
            found = find_zero_order(events, arms(grating, detector), detector, roll, (float(x), float(y)), clocked)
        except BadData as why:
            raise BadData(f"{file_id} from {evt1.file_id}: {why}") from None
    return Product(file_id, (zero_order_table([found]),), evt1.tstart, evt1.tstop, _observation(evt1))


def region_mask(zero_orders: Product, evt1: Product, file_id: str) -> Product:
    """Regions of the sources whose zero orders are given (reg1a)."""
    _, header = _events(evt1)
    grating, detector, table = _grating(header), detector_name(header), zero_orders.tables[0]
    roll = _number(header, "ROLL_PNT", evt1)
    places = zip(table["X"].tolist(), table["Y"].tolist(), table["COMPONENT"].tolist(), strict=True)
    made = [source_region(x, y, grating, detector, roll, number) for x, y, number in places]
    return Product(file_id, (region_table(made, grating),), evt1.tstart, evt1.tstop, _observation(evt1))


def grating_events(
    evt1: Product, regions: Product, file_id: str, osip: Table | None = None, position: Position = "chip"
) -> Product:
    """Events with grating coordinates (evt1a): EVENTS, the other tables of the events, REGION.

    Parameters
    ----------
    evt1
        Level-1 events and their good times.
    regions
        A product with a table REGION.
    osip
        Order-sorting windows of the CALDB; ours if None.
    position
        See `mta_assets.level15.gratings`.
    """
    events, header = _events(evt1)
    table = regions.table("REGION")
    given = setup(header, regions_from_table(table), osip, position)
    made = spooled(resolve(events.blocks(), given), resolve_events(events.rows(0, 0), given))
    made = made.with_header({"OSIPFILE": ("given" if osip is not None else "mta_assets", "order-sorting windows")})
    others = tuple(one for one in evt1.tables if one.name not in ("EVENTS", "REGION"))
    common = {**evt1.header, "CONTENT": made.header["CONTENT"]}
    return Product(file_id, (made, *others, table), evt1.tstart, evt1.tstop, common, dict(evt1.fields))


def _events(product: Product) -> tuple[Table, Header]:
    """EVENTS of a product, and the keywords of both."""
    events = product.table("EVENTS")
    return events, {**product.header, **events.header}


def _grating(header: Header) -> str:
    grating = str(keyword(header, "GRATING", "NONE")).strip().upper()
    if grating in ("NONE", ""):
        raise NothingToDo("no grating was in the beam (GRATING = NONE): there is nothing to resolve")
    return grating


def _number(header: Header, name: str, product: Product) -> float:
    value = keyword(header, name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadData(f"{product.file_id}: keyword {name} is {value!r}, expected a number: make the product again")
    return float(value)


def _observation(product: Product) -> Header:
    """Keywords of the observation without those that tell what the events are."""
    return {name: value for name, value in product.header.items() if name not in ("CONTENT", "HDUSPEC")}

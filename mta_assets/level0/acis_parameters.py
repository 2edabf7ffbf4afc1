"""ACIS parameter blocks: what a science run was told to do, from the dumps at its start."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mta_assets.core.tables import Header, Product
from mta_assets.instruments.acis import NO_CCD
from mta_assets.level0.acis_columns import PARAMETER_BLOCK, hdu_class
from mta_assets.telemetry.acis_layouts import DUMPED_CC_BLOCK, DUMPED_TE_BLOCK, LOAD_CC_BLOCK, LOAD_TE_BLOCK
from mta_assets.telemetry.acis_packets import Packets
from mta_assets.telemetry.bitfields import fixed_fields


def parameter_blocks(packets: Packets) -> Iterator[Product]:
    """``ACIS_PBK0`` products of the parameter-block dumps among some packets: the public head of the block.

    A product is called by the second of its dump. Of several in one second the last one is given, which is the one that
    the run goes by.
    """
    last = {int(block.tstart): block for block in sorted(_dumps(packets), key=lambda block: block.tstart)}
    yield from last.values()


def _dumps(packets: Packets) -> Iterator[Product]:
    for layout, fields, readmode in (
        (DUMPED_TE_BLOCK, LOAD_TE_BLOCK, "TIMED"),
        (DUMPED_CC_BLOCK, LOAD_CC_BLOCK, "CONTINUOUS"),
    ):
        body = 2 + (max(f.offset + f.count * f.bits for f in fields) + 31) // 32
        for row in np.flatnonzero((packets.tag == layout.tags[0]) & (packets.length >= body)):
            start = packets.start[row : row + 1] + 2
            value = fixed_fields(packets.words, start, fields)
            select = value.pop("fepCcdSelect")[0]
            used = np.flatnonzero(select != NO_CCD)  # one that no chip has stays: level 1 says so
            chips = sorted(select[select < NO_CCD].tolist())
            header: Header = {
                "INSTRUME": ("ACIS", "instrument"),
                "CONTENT": ("PBK", "parameter block"),
                "DETNAM": ("ACIS-" + "".join(map(str, chips)), "CCDs selected"),
                "READMODE": (readmode, "read mode"),
                "PBLOCK": (int(value["parameterBlockId"][0]), "parameter block identifier"),
                "FEP_MODE": (int(value["fepMode"][0]), "front-end algorithm"),
                "BEP_MODE": (int(value["bepPackingMode"][0]), "event packing"),
            }
            for keyword, name in (("STARTROW", "subarrayStartRow"), ("ROWCNT", "subarrayRowCount")):
                if name in value:
                    header[keyword] = (int(value[name][0]), name)
            columns = {"CCD_ID": select[used], "FEP_ID": used}
            table = PARAMETER_BLOCK.build(columns, hdu_class("CONFIG", "PARAMBLOCK", "ASC"))
            time = float(packets.time[row])
            yield Product("ACIS_PBK0", (table,), time, time, header, {})

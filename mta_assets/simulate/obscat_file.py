"""The observations of a plan as the observing catalogue that the ground system imports."""

from __future__ import annotations

import csv
from pathlib import Path

from mta_assets.simulate.schedule import Schedule

COLUMNS = ("obsid", "obi", "target", "ra", "dec", "roll", "detector", "grating", "datamode", "tstart", "tstop")


def write_obscat(schedule: Schedule, path: Path) -> None:
    """A CSV file with a line for each observation: angles [deg], times [s, TT since 1998.0]; it appears by a rename."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for d in schedule.dwells:
            if d.kind == "observation":
                place = (float(d.ra), float(d.dec), float(d.roll))
                how = (d.instrument, d.grating, d.datamode)
                writer.writerow([d.obsid, d.obi, d.target, *place, *how, float(d.tstart), float(d.tstop)])
    part.replace(path)

"""GSPROPS and FIDPROPS: what the camera saw of each guide star and fid light, and how well it fits the solution."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Table
from mta_assets.instruments.geometry import unit_vector
from mta_assets.level1.aca import mean_magnitudes
from mta_assets.level1.aca_centroid import AT_EDGE
from mta_assets.level1.aca_tables import FIDPROPS, GSPROPS
from mta_assets.level1.aspect_fids import WRONG_PLACE, Offsets, focal_positions, moved, seen_angles

Array = NDArray[Any]

MARGINAL = 0.5  # of the images: with fewer good ones, identification is MARGINAL
WRONG_LIGHT = 1.5  # [mag] from the expected magnitude: it is not the one that was meant


def guide_properties(centroids: Table, stars: Table, integration: float, used: Table, wrong: tuple[int, ...]) -> Table:
    """`aca_tables.GSPROPS`.

    Parameters
    ----------
    centroids
        `aca_tables.ACACENT`.
    stars
        `aca_tables.STARCAT` of the observation.
    integration
        [s] of an image.
    used
        Measurements of the solution: columns slot, used, residual_y, residual_z [arcsec].
    wrong
        Slots that the solution left out because their star does not fit.
    """
    rows: list[dict[str, Any]] = []
    guides = stars.where(stars["type"] == "GUI")
    for i, slot in enumerate(guides["slot"].tolist()):
        here = used.where((used["slot"] == slot) & used["used"])
        common = _common(centroids, slot, integration, here["residual_y"], here["residual_z"])
        status = "BAD" if slot in wrong else _status(common, float(guides["mag"][i]), 0.0)
        mags = common.pop("mags")
        rows.append(
            {
                "slot": slot, "type": "GUIDE", "id_status": status, "agasc_id": guides["id"][i],
                "ra": guides["ra"][i], "dec": guides["dec"][i],
                "pos_eci": unit_vector(guides["ra"][i], guides["dec"][i]), "mag_aca": guides["mag"][i],
                **dict(zip(("mag_aca_avg", "mag_aca_min", "mag_aca_max"), mags, strict=True)),
                "cel_loc_flag": int(len(here) > 0 and slot not in wrong), **common,
            }
        )  # fmt: skip
    if not rows:
        return GSPROPS.empty()
    return GSPROPS.build({name: np.array([row[name] for row in rows]) for name in GSPROPS.names})


def fid_properties(centroids: Table, stars: Table, integration: float, offsets: Offsets, detector: str) -> Table:
    """`aca_tables.FIDPROPS`; residuals are against the nominal positions moved by dy, dz, dtheta.

    Parameters
    ----------
    detector
        Of the observation: names the lights.
    """
    fids = stars.where(stars["type"] == "FID")
    rows: list[dict[str, Any]] = []
    nominal = focal_positions(fids["yang"], fids["zang"])
    good = (centroids["status"] & ~AT_EDGE) == 0
    for i, slot in enumerate(fids["slot"].tolist()):
        here = good & (centroids["slot"] == slot)
        value, _ = offsets.at(centroids["time"][here])
        yag, zag = seen_angles(moved(nominal[i], value))
        rest_y = centroids["ang_y"][here].astype(float) * 3600 - yag
        rest_z = centroids["ang_z"][here].astype(float) * 3600 - zag
        common = _common(centroids, slot, integration, rest_y, rest_z)
        away = float(np.hypot(common["res_y_mean"], common["res_z_mean"])) if len(rest_y) else 0.0
        status = _status(common, float(fids["mag"][i]), away)
        mags = common.pop("mags")
        rows.append(
            {
                "slot": slot, "id_string": f"{detector}-{int(fids['id'][i])}", "id_num": fids["id"][i],
                "id_status": status, "p_lsi": np.array([0.0, *nominal[i]]), "ang_y_nom": fids["yang"][i] / 3600,
                "ang_z_nom": fids["zang"][i] / 3600, "mag_i_cmd": fids["mag"][i],
                **dict(zip(("mag_i_avg", "mag_i_min", "mag_i_max"), mags, strict=True)), **common,
            }
        )  # fmt: skip
    if not rows:
        return FIDPROPS.empty()
    return FIDPROPS.build({name: np.array([row[name] for row in rows]) for name in FIDPROPS.names})


def _common(centroids: Table, slot: int, integration: float, rest_y: Array, rest_z: Array) -> dict[str, Any]:
    everything = int(np.count_nonzero(centroids["slot"] == slot))
    found: dict[str, Any] = {"mags": mean_magnitudes(centroids, slot, integration), "num_all": everything}
    found["num_good"] = len(rest_y)
    for axis, rest in (("y", rest_y), ("z", rest_z)):
        found[f"res_{axis}_mean"] = float(np.mean(rest)) if len(rest) else np.nan
        found[f"res_{axis}_rms"] = float(np.sqrt(np.mean(rest**2))) if len(rest) else np.nan
    return found


def _status(common: dict[str, Any], expected: float, away: float) -> str:
    mean = common["mags"][0]
    if not common["num_good"]:
        return "OMITTED"
    if away > WRONG_PLACE or (np.isfinite(expected) and abs(mean - expected) > WRONG_LIGHT):
        return "BAD"
    return "GOOD" if common["num_good"] >= MARGINAL * common["num_all"] else "MARGINAL"

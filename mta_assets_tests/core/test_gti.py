"""Good times as tables, and the keywords that say which part of the data a table is."""

from __future__ import annotations

import numpy as np

from mta_assets.core.gti import subspace, without_subspace

GOOD = np.array([[0.0, 1.0]])


def plain(header: dict[str, object]) -> dict[str, object]:
    return {name: value[0] for name, value in header.items()}  # type: ignore[index]


def test_the_subspace_of_chips_begins_with_the_main_one_as_in_real_files() -> None:
    assert plain(subspace({6: GOOD, 7: GOOD}, 7, (0, 2))) == {
        "DSTYP1": "time", "DSVAL1": "TABLE", "DSREF1": ":GTI7", "2DSREF1": ":GTI6", "DSFORM1": "D", "DSUNIT1": "s",
        "DSTYP2": "ccd_id", "DSVAL2": "7:7", "2DSVAL2": "6:6", "DSFORM2": "I",
        "DSTYP3": "grade", "DSVAL3": "0:0,2:2", "2DSVAL3": "0:0,2:2", "DSFORM3": "I",
    }  # fmt: skip


def test_a_detector_without_chips_has_its_times_alone() -> None:
    assert plain(subspace({None: GOOD})) == {
        "DSTYP1": "time", "DSVAL1": "TABLE", "DSREF1": ":GTI", "DSFORM1": "D", "DSUNIT1": "s",
    }  # fmt: skip


def test_an_older_subspace_is_taken_out_and_nothing_else() -> None:
    given = {"DSTYP1": "time", "12DSVAL3": "1:1", "DS_IDENT": "10.25574/1", "DSREF1": ":GTI", "TSTART": 1.0}
    assert without_subspace(given) == {"DS_IDENT": "10.25574/1", "TSTART": 1.0}

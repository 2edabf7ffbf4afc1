from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.catalog_schema import REVISION, metadata
from mta_assets.archive.database import MIGRATIONS
from mta_assets.archive.entries import InputEntry, NewProduct, RunEntry
from mta_assets.core.errors import ConfigError, TransientError
from mta_assets.core.records import FAULTS, FINDINGS


def playback(catalog: Catalog, partition: str = "p1", **given: Any) -> list[str]:
    values: dict[str, Any] = {
        "mission": "toy", "partition": partition, "file_name": f"{partition}.dat", "path": f"/kept/{partition}.dat",
        "source": f"/incoming/{partition}.dat", "sha256": partition.ljust(64, "0"), "size": 1025, "tstart": 100.0,
        "tstop": 200.0, "arrived": 1000.0, "facts": {"detector": ["ACIS-S"]},
    }  # fmt: skip
    return catalog.enter_playback(**{**values, **given})


def run_entry(number: int = 1, outcome: str = "done", partition: str = "p1", pipe: str = "P") -> RunEntry:
    run_id = f"{pipe} sdp {partition} {number}"
    return RunEntry(run_id, pipe, partition, "sdp", number, outcome, 1.0, 2.0, "c", "r", "l", "/log", "ok")


def product(version: int = 1, series: str = "a_000", sha: str = "0", product_id: int | None = None) -> NewProduct:
    name = series.replace("000", f"{version:03d}")
    return NewProduct("A", name, f"/archive/{name}", "0", series, version, 100.0, 200.0, 5, 99, sha, 7.0, product_id)


def test_a_new_catalog_has_the_declared_tables_and_nothing_in_them(catalog: Catalog) -> None:
    assert catalog.playbacks() == []
    assert catalog.products() == []
    found = set(sa.inspect(catalog.engine).get_table_names())
    assert set(metadata.tables) <= found


def test_the_migrations_lead_to_exactly_the_declared_schema(catalog: Catalog) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with catalog.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_several_processes_may_open_a_new_catalog_at_once(url: str) -> None:
    code = "import sys; from mta_assets.archive.catalog import Catalog; print(len(Catalog(sys.argv[1]).playbacks()))"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (out.strip(), process.returncode) == ("0", 0), err


def test_a_catalog_of_a_newer_version_is_refused(url: str) -> None:
    with Catalog(url) as catalog, catalog.engine.begin() as connection:
        version = sa.table("alembic_version", sa.column("version_num"))
        connection.execute(sa.update(version).values(version_num="9999"))
    with pytest.raises(ConfigError, match="'9999' is not known"):
        Catalog(url)


def test_a_wrong_url_says_what_is_expected() -> None:
    with pytest.raises(ConfigError, match="expected sqlite:///PATH"):
        Catalog("nonsense")


def test_a_playback_is_arriving_until_it_is_accepted_and_then_has_its_place_in_the_order(catalog: Catalog) -> None:
    playback(catalog, "p1")
    playback(catalog, "p2", tstart=300.0, tstop=400.0)
    assert [p.partition for p in catalog.arriving("toy")] == ["p1", "p2"]
    assert catalog.playbacks_after(0) == []
    assert catalog.mark_accepted("p2", 1001.0) == 1
    assert catalog.mark_accepted("p1", 1002.0) == 2
    assert catalog.mark_accepted("p1", 1003.0) == 2
    assert [p.partition for p in catalog.playbacks_after(0)] == ["p2", "p1"]
    assert [p.partition for p in catalog.playbacks_after(1)] == ["p1"]
    entry = catalog.playback("p1")
    assert entry is not None
    assert (entry.state, entry.accepted, entry.created) == ("accepted", 1002.0, 1000.0)
    assert entry.facts == {"detector": ["ACIS-S"]}


def test_the_same_bytes_are_one_playback(catalog: Catalog) -> None:
    playback(catalog, "p1")
    with pytest.raises(TransientError, match="in the catalog already"):
        playback(catalog, "p2", sha256="p1".ljust(64, "0"))
    found = catalog.playback_by_sha256("toy", "p1".ljust(64, "0"))
    assert found is not None
    assert found.partition == "p1"
    assert catalog.playback_by_sha256("other", "p1".ljust(64, "0")) is None


def test_playbacks_that_cover_the_same_time_are_noted_and_touching_ones_are_not(catalog: Catalog) -> None:
    assert playback(catalog, "p1", tstart=100.0, tstop=200.0) == []
    assert playback(catalog, "p2", tstart=200.0, tstop=300.0) == []
    assert playback(catalog, "p3", tstart=150.0, tstop=250.0) == ["p1.dat", "p2.dat"]
    assert playback(catalog, "p4", tstart=300.0 - 1.2e-7, tstop=400.0) == [], "rounding is no overlap"
    assert playback(catalog, "x1", mission="other", tstart=0.0, tstop=999.0) == []
    assert [(o.first, o.second, o.tstart, o.tstop) for o in catalog.overlaps()] == [
        ("p1", "p3", 150.0, 200.0),
        ("p3", "p2", 200.0, 250.0),
    ]
    assert len(catalog.overlaps("p1")) == 1


def test_an_arriving_playback_can_be_withdrawn_and_an_accepted_one_can_not(catalog: Catalog) -> None:
    playback(catalog, "p1")
    playback(catalog, "p2")
    catalog.mark_accepted("p1", 1.0)
    catalog.withdraw("p1")
    catalog.withdraw("p2")
    assert [p.partition for p in catalog.playbacks()] == ["p1"]
    assert catalog.overlaps() == []


def test_a_run_leaves_products_inputs_reports_and_facts_together(catalog: Catalog) -> None:
    playback(catalog)
    faults = FAULTS.build(
        {"kind": ["gap"], "source": ["frames"], "tstart": [np.nan], "tstop": [2.0], "first": [2**40], "last": [7],
         "count": [3], "detail": ["three frames"]}
    )  # fmt: skip
    findings = FINDINGS.build(
        {"name": ["1DEAMZT"], "subsystem": ["ACIS"], "kind": ["limit"], "severity": ["red"], "side": ["high"],
         "bound": [36.5], "tstart": [1.0], "tstop": [2.0], "first": [37.0], "last": [37.5], "worst": [38.0],
         "count": [4], "unit": ["DEGC"], "detail": [""]}
    )  # fmt: skip
    inputs = [InputEntry("p1.dat", "abc"), InputEntry("p1.dat", "abc")]
    ids = catalog.commit_run(
        run_entry(), [product()], inputs, faults, findings, {"datamode": np.array(["FAINT"]), "rows": np.int64(3)}
    )
    (entry,) = catalog.products(file_id="A", partition="p1", stream="sdp", at=150.0)
    assert (entry.id, entry.name, entry.current, entry.run_id) == (ids[0], "a_001", True, "P sdp p1 1")
    assert catalog.products(at=200.0) == []
    assert catalog.inputs_of(entry.id) == [InputEntry("p1.dat", "abc")]
    (fault,) = catalog.faults(partition="p1", kind="gap")
    assert fault["first"] == 2**40
    assert np.isnan(fault["tstart"])
    (finding,) = catalog.findings(severity="red")
    assert (finding["worst"], finding["run_id"]) == (38.0, "P sdp p1 1")
    assert catalog.findings(severity="yellow") == []
    known = catalog.playback("p1")
    assert known is not None
    assert known.facts == {"detector": ["ACIS-S"], "datamode": ["FAINT"], "rows": 3}


def test_a_new_version_supersedes_the_old_one_and_both_stay(catalog: Catalog) -> None:
    (first,) = catalog.commit_run(run_entry(1), [product(1, sha="x")])
    (second,) = catalog.commit_run(run_entry(2), [product(2, sha="y")])
    assert [p.version for p in catalog.products()] == [2]
    (old,) = catalog.products(current=False)
    assert (old.id, old.superseded_by) == (first, second)
    assert catalog.last_version("sdp", "a_000") == 2


def test_an_unchanged_product_keeps_its_entry_and_gets_the_newest_inputs(catalog: Catalog) -> None:
    (first,) = catalog.commit_run(run_entry(1), [product()], [InputEntry("in", "old")])
    (again,) = catalog.commit_run(run_entry(2), [product(product_id=first)], [InputEntry("in", "new")])
    (entry,) = catalog.products(current=None)
    assert first == again == entry.id
    assert (entry.run_id, entry.confirmed_by) == ("P sdp p1 1", "P sdp p1 2")
    assert catalog.inputs_of(first) == [InputEntry("in", "new")]


def test_a_product_that_is_not_made_again_is_no_longer_current(catalog: Catalog) -> None:
    catalog.commit_run(run_entry(1), [product(series="a_000"), product(series="b_000")])
    catalog.commit_run(run_entry(1, partition="p2"), [product(series="c_000")])
    catalog.commit_run(run_entry(2), [product(2, series="a_000")])
    assert [p.name for p in catalog.products()] == ["a_002", "c_001"]


def test_the_newest_entries_are_those_made_last(catalog: Catalog) -> None:
    catalog.commit_run(run_entry(1), [product(series=f"{letter}_000") for letter in "cab"])
    assert [p.name for p in catalog.products(newest=2)] == ["a_001", "b_001"]


def test_reports_of_a_run_replace_those_of_the_run_before_and_no_others(catalog: Catalog) -> None:
    def gaps(*counts: int) -> Any:
        n = len(counts)
        return FAULTS.build(
            {"kind": ["gap"] * n, "source": ["frames"] * n, "tstart": [0.0] * n, "tstop": [0.0] * n,
             "first": [0] * n, "last": [0] * n, "count": counts, "detail": [""] * n}
        )  # fmt: skip

    catalog.commit_run(run_entry(1), faults=gaps(1, 2))
    catalog.commit_run(run_entry(1, pipe="Q"), faults=gaps(3))
    catalog.commit_run(run_entry(2), faults=gaps(4))
    assert sorted(f["count"] for f in catalog.faults()) == [3, 4]


def test_a_run_that_is_not_done_changes_nothing_but_the_list_of_runs(catalog: Catalog) -> None:
    catalog.commit_run(run_entry(1), [product()])
    catalog.commit_run(run_entry(2, outcome="failed"))
    assert len(catalog.products()) == 1
    assert [r["outcome"] for r in catalog.runs(partition="p1")] == ["done", "failed"]
    assert catalog.next_run_number("P", "p1", "sdp") == 3
    assert catalog.next_run_number("P", "p1", "sap") == 1


def test_a_run_that_can_not_be_stored_whole_leaves_nothing(catalog: Catalog) -> None:
    catalog.commit_run(run_entry(1), [product()])
    with pytest.raises(sa.exc.IntegrityError):
        catalog.commit_run(run_entry(2), [product(5, series="z_000"), product()])
    assert [p.name for p in catalog.products(current=None)] == ["a_001"]
    assert not catalog.has_run("P sdp p1 2")


def test_an_unknown_column_of_the_findings_is_named(catalog: Catalog) -> None:
    with pytest.raises(TypeError, match="colour"):
        catalog.findings(colour="red")


def test_writers_in_several_processes_wait_for_each_other(url: str) -> None:
    code = (
        "import sys; from mta_assets.archive.catalog import Catalog\n"
        "from mta_assets.archive.entries import RunEntry\n"
        "c = Catalog(sys.argv[1])\n"
        "for n in range(1, 21):\n"
        "    i = f'{sys.argv[2]} {n}'\n"
        "    c.commit_run(RunEntry(i, sys.argv[2], 'p', 'sdp', n, 'done', 1., 2., '', '', '', '', ''))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, url, f"P{i}"], stderr=subprocess.PIPE, text=True)
        for i in range(3)
    ]
    for process in processes:
        assert process.communicate(timeout=60)[1] == ""
    with Catalog(url) as catalog:
        assert len(catalog.runs()) == 60

from __future__ import annotations

from pathlib import Path

import pytest

from mta_assets.pipelines.examples import examples
from mta_assets.pipelines.registry_check import check
from mta_assets_tests.pipelines.toy import REGISTRY, make_registry


def test_the_toy_registry_holds_together(tmp_path: Path) -> None:
    assert check(make_registry(tmp_path)) == []


KICKOFF = 'kickoff = { detector = ["ACIS-I", "ACIS-S"] }'
CASES = [
    ("toy:extract", "toy:extrakt", "profile[1].tool", "has no function 'extrakt'"),
    ("toy:extract", "toys:extract", "profile[1].tool", "can not be imported"),
    ("params = { feps = 3 }", "params = { faps = 3 }", "profile[1].params", "has no parameter 'faps'; it has feps"),
    ("params = { feps = 3 }", "", "profile[1]", "needs feps, which neither reads nor params give"),
    ('reads = ["request"]', 'reads = ["request", "mission"]', "profile[1].reads", "takes 1 objects, 2 are given"),
    ('reads = ["request"]', 'reads = ["nothing"]', "profile[1].reads", "'nothing' is neither an input nor written"),
    ('writes = ["products", "findings"]', 'writes = ["EVT0", "findings"]', "writes", "'EVT0' is given to the pipeline"),
    ('writes = ["products", "faults",', 'writes = ["a", "b",', ".outputs", "no step of the profile writes products"),
    ('inputs = ["EVT0"]', 'inputs = ["EVT9"]', "STATIC_EPS.inputs", "EVT9 is not a registered product"),
    ("external = true", "", "EXTRACT.optional_inputs", "made by no pipeline and is neither marked external nor"),
    ('outputs = ["EVT0"]', 'outputs = ["EVT0", "RAW"]', "EXTRACT.outputs", "RAW comes from outside"),
    ("level = 0\npattern", "level = 0\narchive_only = true\npattern", "EXTRACT.streams", "must not make it"),
    ("level = 0\npattern", 'level = 0\nformat = "text"\npattern', "EXTRACT.outputs", "and only they, end in .par"),
    (KICKOFF, 'kickoff = { detector = ["HRC-I"] }', "kickoff.detector", "'HRC-I' is never met; possible: 'ACIS-I'"),
    (KICKOFF, 'kickoff = { detecter = "ACIS-I" }', "kickoff.detecter", "no fact of this name"),
    (KICKOFF, "kickoff = { detector = [] }", "kickoff.detector", "an empty list is never met"),
    (KICKOFF, "kickoff = { exposure = { min = 3, max = 2 } }", "kickoff.exposure", "min 3 is above max 2"),
    (KICKOFF, "kickoff = { detector = { min = 3 } }", "kickoff.detector", "no possible value lies between"),
    (KICKOFF, 'kickoff = { exposure = "long" }', "kickoff.exposure", "the fact is a number"),
    ('"_{fep_id}_evt0.fits"', '"_{fep}_evt0.fits"', "EXTRACT.root", "no named group for fep"),
    ('"_{fep_id}_evt0.fits"', '"_{fep_id}_evt1.fits"', "EXTRACT.root", "does not match its pattern"),
    ('root = "toyf{tstart:09d}N{version:03d}"', 'root = "toyf{tstart:09d}N001"', "EXTRACT.root", "carry no {version}"),
    ('suffix = "_{fep_id}_evt0.fits"', "", "EXTRACT.root", "EVT0 has no suffix"),
    ("'{subsystem_lower}f(?P<tstart>", "'[a-z]+f(?P<tstart>", "EPS_STATIC.pattern", "a name of TEL_STATIC"),
    ('optional_inputs = ["RAW"]', 'optional_inputs = ["EPS_STATIC"]', "registry", "wait for each other"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "where", "what"), CASES, ids=[c[3] for c in CASES])
def test_each_mistake_is_one_sentence_that_names_the_place(
    tmp_path: Path, old: str, new: str, where: str, what: str
) -> None:
    assert old in REGISTRY
    problems = check(make_registry(tmp_path, REGISTRY.replace(old, new)))
    assert [p for p in problems if where in p and what in p], problems


def test_two_makers_of_a_product_in_one_stream_are_found(tmp_path: Path) -> None:
    more = REGISTRY + REGISTRY[REGISTRY.index("[pipeline.EXTRACT]") : REGISTRY.index('[pipeline."STATIC')].replace(
        "EXTRACT", "AGAIN"
    )
    assert any("EXTRACT and AGAIN both make it" in p for p in check(make_registry(tmp_path, more)))


@pytest.mark.parametrize(
    "pattern",
    [
        r"acisf(?P<tstart>\d{9})N(?P<version>\d{3})_(?P<fep_id>[0-5])_evt0\.fits(\.gz)?",
        r"(?P<year>\d{4})_(?P<doy>\d{3})_\d{4}_\d{4}_Dump_EM_(?P<number>\d{5})\.vcdu",
        r"J01_G\d+_(LZ|RZ)_\d{4}-\d\d-\d\dT.+Z_V(?P<v>\d+)\.DAT[^2-9]",
        r"\w+(?:a|bc){2,}x*",
    ],
)
def test_examples_match_the_pattern_that_they_come_from(pattern: str) -> None:
    import re

    made = examples(pattern)
    assert made
    for text, groups in made:
        found = re.fullmatch(pattern, text)
        assert found, text
        assert {k: v for k, v in found.groupdict().items() if v is not None} == groups

"""XTCE dictionaries: random layouts give the values of space_packet_parser; wrong files are named."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.flags import Quality
from mta_assets.telemetry.packet_decom import decommutate_packets
from mta_assets.telemetry.xtce import load_xtce
from mta_assets_tests.telemetry.spp_reference import compare_file, packet, stream

EXACT = settings(derandomize=True, deadline=None, max_examples=120)
HEADER = [("VERSION", 3), ("TYPE", 1), ("SEC_HDR_FLG", 1), ("PKT_APID", 11), ("SEQ_FLGS", 2), ("SRC_SEQ_CTR", 14),
          ("PKT_LEN", 16)]  # fmt: skip


def integer(bits, encoding="unsigned", extra="", inside=""):
    return f'<IntegerDataEncoding sizeInBits="{bits}" encoding="{encoding}" {extra}>{inside}</IntegerDataEncoding>'


def described(types, containers):
    """An XTCE file: parameters P… with their types (tag, attributes, content) behind the primary header."""
    head = [(name, "IntegerParameterType", integer(bits)) for name, bits in HEADER]
    every = [*head, *types]
    return (
        '<SpaceSystem xmlns="http://www.omg.org/spec/XTCE/20180204" name="T"><TelemetryMetaData><ParameterTypeSet>'
        + "".join(f'<{tag} name="{name}_T">{content}</{tag}>' for name, tag, content in every)
        + "</ParameterTypeSet><ParameterSet>"
        + "".join(f'<Parameter name="{name}" parameterTypeRef="{name}_T"/>' for name, _, _ in every)
        + "</ParameterSet><ContainerSet>"
        + container("CCSDSPacket", [name for name, _ in HEADER], abstract=True)
        + "".join(containers)
        + "</ContainerSet></TelemetryMetaData></SpaceSystem>"
    )


def container(name, entries, base=None, criteria="", abstract=False):
    lines = "".join(f'<ParameterRefEntry parameterRef="{entry}"/>' for entry in entries)
    rule = f"<RestrictionCriteria>{criteria}</RestrictionCriteria>" if criteria else ""
    parent = f'<BaseContainer containerRef="{base}">{rule}</BaseContainer>' if base else ""
    kind = ' abstract="true"' if abstract else ""
    return f'<SequenceContainer name="{name}"{kind}><EntryList>{lines}</EntryList>{parent}</SequenceContainer>'


def comparison(name, value, raw=True, operator="=="):
    calibrated = "false" if raw else "true"
    sign = operator.replace("<", "&lt;").replace(">", "&gt;")
    return (
        f'<Comparison parameterRef="{name}" value="{value}" useCalibratedValue="{calibrated}" '
        f'comparisonOperator="{sign}"/>'
    )


POLYNOMIALS = (
    '<DefaultCalibrator><PolynomialCalibrator><Term coefficient="-3.7" exponent="0"/>'
    '<Term coefficient="0.0123" exponent="1"/></PolynomialCalibrator></DefaultCalibrator>',
    '<DefaultCalibrator><PolynomialCalibrator><Term coefficient="1.5" exponent="0"/>'
    '<Term coefficient="0.3" exponent="1"/><Term coefficient="-0.007" exponent="2"/>'
    '<Term coefficient="1e-9" exponent="5"/></PolynomialCalibrator></DefaultCalibrator>',
    '<DefaultCalibrator><PolynomialCalibrator><Term coefficient="2.5" exponent="-1"/></PolynomialCalibrator>'
    "</DefaultCalibrator>",
)


def spline(order, extrapolate):
    pairs = ((200, 9.5), (-3, 1.25), (0, 0.1), (17, -4))
    points = "".join(f'<SplinePoint raw="{raw}" calibrated="{value}"/>' for raw, value in pairs)
    return (
        f'<DefaultCalibrator><SplineCalibrator order="{order}" extrapolate="{extrapolate}">{points}'
        "</SplineCalibrator></DefaultCalibrator>"
    )


def context(name):
    return (
        "<ContextCalibratorList><ContextCalibrator><ContextMatch><ComparisonList>"
        + comparison(name, 100, operator="<")
        + comparison("SRC_SEQ_CTR", 3, operator=">=")
        + '</ComparisonList></ContextMatch><Calibrator><PolynomialCalibrator><Term coefficient="0.1" exponent="1"/>'
        "</PolynomialCalibrator></Calibrator></ContextCalibrator><ContextCalibrator><ContextMatch>"
        + comparison(name, 200, operator=">")
        + f"</ContextMatch><Calibrator>{spline(1, 'true')[19:-20]}</Calibrator></ContextCalibrator>"
        "</ContextCalibratorList>"
    )


def enumeration(values):
    lines = "".join(f'<Enumeration value="{value}" label="S_{n}"/>' for n, value in enumerate(values))
    return f"<EnumerationList>{lines}</EnumerationList>"


LITTLE = 'byteOrder="leastSignificantByteFirst"'
calibrations = st.sampled_from(["", *POLYNOMIALS, *(spline(o, e) for o in (0, 1) for e in ("true", "false"))])


@st.composite
def parameter(draw, name):
    """(name, tag, content) of a random parameter of fixed size."""
    kind = draw(st.sampled_from(["int", "int", "int", "float", "enum", "bool", "string", "binary", "context", "time"]))
    order = draw(st.sampled_from(["", LITTLE]))
    if kind == "int":
        sign = draw(st.sampled_from(["unsigned", "signed", "twosComplement"]))
        bits = draw(st.integers(1, 72))
        return name, "IntegerParameterType", integer(bits, sign, order, draw(calibrations) if bits <= 64 else "")
    if kind == "float":
        kinds = [(16, "IEEE754"), (32, "IEEE754"), (64, "IEEE754"), (32, "MILSTD_1750A")]
        bits, encoding = draw(st.sampled_from(kinds))
        inside = draw(calibrations)
        return (
            name,
            "FloatParameterType",
            f'<FloatDataEncoding sizeInBits="{bits}" encoding="{encoding}" {order}>{inside}</FloatDataEncoding>',
        )
    if kind == "enum":
        bits = draw(st.integers(1, 9))
        sign = draw(st.sampled_from(["unsigned", "signed"]))
        known = draw(st.sampled_from([range(-256, 512), range(0, 100, 2)]))
        return name, "EnumeratedParameterType", integer(bits, sign) + enumeration(known)
    if kind == "bool":
        return name, "BooleanParameterType", "<UnitSet/>" + integer(draw(st.integers(1, 20)))
    if kind == "string":
        size = draw(st.integers(1, 6)) * 8
        ends = ["", "<TerminationChar>00</TerminationChar>", '<LeadingSize sizeInBitsOfSizeTag="5"/>']
        more = draw(st.sampled_from(ends))
        encoding = draw(st.sampled_from(["ISO-8859-1", "US-ASCII", "UTF-8"]))
        return (
            name,
            "StringParameterType",
            f'<StringDataEncoding encoding="{encoding}"><SizeInBits><Fixed><FixedValue>{size}</FixedValue></Fixed>'
            f"{more}</SizeInBits></StringDataEncoding>",
        )
    if kind == "binary":
        size = draw(st.integers(1, 70))
        return (
            name,
            "BinaryParameterType",
            f"<BinaryDataEncoding><SizeInBits><FixedValue>{size}</FixedValue></SizeInBits></BinaryDataEncoding>",
        )
    if kind == "context":
        inside = draw(st.sampled_from(["", POLYNOMIALS[0]])) + context(draw(st.sampled_from([name, "SRC_SEQ_CTR"])))
        return name, "IntegerParameterType", integer(draw(st.integers(7, 9)), "unsigned", "", inside)
    content = f'<Encoding units="s" scale="0.25" offset="7">{integer(draw(st.integers(8, 32)))}</Encoding>'
    return name, "AbsoluteTimeParameterType", content


@st.composite
def layout(draw):
    """A file with two packet types, told apart by the first byte behind the header, and some packets."""
    fields = [draw(parameter(f"P{n}")) for n in range(draw(st.integers(1, 6)))]
    choice = draw(st.sampled_from(["==", "<", "!="]))
    names = [name for name, *_ in fields]
    containers = [
        container("A", ["KIND", *names], "CCSDSPacket", comparison("PKT_APID", 11)),
        container("B", ["TAIL"], "A", comparison("KIND", 100, operator=choice)),
        container("C", [], "CCSDSPacket", comparison("PKT_APID", 12)),
    ]
    types = [("KIND", "IntegerParameterType", integer(8)), ("TAIL", "IntegerParameterType", integer(5)), *fields]
    bodies = draw(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=12))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    bodies += [random.integers(0, 256, 64, np.uint8).tobytes() for _ in range(6)]
    bodies += [bytes(random.choice([0, 1, 65, 255], 70).astype(np.uint8)) for _ in range(4)]
    return described(types, containers), stream(bodies)


@pytest.mark.filterwarnings("ignore::UserWarning")
@EXACT
@given(layout())
def test_random_layouts_give_the_values_of_space_packet_parser(tmp_path_factory, example):
    xml, data = example
    path = tmp_path_factory.mktemp("xtce") / "random.xml"
    path.write_text(xml)
    compare_file(path, data)


@st.composite
def dynamic(draw):
    """A byte string or text whose size the packet says, at any bit, with fields behind it."""
    offset = draw(st.integers(0, 9))
    slope, intercept = draw(st.sampled_from([8, 8, 1, 3])), draw(st.sampled_from([0, 8]))
    reference = '<ParameterInstanceRef parameterRef="SIZE" useCalibratedValue="false"/>'
    adjust = f'<LinearAdjustment slope="{slope}" intercept="{intercept}"/>'
    lookup = "".join(f'<DiscreteLookup value="{8 * n}">{comparison("SIZE", n)}</DiscreteLookup>' for n in (1, 2, 3, 5))
    kind = draw(st.sampled_from(["binary", "string", "lookup"]))
    body = {
        "binary": f"<BinaryDataEncoding><SizeInBits><DynamicValue>{reference}{adjust}</DynamicValue></SizeInBits>"
        "</BinaryDataEncoding>",
        "lookup": f"<BinaryDataEncoding><SizeInBits><DiscreteLookupList>{lookup}</DiscreteLookupList></SizeInBits>"
        "</BinaryDataEncoding>",
        "string": '<StringDataEncoding encoding="ISO-8859-1"><Variable maxSizeInBits="999"><DynamicValue>'
        f"{reference}{adjust}</DynamicValue></Variable></StringDataEncoding>",
    }[kind]
    types = [
        ("PAD", "IntegerParameterType", integer(max(offset, 1))),
        ("SIZE", "IntegerParameterType", integer(4)),
        ("BODY", "StringParameterType" if kind == "string" else "BinaryParameterType", body),
        draw(parameter("BEHIND")),
        ("LAST", "IntegerParameterType", integer(draw(st.integers(1, 64)), "signed")),
    ]
    entries = [name for name, *_ in types][0 if offset else 1 :]
    xml = described(types, [container("A", entries, "CCSDSPacket", comparison("PKT_APID", 11))])
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    lengths = [60] * 30 if draw(st.booleans()) else random.integers(1, 60, 30).tolist()
    return xml, stream(random.integers(0, 256, length, np.uint8).tobytes() for length in lengths)


@pytest.mark.filterwarnings("ignore::UserWarning")
@EXACT
@given(dynamic())
def test_sizes_that_the_packet_says_give_the_values_of_space_packet_parser(tmp_path_factory, example):
    xml, data = example
    path = tmp_path_factory.mktemp("xtce") / "dynamic.xml"
    path.write_text(xml)
    compare_file(path, data)


def one_parameter(tmp_path, tag, content):
    path = tmp_path / "one.xml"
    path.write_text(described([("P", tag, content)], [container("A", ["P"], "CCSDSPacket")]))
    return load_xtce(path)


def test_a_count_without_a_state_is_flagged_and_the_packet_kept(tmp_path):
    model = one_parameter(tmp_path, "EnumeratedParameterType", integer(8) + enumeration([0, 1]))
    table = decommutate_packets(stream([b"\0", b"\1", b"\2"]), model)["A"]
    assert table["P"].tolist() == ["S_0", "S_1", ""]
    assert table["P__r"].tolist() == [0, 1, 2]
    assert table["P__q"].tolist() == [0, 0, Quality.OUT_OF_RANGE]


def test_a_count_beyond_a_spline_is_flagged_and_one_on_its_last_point_has_that_value(tmp_path):
    model = one_parameter(tmp_path, "IntegerParameterType", integer(8, inside=spline(1, "false")))
    table = decommutate_packets(stream([bytes([17]), bytes([200]), bytes([201])]), model)["A"]
    assert table["P"][:2].tolist() == [-4, 9.5]
    assert math.isnan(table["P"][2])
    assert table["P__q"].tolist() == [0, 0, Quality.OUT_OF_RANGE]


def test_a_byte_string_of_varying_size_carries_its_size(tmp_path):
    adjust = '<LinearAdjustment slope="8" intercept="8"/>'
    size = f'<DynamicValue><ParameterInstanceRef parameterRef="PKT_LEN"/>{adjust}</DynamicValue>'
    model = one_parameter(
        tmp_path, "BinaryParameterType", f"<BinaryDataEncoding><SizeInBits>{size}</SizeInBits></BinaryDataEncoding>"
    )
    table = decommutate_packets(stream([b"abc", b"d"]), model)["A"]
    assert table["P"].tolist() == [[97, 98, 99], [100, 0, 0]]
    assert table["P__n"].tolist() == [3, 1]


def test_integers_above_64_bits_are_written_as_digits(tmp_path):
    model = one_parameter(tmp_path, "IntegerParameterType", integer(72))
    table = decommutate_packets(stream([b"\xff" * 9]), model)["A"]
    assert table["P"].tolist() == [str(2**72 - 1)]


def test_boolean_expressions_choose_the_container(tmp_path):
    def condition(name, operator, value):
        return (
            f'<Condition><ParameterInstanceRef parameterRef="{name}" useCalibratedValue="false"/>'
            f"<ComparisonOperator>{operator}</ComparisonOperator><Value>{value}</Value></Condition>"
        )

    low, high = condition("P", "&lt;", 10), condition("P", "&gt;", 250)
    extreme = f"<BooleanExpression><ORedConditions>{low}{high}</ORedConditions></BooleanExpression>"
    both = condition("P", ">=", 10).replace(">=", "&gt;=") + condition("P", "&lt;=", 250)
    middle = f"<BooleanExpression><ANDedConditions>{both}</ANDedConditions></BooleanExpression>"
    containers = [
        container("A", ["P"], "CCSDSPacket", abstract=True),
        container("EXTREME", [], "A", extreme),
        container("MIDDLE", [], "A", middle),
    ]
    path = tmp_path / "expression.xml"
    path.write_text(described([("P", "IntegerParameterType", integer(8))], containers))
    data = stream(bytes([n]) for n in (9, 10, 250, 251))
    _, decoded, values = compare_file(path, data)
    assert {name: index.tolist() for name, index in decoded.index.items()} == {"EXTREME": [0, 3], "MIDDLE": [1, 2]}
    assert values == 4 * 8


def test_packets_that_no_container_or_more_than_one_fits_are_named(tmp_path):
    containers = [
        container("A", ["P"], "CCSDSPacket", comparison("PKT_APID", 11)),
        container("B", ["P"], "CCSDSPacket", comparison("PKT_APID", 12, operator="<=") + ""),
    ]
    path = tmp_path / "two.xml"
    path.write_text(described([("P", "IntegerParameterType", integer(8))], containers))
    data = packet(b"a", 11, 0) + packet(b"a", 12, 0) + packet(b"a", 13, 0)
    _, decoded, _ = compare_file(path, data)
    assert [(t.kind, t.detail, t.index.tolist()) for t in decoded.troubles] == [
        ("bad_packet", "more than one container fits", [0]),
        ("unplaced", "no packet type of the dictionary fits", [2]),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not XML"),
        ("<SpaceSystem", "not XML"),
        ("<a/>", "not an XTCE file"),
        ("<SpaceSystem><TelemetryMetaData/></SpaceSystem>", "not an XTCE file"),
    ],
)
def test_a_file_that_is_no_dictionary_is_named_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "bad.xml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=f"bad.xml: {reason}"):
        load_xtce(path)


def test_a_missing_dictionary_is_named(tmp_path):
    with pytest.raises(ConfigError, match="there is none"):
        load_xtce(tmp_path)


def test_another_root_container_can_be_named_and_a_wrong_one_is_refused(tmp_path):
    path = tmp_path / "root.xml"
    path.write_text(described([("P", "IntegerParameterType", integer(8))], [container("A", ["P"])]))
    assert load_xtce(path, root="A").roots[0].name == "A"
    with pytest.raises(ConfigError, match=r"no container 'Z'; it has .*A"):
        load_xtce(path, root="Z")


def test_data_without_packets_is_bad_data(tmp_path):
    model = one_parameter(tmp_path, "IntegerParameterType", integer(8))
    with pytest.raises(BadData, match="found none in 100 bytes"):
        decommutate_packets(b"\xff" * 100, model)

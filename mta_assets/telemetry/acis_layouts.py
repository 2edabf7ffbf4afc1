"""Layouts of the ACIS telemetry packets as data.

Source: MIT ACIS Software IP&CL Structures (36-53204.0204), one page per packet at
https://acisweb.mit.edu/acis/ipcl/. A packet is a row of 32-bit words, little endian in the byte stream; the
bit offset of a field counts from the least significant bit of word 0, and a field that does not fit
continues in the least significant bits of the next word. docs/science-telemetry.md says field by field
what the public pages state and what is inferred.
"""

from __future__ import annotations

from dataclasses import dataclass

SYNC = 0x736F4166  # "fAos" in the byte stream: first word of every packet
FILLER = 0xB7B7B7B7  # word that fills the stream between packets
HEADER_WORDS = 2
MAX_WORDS = 1023  # telemetryLength has 10 bits
SEQUENCE_MODULO = 1 << 16

# Clocks. The back-end processor (BEP) counts 32 bits, the front-end processors (FEP) telemeter 25 bits
# (exposure packets), both in ticks of 10 µs (CIAO caveat "ACIS exposure time keywords").
TICK = 1e-5  # [s]
BEP_MODULO = 1 << 32  # rolls over every 11.93 h
FEP_MODULO = 1 << 25  # rolls over every 335.5 s
# The first 4 bytes of every science frame (2.05 s, 8 minor frames) are the BEP counter at its start
# (ACIS Science Instrument Software Requirements, appendix D).
SCIENCE_FRAME = 8  # [minor frame]
TICKS_PER_FRAME = 25625  # 0.25625 s / 10 µs, nominal


@dataclass(frozen=True)
class Field:
    """One field: name as in the IP&CL, width and position in bits, how often it repeats, two's complement or not."""

    name: str
    bits: int
    offset: int
    count: int = 1
    signed: bool = False


@dataclass(frozen=True)
class Layout:
    """One packet structure.

    ``words`` is the fixed length in words, None for variable ones. ``record`` are the fields of the repeating
    part, relative to its start; records of ``record_bits`` follow each other from ``record_offset`` on.
    """

    name: str
    tags: tuple[int, ...]
    fields: tuple[Field, ...]
    words: int | None = None
    record: tuple[Field, ...] = ()
    record_bits: int = 0
    record_offset: int = 0

    @property
    def max_records(self) -> int:
        """Records that fit into one packet."""
        return (32 * MAX_WORDS - self.record_offset) // self.record_bits


HEADER = (
    Field("synch", 32, 0),
    Field("telemetryLength", 10, 32),
    Field("formatTag", 6, 42),
    Field("sequenceNumber", 16, 48),
)

_DATA = (*HEADER, Field("ccdId", 4, 64), Field("fepId", 3, 68), Field("dataPacketNumber", 20, 71))

_EXPOSURE = (
    *HEADER,
    Field("runStartTime", 32, 64),
    Field("parameterBlockId", 32, 96),
    Field("windowBlockId", 32, 128),
    Field("biasStartTime", 32, 160),
    Field("biasParameterId", 32, 192),
    Field("ccdId", 4, 224),
    Field("fepId", 3, 228),
    Field("fepTimestamp", 25, 256),
    Field("exposureNumber", 32, 288),
    Field("eventsSent", 32, 320),
    Field("thresholdPixels", 32, 352),
    Field("discardEventAmplitude", 32, 384),
    Field("discardWindow", 32, 416),
    Field("discardGrade", 32, 448),  # from here on inferred: the public text ends, 576 bits in all are stated
    Field("deltaOverclocks", 16, 480, count=4, signed=True),
    Field("biasParityErrors", 32, 544),
)

DATA_TE_FAINT = Layout(
    "dataTeFaint",
    (21, 51),
    _DATA,
    record=(Field("ccdRow", 10, 0), Field("ccdColumn", 10, 10), Field("pulseHeights", 12, 20, count=9)),
    record_bits=128,
    record_offset=96,
)
DATA_TE_VERY_FAINT = Layout(
    "dataTeVeryFaint",
    (46, 55),
    _DATA,
    record=(Field("ccdRow", 10, 0), Field("ccdColumn", 10, 10), Field("pulseHeights", 12, 20, count=25)),
    record_bits=320,
    record_offset=96,
)
DATA_TE_GRADED = Layout(
    "dataTeGraded",
    (25, 53),
    _DATA,
    record=(
        Field("ccdRow", 10, 0),
        Field("ccdColumn", 10, 10),
        Field("eventAmplitude", 17, 20),
        Field("gradeCode", 8, 37),
        Field("cornerMean", 13, 45, signed=True),
    ),
    record_bits=58,
    record_offset=96,
)
DATA_CC_FAINT = Layout(
    "dataCcFaint",
    (29,),
    _DATA,
    record=(Field("transferRow", 9, 0), Field("ccdColumn", 10, 9), Field("pulseHeights", 12, 19, count=3)),
    record_bits=55,
    record_offset=96,
)
DATA_CC_GRADED = Layout(
    "dataCcGraded",
    (31,),
    _DATA,
    record=(
        Field("transferRow", 9, 0),
        Field("ccdColumn", 10, 9),
        Field("eventAmplitude", 13, 19),
        Field("gradeCode", 2, 32),
    ),
    record_bits=34,
    record_offset=96,
)
EXPOSURE_TE = Layout("exposureTeFaint", (20, 24, 47, 56), _EXPOSURE, words=18)
EXPOSURE_CC = Layout("exposureCcFaint", (28, 30, 50, 52), _EXPOSURE, words=18)
DUMPED_TE_BLOCK = Layout(
    "dumpedTeBlock", (12,), HEADER, record=(Field("parameterBlockData", 32, 0),), record_bits=32, record_offset=64
)
DUMPED_CC_BLOCK = Layout(
    "dumpedCcBlock", (13,), HEADER, record=(Field("parameterBlockData", 32, 0),), record_bits=32, record_offset=64
)
SCIENCE_REPORT = Layout(
    "scienceReport",
    (15,),
    (
        *HEADER,
        Field("runStartTime", 32, 64),
        Field("parameterBlockId", 32, 96),
        Field("windowBlockId", 32, 128),
        Field("biasStartTime", 32, 160),
        Field("biasParameterId", 32, 192),
        Field("exposuresProduced", 32, 224),
        Field("exposuresSent", 32, 256),
        Field("biasErrorCount", 32, 288),
        Field("fepErrorCodes", 8, 320, count=6),
        Field("ccdErrorFlags", 6, 368),
        Field("deaInterfaceErrorFlag", 1, 374),
        Field("terminationCode", 8, 376),  # inferred: the rest of the 384 bits
    ),
    words=12,
)
DEA_HOUSEKEEPING = Layout(
    "deaHousekeepingData",
    (11,),
    (*HEADER, Field("deaBlockId", 32, 64), Field("commandId", 16, 96), Field("bepTickCounter", 32, 128)),
    record=(Field("ccdId", 8, 0), Field("queryId", 8, 8), Field("value", 16, 16)),
    record_bits=32,
    record_offset=160,
)
SW_HOUSEKEEPING = Layout(
    "swHousekeeping",
    (10,),
    (*HEADER, Field("startingBepTickCounter", 32, 64), Field("endingBepTickCounter", 32, 96)),
    record=(Field("swStatisticId", 32, 0), Field("count", 32, 32), Field("value", 32, 64)),
    record_bits=96,
    record_offset=128,
)

LAYOUTS = (
    DATA_TE_FAINT,
    DATA_TE_VERY_FAINT,
    DATA_TE_GRADED,
    DATA_CC_FAINT,
    DATA_CC_GRADED,
    EXPOSURE_TE,
    EXPOSURE_CC,
    DUMPED_TE_BLOCK,
    DUMPED_CC_BLOCK,
    SCIENCE_REPORT,
    DEA_HOUSEKEEPING,
    SW_HOUSEKEEPING,
)
BY_TAG = {tag: layout for layout in LAYOUTS for tag in layout.tags}


@dataclass(frozen=True)
class Mode:
    """One event mode: packets it uses and the keywords of its products."""

    name: str
    data_tag: int
    exposure_tag: int
    datamode: str
    readmode: str

    @property
    def layout(self) -> Layout:
        return BY_TAG[self.data_tag]


MODES = {
    mode.name: mode
    for mode in (
        Mode("FAINT", 21, 20, "FAINT", "TIMED"),
        Mode("VFAINT", 46, 47, "VFAINT", "TIMED"),
        Mode("GRADED", 25, 24, "GRADED", "TIMED"),
        Mode("CC_FAINT", 29, 28, "FAINT", "CONTINUOUS"),
        Mode("CC_GRADED", 31, 30, "GRADED", "CONTINUOUS"),
        Mode("CC33_FAINT", 51, 50, "CC33_FAINT", "CONTINUOUS"),
        Mode("CC33_GRADED", 53, 52, "CC33_GRADED", "CONTINUOUS"),
    )
}

# Head of the load commands that the parameter-block dumps repeat: offsets count from the first word
# after the telemetry header.
LOAD_TE_BLOCK = (
    Field("commandOpcode", 16, 32),
    Field("parameterBlockId", 32, 80),
    Field("fepCcdSelect", 4, 112, count=6),
    Field("fepMode", 4, 136),
    Field("bepPackingMode", 4, 140),
    Field("onChip2x2Summing", 1, 144),
    Field("ignoreBadPixelMap", 1, 145),
    Field("ignoreBadColumnMap", 1, 146),
    Field("recomputeBias", 1, 147),
    Field("trickleBias", 1, 148),
    Field("subarrayStartRow", 10, 149),
    Field("subarrayRowCount", 10, 159),
)
LOAD_CC_BLOCK = (
    Field("commandOpcode", 16, 32),
    Field("parameterBlockId", 32, 80),
    Field("fepCcdSelect", 4, 112, count=6),
    Field("fepMode", 4, 136),
    Field("bepPackingMode", 4, 140),
    Field("ignoreBadColumnMap", 1, 144),
    Field("recomputeBias", 1, 145),
    Field("trickleBias", 1, 146),
    Field("rowSum", 4, 147),
    Field("columnSum", 4, 151),
    Field("overclockPairsPerNode", 4, 155),
    Field("outputRegisterMode", 2, 159),
)

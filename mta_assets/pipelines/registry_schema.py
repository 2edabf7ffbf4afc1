"""What may stand in a registry file: products, pipelines, facts, lists, keywords. Unknown keys are refused."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mta_assets.core.content import expected

Scalar = bool | int | float | str
Stream = Literal["sdp", "sap"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Range(_Section):
    """A condition on a number: ``{ min = 0, max = 3 }``, both ends included, one may be left out."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("expected min, max or both")
        return self


Condition = Scalar | list[Scalar] | Range
Conditions = dict[str, Condition]


class ProductSpec(_Section):
    """One product: what it is called, how its files are named, which keywords it carries."""

    id: str = ""  # file id, the key of the block
    title: str = ""
    level: str = ""
    format: Literal["vcdu", "ccsds", "fits", "parquet", "text"] = "fits"
    pattern: str
    suffix: str | None = None
    root: str | None = None  # where it is not the root of the pipeline
    times: Literal["header", "name", "content"] = "header"
    keywords: dict[str, Scalar] = {}
    figures: list[str] = []  # keywords that are shown with what was made: its result in a few numbers
    columns: dict[str, list[str]] = {}  # HDU → columns as they have to be (core.content)
    external: bool = False  # comes from outside: no pipeline makes it
    archive_only: bool = False  # a quick-look pipeline must not make it
    # It may come finished, and then belongs to an observation, to its time, or to all since its date (calibration).
    delivered: Literal["", "obi", "time", "since"] = ""
    reruns: bool | None = None  # a new one asks for the observations that it touches; calibration does not by itself
    foreach: str | dict[str, list[str]] | None = None

    @field_validator("level", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    @field_validator("columns")
    @classmethod
    def _columns(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for text in (text for texts in value.values() for text in texts):
            expected(text)
        return value

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    @property
    def asks(self) -> bool:
        """Whether a new one of these asks for the observations that it touches by itself."""
        return self.delivered != "since" if self.reruns is None else self.reruns

    @property
    def from_outside(self) -> bool:
        """Telemetry always comes from outside, other products where the registry says so; no pipeline makes them."""
        return self.external or self.format in ("vcdu", "ccsds")


class Step(_Section):
    """One step of a profile: a Python function or an external program."""

    tool: str | None = None  # "package.module:function"
    exec: list[str] | None = None  # program and arguments; {NAME} stands for a file or a parameter
    reads: list[str] = []
    writes: list[str] = []
    params: dict[str, Any] = {}
    when: Conditions = {}
    timeout: float = Field(3600.0, gt=0)  # [s] of an external program

    @model_validator(mode="after")
    def _one_kind(self) -> Step:
        if (self.tool is None) == (self.exec is None):
            raise ValueError("expected either tool or exec")
        if self.exec is not None and not self.exec:
            raise ValueError("exec: expected a program and its arguments")
        return self

    @property
    def label(self) -> str:
        return self.tool if self.tool else (self.exec or ["?"])[0]


class Pipeline(_Section):
    """One pipeline: when it runs, on what, with which steps, and what it makes."""

    id: str = ""  # pipe id, the key of the block
    title: str = ""
    level: str = ""
    group: str = ""
    partition: str = "playback"
    streams: list[Stream] = ["sdp"]
    kickoff: Conditions = {}
    inputs: list[str] = []
    optional_inputs: list[str] = []
    outputs: list[str] = []
    reach: float = Field(0.0, ge=0)  # [s] how far beyond the interval of the partition inputs are taken
    asset: str = ""  # the outputs are one asset of this name; each is one of its own, if not given
    root: str = ""
    foreach: str | dict[str, list[str]] | None = None
    profile: list[Step] = Field(min_length=1)

    @field_validator("level", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @property
    def assets(self) -> dict[str, list[str]]:
        """File ids of each asset that the pipeline makes."""
        return {self.asset: self.outputs} if self.asset else {file_id: [file_id] for file_id in self.outputs}

    @field_validator("streams")
    @classmethod
    def _some(cls, value: list[Stream]) -> list[Stream]:
        if not value or len(set(value)) != len(value):
            raise ValueError("expected sdp, sap or both, each once")
        return value


class RegistryFile(_Section):
    """One TOML file of a registry folder; every section may stand in any file.

    ``facts`` declares what may be known of a partition: a list of the possible values, or ``"number"``,
    ``"text"``, ``"bool"``. ``lists`` are what ``foreach`` names. ``keywords`` are carried by every product.
    """

    product: dict[str, ProductSpec] = {}
    pipeline: dict[str, Pipeline] = {}
    facts: dict[str, list[Scalar] | Literal["number", "text", "bool"]] = {}
    lists: dict[str, list[str]] = {}
    keywords: dict[str, Scalar] = {}

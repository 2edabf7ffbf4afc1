"""Every exception the platform raises on purpose, under one base class.

The four outcomes of a pipeline have four names: done, nothing to do, bad data, failed.
The last three travel as exceptions, so that a caller can tell them apart without reading text.
"""

from __future__ import annotations


class MtaError(Exception):
    """Base of all errors raised on purpose; its text says what, where, what was expected and what to do."""


class ConfigError(MtaError):
    """A mission file, registry, dictionary, limit table or setting is wrong. Mend the file that it names."""


class WrongRequest(ConfigError):
    """What was asked for can not be: a name that nothing has, a value of the wrong kind. Ask for something else."""


class NothingToDo(MtaError):
    """The kickoff criteria are not met or there is no input: a visible skip, not a failure."""


class BadData(MtaError):
    """The input can not be processed, now or later. It is quarantined with this reason."""


class TransientError(MtaError):
    """Something outside failed that may work the next time (full disk, lock, network). Retried a few times."""


class ToolFailed(MtaError):
    """A tool or external program of a profile failed: a bug or a permanent failure, never retried by itself."""

"""What the operating system refuses for a while, told from what is wrong for good."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mta_assets.core.errors import TransientError

# What a full, read-only, broken or vanished disk answers: the same write may work later.
TRANSIENT_ERRNOS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.EACCES}
    | {errno.EPERM, errno.ETIMEDOUT, errno.EBUSY}
)


@contextmanager
def outside_faults(path: Path | str, what: str) -> Iterator[None]:
    """Turn the operating system's refusals into `TransientError` that names the file and the way out."""
    try:
        yield
    except OSError as error:
        if error.errno not in TRANSIENT_ERRNOS:
            raise
        raise TransientError(
            f"{path}: can not {what}: {error.strerror or error}. Nothing half-written was left; "
            "free or repair the disk, the work is tried again"
        ) from error

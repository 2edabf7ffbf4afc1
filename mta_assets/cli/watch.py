"""A progress bar on the terminal, and Ctrl-C that stops a command where nothing is half done."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


class Watch:
    """What a long command tells of itself, and whether it shall stop."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._stop = False
        self._tasks: dict[str, int] = {}

    def stop(self) -> None:
        """Ask the command to stop at its next chance."""
        self._stop = True

    def stopped(self) -> bool:
        """Whether it shall stop."""
        return self._stop

    def _show(self, what: str, done: float, total: float | None, text: str) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total, text="")
        self._bar.update(self._tasks[what], completed=done, total=total, text=text)  # type: ignore[arg-type]

    def told(self, what: str) -> Callable[[float, int], None]:
        """Takes the share that is done and the rows so far."""
        return lambda share, rows: self._show(what, share, 1.0, f"{rows:,} rows")

    def counted(self, what: str) -> Callable[[int, int], None]:
        """Takes how many are done, and how many there are."""
        return lambda done, total: self._show(what, done, max(total, 1), f"{done:,} of {total:,}")

    def said(self, what: str) -> Callable[[str], None]:
        """Takes what was done last, where nobody knows how much there is."""
        return lambda text: self._show(what, 0, None, text)


@contextmanager
def watching(gently: bool = True) -> Iterator[Watch]:
    """Show progress on standard error, if that is a terminal, and take the first Ctrl-C as a wish to stop.

    A second Ctrl-C interrupts at once, wherever the command is; the first one does if not ``gently``.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    watch = Watch(bar)
    with _first_interrupt(watch.stop) if gently else nullcontext(), bar:
        yield watch


@contextmanager
def _first_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only the main thread may have handlers
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stop()

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

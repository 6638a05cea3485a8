"""Progress of transfers on a terminal: with rich where it is installed, else on one plain line."""

import contextlib
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

from twisted_net.files.client.core import Speed
from twisted_net.files.client.told import Progress, ignore
from twisted_net.files.shown import amount, duration
from twisted_net.net.text import safe

#: Seconds between two looks at a transfer: smooth to watch. TFTP moves a block in 60 us, and to
#: show each of them took three times as long as to fetch them.
EVERY = 0.1


class Screen(Protocol):
    """Where the progress of several transfers is shown."""

    def moving(self, name: str) -> contextlib.AbstractContextManager[Progress]:
        """Show a transfer for as long."""

    def aside(self) -> contextlib.AbstractContextManager[None]:
        """Make room for a line of text for as long."""


@contextlib.contextmanager
def screen(wanted: bool) -> Iterator[Screen]:
    """Show progress on standard error, and wipe it at the end.

    :param wanted: nothing is shown unless this is true and standard error is a terminal.
    """
    if not wanted or not sys.stderr.isatty():
        yield _Nothing()
        return
    rich = _rich()
    with contextlib.ExitStack() as stack:
        shown: _Bars | _Line = _Bars(rich) if rich is not None else _Line()
        stack.callback(shown.end)
        yield shown


def _paced(progress: Progress) -> Progress:
    last = 0.0

    def paced(size: int | None, count: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY:
            last = now
            progress(size, count)

    return paced


def _rich() -> ModuleType | None:
    try:
        import rich.progress
    except ImportError:  # the extra "pretty" is not installed
        return None
    return rich.progress


class _Nothing:
    """No terminal."""

    @contextlib.contextmanager
    def moving(self, name: str) -> Iterator[Progress]:
        """Show nothing."""
        yield ignore

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Be out of the way already."""
        yield


class _Bars:
    """A bar for each transfer, by rich."""

    def __init__(self, rich: ModuleType) -> None:
        from rich.console import Console

        columns = (
            rich.TextColumn("{task.description}"),
            rich.BarColumn(),
            rich.DownloadColumn(),
            rich.TransferSpeedColumn(),
            rich.TimeRemainingColumn(),
        )
        # Standard output is not redirected: it may be a file while this is a terminal.
        self._bars: Any = rich.Progress(
            *columns,
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._bars.start()

    @contextlib.contextmanager
    def moving(self, name: str) -> Iterator[Progress]:
        """Show a bar."""
        from rich.text import Text

        # A name may hold brackets, which rich would take for markup.
        task = self._bars.add_task(Text(safe(name)).markup, total=None)

        def progress(size: int | None, count: int) -> None:
            self._bars.update(task, total=size, completed=count)

        try:
            yield _paced(progress)
        finally:
            self._bars.remove_task(task)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Wipe the bars, and draw them again."""
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()

    def end(self) -> None:
        """Wipe the bars."""
        self._bars.stop()


@dataclass
class _Transfer:
    """One transfer as the plain line sees it."""

    name: str
    size: int | None = None
    count: int = 0
    speed: Speed = field(default_factory=Speed)


class _Line:
    """One line for all transfers."""

    def __init__(self) -> None:
        self._transfers: list[_Transfer] = []

    @contextlib.contextmanager
    def moving(self, name: str) -> Iterator[Progress]:
        """Show a transfer on the line."""
        transfer = _Transfer(safe(name))
        self._transfers.append(transfer)

        def progress(size: int | None, count: int) -> None:
            transfer.size, transfer.count = size, count
            transfer.speed.seen(count, time.monotonic())
            self._draw()

        try:
            yield _paced(progress)
        finally:
            self._transfers.remove(transfer)
            self._wipe()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Wipe the line; it comes back by itself."""
        self._wipe()
        yield

    def end(self) -> None:
        """Wipe the line."""
        self._wipe()

    def _draw(self) -> None:
        columns = shutil.get_terminal_size().columns
        sys.stderr.write(f"\r{summary(self._transfers)[: columns - 1]}\x1b[K")
        sys.stderr.flush()

    def _wipe(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def summary(transfers: "list[_Transfer]") -> str:
    """Return one line about transfers: how far they are, how fast, and how long they will take."""
    name = transfers[0].name if len(transfers) == 1 else f"{len(transfers)} files"
    count = sum(each.count for each in transfers)
    sizes = [each.size for each in transfers]
    size = None if None in sizes else sum(each or 0 for each in sizes)
    line = f"{name}  {amount(count)}"
    if size:
        line += f" of {amount(size)}, {100 * count // size} %"
    speed = sum(each.speed.rate for each in transfers)
    if speed > 0:
        line += f"  {amount(speed)}/s"
        if size:
            line += f"  {duration((size - count) / speed)} left"
    return line

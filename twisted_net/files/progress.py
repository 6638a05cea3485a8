"""Progress of a transfer on a terminal: with rich where it is installed, else on one plain line."""

import contextlib
import sys
import time
from collections.abc import Iterator
from types import ModuleType

from twisted_net.files.client import Progress, ignore
from twisted_net.files.shown import amount
from twisted_net.net.text import safe

#: Seconds between two looks at a transfer: smooth to watch. TFTP moves a block in 60 us, and to
#: show each of them took three times as long as to fetch them.
EVERY = 0.1


@contextlib.contextmanager
def shown(name: str, wanted: bool) -> Iterator[Progress]:
    """Show the progress of one file on standard error, and wipe it at the end.

    :param wanted: nothing is shown unless this is true and standard error is a terminal.
    """
    if not wanted or not sys.stderr.isatty():
        yield ignore
        return
    rich = _rich()
    with _pretty(rich, name) if rich is not None else _plain(name) as progress:
        yield _paced(progress)


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


@contextlib.contextmanager
def _pretty(rich: ModuleType, name: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.text import Text

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.DownloadColumn(),
        rich.TransferSpeedColumn(),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        # A name may hold brackets, which rich would take for markup.
        task = bars.add_task(Text(safe(name)).markup, total=None)

        def progress(size: int | None, count: int) -> None:
            bars.update(task, total=size, completed=count)

        yield progress


@contextlib.contextmanager
def _plain(name: str) -> Iterator[Progress]:
    def progress(size: int | None, count: int) -> None:
        of = f" of {amount(size)}, {100 * count // size} %" if size else ""
        sys.stderr.write(f"\r{safe(name)}  {amount(count)}{of}\x1b[K")
        sys.stderr.flush()

    try:
        yield progress
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

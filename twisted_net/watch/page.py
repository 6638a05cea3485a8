"""What every door does, as a page for people: pure."""

import html
from collections.abc import Iterator, Mapping

from twisted_net.net.counters import DoorCounters

#: Seconds after which a browser asks again: as often as numbers can be read.
EVERY = 2

_HEADS = ("door", "open", "connections", "bytes in", "bytes out", "datagrams in", "out", "dropped")

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="{every}">
<title>netdemo: doors</title>
<link rel="stylesheet" href="/page.css">
</head>
<body>
<h1>Doors</h1>
<table>
{rows}
</table>
<p><a href="/">all pages</a></p>
</body>
</html>
"""


def page(doors: Mapping[str, DoorCounters]) -> bytes:
    """Return the page; it is asked for again by itself."""
    rows = [_row("th", _HEADS), *(_row("td", _cells(*each)) for each in doors.items())]
    return _PAGE.format(every=EVERY, rows="\n".join(rows)).encode()


def _cells(name: str, counters: DoorCounters) -> Iterator[str]:
    """Yield what is shown of a door; what it has not done yet is left empty, to be seen past."""
    yield name
    for number in (
        counters.open,
        counters.accepted,
        counters.received,
        counters.sent,
        counters.datagrams_received,
        counters.datagrams_sent,
    ):
        yield f"{number:,}" if number else ""
    yield ", ".join(f"{times:,} {reason}" for reason, times in sorted(counters.dropped.items()))


def _row(cell: str, texts: Iterator[str] | tuple[str, ...]) -> str:
    cells = "".join(f"<{cell}>{html.escape(text)}</{cell}>" for text in texts)
    return f"<tr>{cells}</tr>"

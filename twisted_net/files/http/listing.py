"""A folder as a page, and as JSON: made from its entries, without looking at a disk or a clock."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from twisted_net.files.codec import Entry
from twisted_net.files.http.codec import href
from twisted_net.files.shown import amount
from twisted_net.net.text import safe

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<link rel="stylesheet" href="?css">
<script type="module" src="?js"></script>
</head>
<body{put}>
<h1>{path}</h1>
<table>
<thead>
<tr><th scope="col">name</th><th scope="col">size</th><th scope="col">changed (UTC)</th>
<th></th></tr>
</thead>
<tbody>
{rows}
</tbody>
</table>
<p>{below}</p>
</body>
</html>
"""

_ROW = (
    '<tr><td data-key="{key}"><a href="{href}">{name}</a></td>'
    '<td data-key="{size}">{amount}</td>'
    '<td data-key="{mtime}">{time}</td>'
    '<td><a href="{href}?{more}">{more}</a></td></tr>'
)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a folder.

    :ivar name: the folder's, with a slash at its end; empty: the top.
    :ivar title: what the top is called.
    :ivar more: there are entries behind the last one here.
    :ivar write: files may be put here; the page's script offers it.
    """

    name: bytes
    title: str
    entries: Sequence[Entry]
    more: bool = False
    write: bool = False


def shown(name: bytes) -> str:
    """Return a name as it is safe to look at: no controls, nothing that turns the text round."""
    return safe(name, limit=255)


def render_page(listing: Listing) -> bytes:
    """Return a page that works without a script, too; a script lets it be sorted and filtered."""
    # Folders first: they are the way to everything else.
    entries = sorted(listing.entries, key=lambda each: each.kind != "folder")
    below = []
    if listing.more:
        after = quote(listing.entries[-1].name, safe="")
        below.append(f'<a href="?after={after}">more</a>')
    below.append('<a href="?zip">all as zip</a> <a href="?json">as JSON</a>')
    page = _PAGE.format(
        title=html.escape(shown(listing.name.rstrip(b"/")) or listing.title),
        put=" data-put" * listing.write,
        path=_path(listing),
        rows="\n".join(map(_row, entries)),
        below=" ".join(below),
    )
    return page.encode("utf-8", "backslashreplace")


def _path(listing: Listing) -> str:
    """Return the way to here, each step a link."""
    parts = [part for part in listing.name.split(b"/") if part]
    names = [listing.title, *(shown(part) for part in parts)]
    links = [
        f'<a href="./{"../" * (len(parts) - depth)}">{html.escape(name)}</a>'
        for depth, name in enumerate(names[:-1])
    ]
    return " / ".join([*links, html.escape(names[-1])])


def _row(entry: Entry) -> str:
    folder = entry.kind == "folder"
    name = html.escape(shown(_last(entry)))
    return _ROW.format(
        key=name,
        href=html.escape(href(entry.name, folder)),
        name=name + "/" * folder,
        size=-1 if folder else entry.size,
        amount="" if folder else amount(entry.size),
        mtime=entry.mtime,
        time=_time(entry.mtime),
        more="zip" if folder else "sha256",
    )


def _last(entry: Entry) -> bytes:
    return entry.name.rstrip(b"/").rpartition(b"/")[2]


def _time(mtime: int) -> str:
    try:
        return f"{datetime.fromtimestamp(mtime, UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):  # no calendar has it
        return "?"


def render_json(listing: Listing) -> bytes:
    """Return the same for programs.

    ``href`` leads to every name; ``name`` is for people where it is not UTF-8.
    """
    entries = [
        {
            "name": _last(entry).decode("utf-8", "backslashreplace"),
            "kind": entry.kind,
            "size": entry.size,
            "mtime": entry.mtime,
            "href": href(entry.name, entry.kind == "folder"),
        }
        for entry in listing.entries
    ]
    after = quote(listing.entries[-1].name, safe="") if listing.more else None
    found = {"entries": entries, "next": f"?json&after={after}" if after else None}
    return json.dumps(found, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"

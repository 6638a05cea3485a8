"""What is at the top: a list of all pages, the pages themselves, and whether the server lives."""

import html
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from twisted.web.resource import Resource

from twisted_net.net.pages import Pages, said

_STYLE = Path(__file__).with_name("static") / "page.css"

_INDEX = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>netdemo</title>
<link rel="stylesheet" href="/page.css">
</head>
<body>
<h1>netdemo</h1>
{pages}
</body>
</html>
"""


class Root(Resource):
    """The top of the web door: nobody hands anything over twice, and nothing has to be there.

    :param own: what else is at the top, by the name in its path.
    """

    def __init__(self, pages: Pages, own: Mapping[bytes, Any] | None = None) -> None:
        super().__init__()
        self._pages = pages
        self.putChild(b"", Index(pages, own or {}))
        self.putChild(b"healthz", Text(b"ok\n", b"text/plain; charset=utf-8"))
        self.putChild(b"page.css", Text(_style(), b"text/css; charset=utf-8"))
        for name, resource in (own or {}).items():
            self.putChild(name, resource)

    def getChild(self, path: bytes, request: Any) -> Any:
        """Return a page of a service, or one that says that there is none."""
        page = self._pages.get(path.decode("ascii", "replace"))
        return page.resource if page is not None else Nothing()


class Fixed(Resource):
    """A resource with nothing below it."""

    def getChild(self, path: bytes, request: Any) -> Any:
        """Say so."""
        return Nothing()


class Listed(Protocol):
    """Something at the top that is listed like a page, but not for everybody."""

    title: str
    summary: str

    def is_for(self, request: Any) -> bool:
        """Say whether whoever asks is shown it."""


class Index(Fixed):
    """The list of all pages.

    :param own: what else is at the top; of that, what is `Listed` is listed.
    """

    def __init__(self, pages: Pages, own: Mapping[bytes, Any]) -> None:
        super().__init__()
        self._pages = pages
        self._listed: dict[str, Listed] = {
            name.decode("ascii"): each for name, each in own.items() if hasattr(each, "title")
        }

    def render_GET(self, request: Any) -> bytes:
        """Render it anew: a service may have come."""
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-cache")
        items = [
            _item(f"/{page.name}/", page.title, page.summary) for page in self._pages if page.title
        ]
        items += [
            _item(f"/{name}", each.title, each.summary)
            for name, each in self._listed.items()
            if each.is_for(request)
        ]
        nothing = "<p>No service has anything to show here.</p>"
        pages = "\n".join(["<ul>", *items, "</ul>"]) if items else nothing
        return _INDEX.format(pages=pages).encode("utf-8", "replace")


def _item(path: str, title: str, summary: str) -> str:
    link = f'<a href="{path}">{html.escape(title)}</a>'
    return f"<li>{link} <span>{html.escape(summary)}</span></li>"


class Text(Fixed):
    """Bytes that are always the same."""

    def __init__(self, content: bytes, kind: bytes) -> None:
        super().__init__()
        self._content = content
        self._kind = kind

    def render_GET(self, request: Any) -> bytes:
        """Return them."""
        request.setHeader(b"Content-Type", self._kind)
        request.setHeader(b"Cache-Control", b"no-cache")
        return self._content


class Nothing(Resource):
    """What is under every other name."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        """Say so."""
        return said(request, 404, "no such page")


@cache
def _style() -> bytes:
    return _STYLE.read_bytes()

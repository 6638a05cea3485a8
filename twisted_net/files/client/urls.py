"""URLs of files. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

from twisted_net.net.errors import SettingError
from twisted_net.net.text import with_port

#: What is fetched from, and sent to, by URL.
SCHEMES = ("tcp", "tftp", "http", "https")

_PORTS = {"http": 80, "https": 443}

_MODE = re.compile(r"(?P<path>.*);mode=(?P<mode>[A-Za-z]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Url:
    """Where a file is.

    :ivar port: 0: the scheme's own.
    :ivar path: for ``http`` and ``https`` as it stands in a request, with its query; else a name.
    :ivar mode: of TFTP: ``octet`` or ``netascii``; empty: none was given.
    """

    scheme: str
    host: str
    port: int
    path: str
    mode: str = ""

    @property
    def web(self) -> bool:
        """Whether it is fetched by HTTP."""
        return self.scheme in _PORTS

    @property
    def base(self) -> str:
        """The scheme and the server."""
        return f"{self.scheme}://{with_port(self.host, self.port) if self.port else self.host}"

    @property
    def name(self) -> bytes:
        """What the file is called, unquoted; empty for a folder."""
        if not self.web:
            return self.path.encode("utf-8", "surrogateescape")
        return unquote_to_bytes(self.path.partition("?")[0].rpartition("/")[2])

    def __str__(self) -> str:
        """Return it as it is typed."""
        path = self.path if self.web else "/" + quote(self.path, safe="/", errors="surrogateescape")
        return self.base + path


def parse_url(text: str) -> Url:
    """Read ``http://HOST[:PORT]/PATH``, https, tcp, or ``tftp://HOST/NAME;mode=octet`` (RFC 3617).

    :raises SettingError: it is none of these.

    >>> str(parse_url("http://192.0.2.7:7080/files/a b")), parse_url("tftp://a/b%20c").path
    ('http://192.0.2.7:7080/files/a%20b', 'b c')
    """
    try:
        parts = urlsplit(text)
        port = parts.port or 0
    except ValueError as error:
        raise _no_url(text) from error
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise _no_url(text)
    if "@" in parts.netloc:
        raise SettingError(f"{parts.hostname!r}: a password in a URL is seen by everybody here")
    if any(each.isspace() or not each.isprintable() for each in parts.netloc):
        raise _no_url(text)
    if parts.scheme in _PORTS:
        return Url(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], _path(parts))
    rest = text.partition("://")[2].partition("/")[2]
    match = _MODE.fullmatch(rest) if parts.scheme == "tftp" else None
    mode = match["mode"].lower() if match else ""
    if mode not in ("", "octet", "netascii"):
        raise SettingError(f"{text!r}: mode {mode!r} is not supported; use octet")
    name = unquote_to_bytes(match["path"] if match else rest)
    return Url(parts.scheme, parts.hostname, port, name.decode("utf-8", "surrogateescape"), mode)


def _path(parts: SplitResult) -> str:
    """Return the path of a request: what no request may hold is quoted, the rest as it is."""
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._", errors="surrogateescape")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?", errors="surrogateescape")
    return f"{path}?{query}" if query else path


def _no_url(text: str) -> SettingError:
    return SettingError(f"{text!r}: want SCHEME://HOST[:PORT]/NAME with {', '.join(SCHEMES)}")

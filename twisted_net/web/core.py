"""Which requests a browser was tricked into: pure rules on what their heads say.

A server on loopback or in a LAN is reached by every page that a browser there has open. Two things
keep strangers' pages out. The name in ``Host`` must be one of ours: a name of theirs that points
to our address (DNS rebinding) would make their page and ours one origin. And a request that
another origin's page caused says so, in ``Origin`` or ``Sec-Fetch-Site``.
"""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

#: Methods that change nothing, so that a link from anywhere may lead to them (RFC 9110, 9.2.1).
SAFE = (b"GET", b"HEAD", b"OPTIONS")

#: Methods that no browser sends to another origin without asking there first, by OPTIONS, which is
#: not granted here (Fetch, 4.8). So they need no `HEADER`, and ``curl -T`` works as it is.
ASKED_FIRST = (b"PUT", b"DELETE")

#: A header that a page of another origin cannot send: only a script can, and only to its own.
HEADER = b"X-Netdemo"


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says of where it comes from and where it goes; None: it does not say.

    :ivar method: as ``GET``.
    :ivar version: as ``HTTP/1.1``.
    :ivar hosts: every ``Host`` there is.
    :ivar site: ``Sec-Fetch-Site``, which only browsers send (W3C Fetch Metadata).
    """

    method: bytes
    version: bytes
    hosts: tuple[bytes, ...]
    origin: bytes | None = None
    site: bytes | None = None


def refusal(
    head: Head, names: Collection[str], origins: Collection[str] = ()
) -> tuple[int, str] | None:
    """Return the code and the words with which a request is refused; None: it is not.

    :param names: host names that are ours, in small letters, without ports.
    :param origins: those of others whose pages may ask, in small letters.
    """
    if len(head.hosts) != 1:
        if not head.hosts and head.version == b"HTTP/1.0":
            return None  # from before there was such a header, and before there were scripts
        return 400, "need one Host header"
    host = name_in(head.hosts[0])
    if host is None:
        return 400, "the Host header is not a name and a port"
    if not is_ours(host, names):
        return 421, f"this server is not {host[:64]!a}; --web-names lets it be"
    if head.origin is not None and not (
        _same_origin(head.origin, head.hosts[0]) or head.origin.decode("latin-1").lower() in origins
    ):
        return 403, "the page of another server may not ask this one"
    if head.site == b"cross-site" and head.method not in SAFE:
        return 403, "the page of another server may not ask this one"
    return None


@lru_cache(maxsize=64)  # a browser asks for all by one name
def name_in(host: bytes) -> str | None:
    """Return the name or address in a ``Host`` header, in small letters; None: there is none.

    >>> name_in(b"Bench.lan:7080"), name_in(b"[::1]:7080"), name_in(b"a b"), name_in(b"a:b")
    ('bench.lan', '::1', None, None)
    """
    try:
        text = host.decode("ascii").lower()
    except UnicodeDecodeError:
        return None
    if text.startswith("["):
        name, bracket, port = text[1:].partition("]")
        port = port.removeprefix(":") if port.startswith(":") or not port else "?"
        fits = bool(bracket)
    else:
        name, _, port = text.partition(":")
        fits = bool(name) and all(each.isalnum() or each in "-._" for each in name)
    return name.rstrip(".") if fits and (port.isdigit() or not port) else None


def is_ours(name: str, names: Collection[str]) -> bool:
    """Say whether a host is this one: by a name of its own, or by whatever address.

    No page can lie by an address: a browser that was told one has asked just there.
    """
    if name in names or name == "localhost":
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _same_origin(origin: bytes, host: bytes) -> bool:
    scheme, separator, where = origin.lower().partition(b"://")
    default = {b"http": b":80", b"https": b":443"}.get(scheme, b"")
    return bool(separator) and where.removesuffix(default) == host.lower().removesuffix(default)

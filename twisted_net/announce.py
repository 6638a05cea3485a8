"""The table shown at the start: door, address, and the line to paste to use it."""

import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from twisted_net.net import endpoints
from twisted_net.net.service import Door
from twisted_net.net.table import columns
from twisted_net.net.text import with_port
from twisted_net.net.tls.demo import PRIVATE, PUBLIC
from twisted_net.registry import BUILT_IN, group


class Opened(Protocol):
    """A door that is open, here or in processes of ours."""

    @property
    def door(self) -> Door:
        """What it is."""

    @property
    def port(self) -> Any:
        """Where it listens."""


#: Addresses that mean "every address", and one of them that a client can be given.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104

_DEFAULT_PASTE = {"stream": "nc {host} {port}", "datagram": "nc -u {host} {port}"}


def table(opened: Sequence[Opened]) -> list[str]:
    """Return the table as lines."""
    head = ("door", "address", "try it from another terminal")
    return columns([head, *(_row(each) for each in opened)])


def show(
    opened: Sequence[Opened], how_to_stop: str = "Ctrl-C stops it", notes: Sequence[str] = ()
) -> str:
    """Return all that a foreground server says at its start.

    :param notes: what there is to know beside the doors.
    """
    if not opened:
        return "netdemo listens nowhere: every door is closed"
    lines = [f"netdemo is listening; {how_to_stop}.", "", *table(opened), ""]
    if notes:
        lines += [*(f"  {note}" for note in notes), ""]
    where = _where_netdemo_is()
    if where and any(each.door.paste.startswith("netdemo ") for each in opened):
        lines += [f"  netdemo is {where}", ""]
    return "\n".join(lines)


def _row(each: Opened) -> tuple[str, str, str]:
    host = each.port.getHost()
    paste = each.door.paste or _DEFAULT_PASTE[each.door.kind]
    if _is_where_clients_ask(each.door, host):
        paste = paste.replace(_ASKED, "")
    if each.door.kind == "stream" and each.door.endpoint.startswith(("ssl:", "tls:")):
        paste = _over_tls(paste, each.door.endpoint)
    return each.door.name, address(host), _filled(paste, host)


def _over_tls(paste: str, endpoint: str) -> str:
    """Return a line that uses a door over TLS, made of one that does without."""
    public = _public(endpoint)
    judged = f" --ca {shlex.quote(public)}" if public else ""
    if paste.startswith("netdemo "):
        _, verb, *rest = paste.split(" ", 2)
        return " ".join(["netdemo", verb, f"--tls{judged}", *rest])
    if paste.startswith("http://"):
        return paste.replace("http://", "https://", 1)
    return re.sub(
        r"\bnc (-N )?\{host\} \{port\}", "openssl s_client -quiet -connect {address}", paste
    )


def _public(endpoint: str) -> str:
    """Return the file that clients of the demo certificate need; empty: it is another one."""
    private = Path(endpoints.parse(endpoint, "stream").options.get("privateKey", ""))
    return str(private.with_name(PUBLIC)) if private.name == PRIVATE else ""


#: What a client of ours need not be told where the door listens on its default address.
_ASKED = " --server {address}"


def _is_where_clients_ask(door: Door, host: IAddress) -> bool:
    if not isinstance(host, IPv4Address) or _EVERYWHERE.get(host.host, host.host) != "127.0.0.1":
        return False
    described = [
        each
        for service in BUILT_IN
        for each in group(service)
        if each.option == door.name and each.default  # else it is closed where nobody opens it
    ]
    return any(endpoints.parse(each.default, door.kind).port == host.port for each in described)


def address(host: IAddress) -> str:
    """Return an address as a URL has it: ``127.0.0.1:7007``, ``[::1]:7007``, ``unix:/path``."""
    if isinstance(host, IPv4Address | IPv6Address):
        return with_port(host.host, host.port)
    name = getattr(host, "name", "?")
    return f"unix:{name.decode(errors='replace') if isinstance(name, bytes) else name}"


def _filled(paste: str, host: IAddress) -> str:
    if not isinstance(host, IPv4Address | IPv6Address):
        return f"nc -U {address(host).removeprefix('unix:')}"
    reached = _EVERYWHERE.get(host.host, host.host)
    filled = paste.replace("{address}", with_port(reached, host.port))
    return filled.replace("{host}", reached).replace("{port}", str(host.port))


def _where_netdemo_is() -> str:
    """Return the path of ``netdemo`` where the shell would not find it; else nothing."""
    beside = Path(sys.executable).with_name("netdemo")
    if shutil.which("netdemo") or not beside.exists():
        return ""
    return shlex.quote(str(beside))

"""The table shown at the start: door, address, and the line to paste to use it."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from twisted_net.assembly import OpenDoor
from twisted_net.net.table import columns

#: Addresses that mean "every address", and one of them that a client can be given.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104

_DEFAULT_PASTE = {"stream": "nc {host} {port}", "datagram": "nc -u {host} {port}"}


def table(opened: Sequence[OpenDoor]) -> list[str]:
    """Return the table as lines."""
    head = ("door", "address", "try it from another terminal")
    return columns([head, *(_row(each) for each in opened)])


def show(opened: Sequence[OpenDoor], how_to_stop: str = "Ctrl-C stops it") -> str:
    """Return all that a foreground server says at its start."""
    if not opened:
        return "netdemo listens nowhere: every door is closed"
    return "\n".join([f"netdemo is listening; {how_to_stop}.", "", *table(opened), ""])


def _row(each: OpenDoor) -> tuple[str, str, str]:
    host = each.port.getHost()
    paste = each.door.paste or _DEFAULT_PASTE[each.door.kind]
    return each.door.name, address(host), _filled(paste, host)


def address(host: IAddress) -> str:
    """Return an address as a URL has it: ``127.0.0.1:7007``, ``[::1]:7007``, ``unix:/path``."""
    if isinstance(host, IPv4Address | IPv6Address):
        return _with_port(host.host, host.port)
    name = getattr(host, "name", "?")
    return f"unix:{name.decode(errors='replace') if isinstance(name, bytes) else name}"


def _with_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _filled(paste: str, host: IAddress) -> str:
    if not isinstance(host, IPv4Address | IPv6Address):
        return f"nc -U {address(host).removeprefix('unix:')}"
    reached = _EVERYWHERE.get(host.host, host.host)
    filled = paste.replace("{address}", _with_port(reached, host.port))
    filled = filled.replace("{host}", reached).replace("{port}", str(host.port))
    return filled.replace("netdemo ", f"{_command()} ", 1)


def _command() -> str:
    """Return what to type for ``netdemo``: its path, where the shell would not find it."""
    if shutil.which("netdemo"):
        return "netdemo"
    beside = Path(sys.executable).with_name("netdemo")
    if not beside.exists():
        return "netdemo"
    if beside.is_relative_to(Path.cwd()):
        beside = beside.relative_to(Path.cwd())
    return shlex.quote(str(beside))

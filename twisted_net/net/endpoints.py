"""Strings that doors are opened from: Twisted's stream endpoints, and ``udp:``, which it has not.

`parse` finds what is wrong with one before anything is opened, in words for the person who typed
it; `listening` opens it.
"""

import difflib
import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted_net.net import inherited
from twisted_net.net.settings import Reading

if TYPE_CHECKING:
    from twisted_net.net.service import Kind

STREAM_TYPES = ("tcp", "tcp6", "ssl", "tls", "unix", "systemd")
DATAGRAM_TYPES = ("udp", "udp6", "systemd")

#: Room for one datagram: with Twisted's 8192 a longer one is cut without a word.
LONGEST_DATAGRAM = 65535

#: Longest path of a UNIX socket in bytes, its final NUL not counted (unix(7)).
LONGEST_UNIX_PATH = 107

_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)

#: The arguments of the types that this module opens itself, in the order in which Twisted takes
#: them without their names.
ARGUMENTS = {
    "tcp": ("port", "interface", "backlog"),
    "tcp6": ("port", "interface", "backlog"),
    "udp": ("port", "interface"),
    "udp6": ("port", "interface"),
    "ssl": ("port", "privateKey", "certKey", "interface", "backlog", "extraCertChain"),
    "tls": ("path", "port", "backlog", "interface"),
    "systemd": ("domain", "index", "name"),
}

#: What the interface of the bench means to a door that speaks IPv6.
_IPV6_OF = {"127.0.0.1": "::1", "0.0.0.0": "::"}  # noqa: S104 - a translation, no default


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A listening endpoint string, taken apart.

    :ivar type: ``tcp``, ``udp6``, ``unix`` …
    :ivar arguments: the arguments that have no name.
    :ivar options: the arguments that have one.
    """

    text: str
    type: str
    arguments: tuple[str, ...]
    options: dict[str, str]

    @property
    def encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return self.type in ("ssl", "tls")

    @property
    def port(self) -> int:
        """The port of an endpoint that has one."""
        return int(self.arguments[0] if self.arguments else self.options["port"])

    @property
    def path(self) -> str:
        """The path of a unix endpoint."""
        return self.arguments[0] if self.arguments else self.options.get("address", "")

    def interface(self, otherwise: str) -> str:
        """Return the address to listen on, if the string names none the one given.

        :raises ValueError: it is no address of the endpoint's family.
        """
        named = address(self.options.get("interface", otherwise))
        if not self.type.endswith("6") or ":" in named:
            return named
        if "interface" not in self.options and named in _IPV6_OF:
            return _IPV6_OF[named]
        raise ValueError(f"{named} is no IPv6 address; {self.type} needs one")


def parse(text: str, kind: "Kind") -> Endpoint:
    """Take an endpoint string apart.

    :raises ValueError: it cannot work; the message says why, without the string itself.
    """
    arguments, options = _split(text)
    made = Endpoint(text, "".join(arguments[:1]), tuple(arguments[1:]), options)
    _check_type(made, kind)
    if made.type in ARGUMENTS:
        made = _named(made)
    if made.type == "systemd":
        inherited.check(made.options)
    elif made.type in ARGUMENTS:
        _check_port(made)
        _check_backlog(made)
        made.interface("127.0.0.1")
    elif made.type == "unix":
        _check_unix(made)
    return made


def encrypted(text: str, private: str) -> str:
    """Return a tcp endpoint with TLS.

    :param private: the file with key and certificate.
    """
    from twisted.internet.endpoints import quoteStringArgument  # which clients do without

    plain = parse(text, "stream")
    options = {**plain.options, "privateKey": private}
    if plain.type == "tcp6" and "interface" not in options:
        options["interface"] = "::1"
    port = options.pop("port")
    named = [f"{name}={quoteStringArgument(value)}" for name, value in options.items()]
    return ":".join(["ssl", port, *named])


def reading(kind: "Kind") -> Reading:
    """Return how a setting reads an endpoint string; the empty one, a closed door, is fine."""

    def read(text: str) -> str:
        if text:
            parse(text, kind)
        return text

    return Reading("ENDPOINT", read)


def _split(text: str) -> tuple[list[str], dict[str, str]]:
    r"""Cut at ``:`` and the first ``=``, unless a backslash stands before (Twisted's rules)."""
    arguments: list[str] = []
    options: dict[str, str] = {}
    for part in re.split(r"(?<!\\):", text):
        name, equals, value = part.partition("=")
        if equals and re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name):
            options[name] = _unquoted(value)
        elif options and not equals and ":" in text.partition("interface=")[2]:
            raise ValueError(
                "escape the colons of an IPv6 address, interface=\\:\\:1, or use tcp6 or udp6"
            )
        else:
            arguments.append(_unquoted(part))
    return arguments, options


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _check_type(endpoint: Endpoint, kind: "Kind") -> None:
    right: tuple[str, ...] = STREAM_TYPES if kind == "stream" else DATAGRAM_TYPES
    wrong: tuple[str, ...] = DATAGRAM_TYPES if kind == "stream" else STREAM_TYPES
    if endpoint.type in right:
        return
    if endpoint.type in wrong:
        other = "datagram" if kind == "stream" else "stream"
        raise ValueError(f"want a {kind} endpoint ({', '.join(right)}); this is a {other} endpoint")
    if endpoint.type == "haproxy":  # Twisted's believes anybody, and takes 999.2.3.4 for an address
        inner = endpoint.text.removeprefix("haproxy:")
        raise ValueError(f"use {inner!r} and name the proxies: --proxy-from 192.0.2.1")
    if kind == "stream" and endpoint.type in _plugin_types():
        return
    if endpoint.type.isdecimal():
        _check_number(endpoint.type)
        raise ValueError(f"need a type before the port; did you mean '{right[0]}:{endpoint.text}'?")
    near = difflib.get_close_matches(endpoint.type.lower(), right, 1)
    guess = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(right)}"
    raise ValueError(f"unknown type {endpoint.type!r}; {guess}")


def _plugin_types() -> list[str]:
    from twisted.internet.interfaces import IStreamServerEndpointStringParser
    from twisted.plugin import getPlugins

    prefixes = [plugin.prefix for plugin in getPlugins(IStreamServerEndpointStringParser)]
    return [prefix for prefix in prefixes if prefix != "stdio"]  # one connection is no door


def _check_port(endpoint: Endpoint) -> None:
    text = endpoint.arguments[0] if endpoint.arguments else endpoint.options.get("port")
    if text is None:
        example = "tls:FOLDER" if endpoint.type == "tls" else endpoint.type
        raise ValueError(f"names no port; write {example}:7000")
    _check_number(text)


def _check_number(text: str) -> None:
    if not text.isdecimal() or not text.isascii():
        raise ValueError(f"{text!r} is not a port number")
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise ValueError("port must be 0-65535")


def _check_backlog(endpoint: Endpoint) -> None:
    text = endpoint.options.get("backlog", "1")
    if not _PORT.fullmatch(text) or int(text) < 1:
        raise ValueError(f"backlog {text!r}: need a whole number 1-99999")


def _named(endpoint: Endpoint) -> Endpoint:
    """Give every argument its name; refuse what has no meaning here."""
    names = ARGUMENTS[endpoint.type]
    if len(endpoint.arguments) > len(names):
        raise ValueError(f"{endpoint.arguments[-1]!r} is too much; it takes {', '.join(names)}")
    options = dict(zip(names, endpoint.arguments, strict=False))
    for name, value in endpoint.options.items():
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            guess = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(names)}"
            raise ValueError(f"unknown argument {name!r}; {guess}")
        if name in options:
            raise ValueError(f"names its {name} twice")
        options[name] = value
    return Endpoint(endpoint.text, endpoint.type, (), options)


def address(text: str) -> str:
    """Return ``text`` if it is an IP address; ``localhost`` is 127.0.0.1.

    :raises ValueError: it is not.
    """
    if text == "localhost":
        return "127.0.0.1"
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise ValueError("need an IP address, as 127.0.0.1, 0.0.0.0 or ::1") from error
    return text


def _check_unix(endpoint: Endpoint) -> None:
    length = len(endpoint.path.encode("utf-8", "surrogateescape"))
    if not length:
        raise ValueError("names no path; write unix:/run/netdemo.sock")
    if length > LONGEST_UNIX_PATH:
        raise ValueError(f"unix path is {length} bytes, the limit is {LONGEST_UNIX_PATH}")

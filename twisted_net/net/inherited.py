"""Sockets that a service manager has opened for this process (sd_listen_fds(3))."""

import os
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: The first descriptor that is handed over.
FIRST = 3

#: What a socket is called that nobody has named.
UNNAMED = "unknown"

_PROC = Path("/proc/self/environ")

_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Inherited:
    """A socket.

    :ivar name: ``FileDescriptorName=`` of its unit.
    """

    name: str
    descriptor: int


def handed_over(environment: Mapping[str, str], pid: int) -> tuple[Inherited, ...]:
    """Return the sockets that are meant for the process ``pid``, in their order."""
    count = environment.get("LISTEN_FDS", "")
    if environment.get("LISTEN_PID") != str(pid) or not _NUMBER.fullmatch(count):
        return ()
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    names += [UNNAMED] * (int(count) - len(names))
    return tuple(
        Inherited(name or UNNAMED, FIRST + number)
        for number, name in enumerate(names[: int(count)])
    )


@cache
def ours() -> tuple[Inherited, ...]:
    """Return the sockets that are meant for this process.

    The answer is kept from the first time that somebody asks: a daemon becomes another process
    after it has read its options, and they are still meant for it.
    """
    return handed_over({**at_start(_PROC), **os.environ}, os.getpid())


def at_start(file: Path) -> dict[str, str]:
    """Return the environment that this process was given: Twisted takes out what it has seen.

    :param file: ``/proc/self/environ`` (proc(5)).
    """
    try:
        block = os.fsdecode(file.read_bytes())
    except OSError:
        return {}
    pairs = (each.partition("=") for each in block.split("\0"))
    return {name: value for name, equals, value in pairs if equals}


def check(options: Mapping[str, str]) -> None:
    """Look at the arguments of a ``systemd:`` endpoint before anything is opened.

    :raises ValueError: they make no sense.
    """
    if ("index" in options) == ("name" in options):
        raise ValueError("want the name or the index of a socket; write systemd:name=echo")
    if not _NUMBER.fullmatch(options.get("index", "0")):
        raise ValueError(f"index {options['index']!r}: need a whole number")
    ours()


def opened(options: Mapping[str, str], kind: socket.SocketKind) -> socket.socket:
    """Return a copy of the socket that a ``systemd:`` endpoint means.

    :raises ValueError: there is none, or it is of another kind; says which there are.
    """
    found = _chosen(options, ours())
    try:
        os.set_inheritable(found.descriptor, False)
        made = socket.socket(fileno=os.dup(found.descriptor))
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ValueError(f"inherited fd {found.descriptor}: {why}") from error
    if made.type != kind:
        wrong = made.type
        made.close()
        raise ValueError(f"inherited fd {found.descriptor} is {_named(wrong)}, need {_named(kind)}")
    made.setblocking(False)
    return made


def _named(kind: int) -> str:
    try:
        return socket.SocketKind(kind).name
    except ValueError:
        return str(kind)


def _chosen(options: Mapping[str, str], there: Sequence[Inherited]) -> Inherited:
    names = ", ".join(each.name for each in there)
    names = names or "none; is a socket unit of systemd's in front?"
    if "index" in options:
        index = int(options["index"])
        if index < len(there):
            return there[index]
        raise ValueError(f"no inherited socket {index} (have: {names})")
    for each in there:
        if each.name == options["name"]:
            return each
    raise ValueError(f"no inherited socket named {options['name']!r} (have: {names})")

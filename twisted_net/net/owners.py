"""Who has a port: read from ``/proc`` (proc(5)), where there is one."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")

#: Characters of a command shown: what is left of a line after the port and the pid.
SHOWN = 40

#: The state of a listening socket in /proc/net/tcp, and of any UDP socket that is not connected.
_STATES = {"tcp": "0A", "udp": "07"}


def owner(kind: str, port: int, proc: Path = _PROC) -> str:
    """Return who listens on a port, as ``pid 4711: nginx -g daemon off;``; empty: not known.

    Without root only the caller's own processes can be seen; the pid of others stays unknown.

    :param kind: ``tcp`` or ``udp``.
    """
    inodes = list(_inodes(kind, port, proc))
    for process in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        if any(inode in inodes for inode in _sockets(process)):
            return f"pid {process.name}: {_command(process)}"
    return ""


def _inodes(kind: str, port: int, proc: Path) -> Iterator[str]:
    for table in (kind, f"{kind}6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            local, state, inode = (line.split()[i] for i in (1, 3, 9))
            if state == _STATES[kind] and int(local.rpartition(":")[2], 16) == port:
                yield inode


def _sockets(process: Path) -> Iterator[str]:
    try:
        for descriptor in (process / "fd").iterdir():
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                yield target[8:-1]
    except OSError:  # gone meanwhile, or not ours to look at
        return


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return "?"
    if len(words) > 1 and _INTERPRETER.search(words[0]) and not words[1].startswith(b"-"):
        del words[0]  # what it runs says more
    words[0] = words[0].rpartition(b"/")[2]
    shown = b" ".join(words).decode("utf-8", "backslashreplace").strip() or "?"
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"


_INTERPRETER = re.compile(rb"(^|/)(python|pypy)[0-9.]*$")

"""What this process uses of the machine, from ``/proc`` where there is one (proc(5))."""

import os
import resource
from pathlib import Path

from twisted_net.net.health import Usage

_PROC = Path("/proc")


def usage(proc: Path = _PROC) -> Usage:
    """Return what this process uses now."""
    times = os.times()
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Usage(
        processes=1,
        cpu=times.user + times.system,
        memory=_memory(proc),
        descriptors=_descriptors(proc),
        most_descriptors=None if limit == resource.RLIM_INFINITY else limit,
        began=_began(proc),
    )


def _memory(proc: Path) -> int | None:
    try:
        pages = int((proc / "self" / "statm").read_bytes().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * resource.getpagesize()


def _descriptors(proc: Path) -> int | None:
    try:
        return len(os.listdir(proc / "self" / "fd")) - 1  # one is that of the folder itself
    except OSError:
        return None


def _began(proc: Path) -> float | None:
    try:
        # The name of the program stands in brackets, and may hold anything.
        after = (proc / "self" / "stat").read_bytes().rpartition(b")")[2].split()
        booted = next(
            int(line.split()[1])
            for line in (proc / "stat").read_bytes().splitlines()
            if line.startswith(b"btime")
        )
        return booted + int(after[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, StopIteration):
        return None

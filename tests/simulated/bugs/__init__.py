"""Bugs planted on purpose: a network that never found one has shown nothing."""

from tests.simulated.bugs import chat, files, small, streams
from tests.simulated.bugs.planted import Planted

PLANTED: tuple[Planted, ...] = (*chat.BUGS, *streams.BUGS, *files.BUGS, *small.BUGS)

__all__ = ["PLANTED", "Planted"]

"""Watching a server from outside: its metrics."""

from twisted_net.watch.codec import Family, Sample, render
from twisted_net.watch.core import families

__all__ = ["Family", "Sample", "families", "render"]

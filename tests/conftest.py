"""Fixtures that tests of several folders share."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback.engines import Engine

#: What a server obeys.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Let a test do with signals what it likes; no other test in this process will feel it.

    One that left a handler behind would stop the reactor that later tests run on.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS[2:]:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Start a broker; it is gone after the test."""
    # Not pytest's own folder: a UNIX socket's path has 107 bytes.
    with tempfile.TemporaryDirectory() as folder:
        made = Engine(Path(folder))
        try:
            yield made
        finally:
            made.kill()

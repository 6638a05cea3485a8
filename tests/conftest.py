"""Fixtures that tests of several folders share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback.engines import Engine


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

"""What the simulated tests share: a folder of files."""

from pathlib import Path

import pytest

from tests.simulated.fetching import shelf


@pytest.fixture
def shared() -> Path:
    """Return a folder of files, the same in every run."""
    return shelf()

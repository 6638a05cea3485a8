"""What the simulated tests share: a folder of files."""

from pathlib import Path

import pytest

from tests.simulated.fetching import share


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files, the same in every run."""
    return share(tmp_path_factory.mktemp("shared"))

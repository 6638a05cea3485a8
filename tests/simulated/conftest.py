"""What the simulated tests share: transports, and a folder of files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.net.fast.kinds import FAST
from tests.simulated.fetching import shelf
from twisted_net.testing import SimNetwork


@pytest.fixture(autouse=True)
def fast() -> Iterator[None]:
    """Run whole services on the transports that they run on outside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SimNetwork, "default_transports", FAST)
        yield


@pytest.fixture
def shared() -> Path:
    """Return a folder of files, the same in every run."""
    return shelf()

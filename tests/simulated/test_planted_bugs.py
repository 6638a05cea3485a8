"""Each planted bug is found, soon and with few faults; where it is not planted nothing is found."""

import pytest

from tests.patience import PATIENCE
from tests.simulated.bugs import PLANTED, Planted
from twisted_net.testing.explore import SEED

#: Seeds within which a bug has to be found. (How many seconds that takes, `make simulate` tells.)
SEEDS = 500

#: Faults that are left after shrinking, at most, and the runs that shrinking takes.
FEW_FAULTS = 2
FEW_RUNS = 60

#: Seeds beyond the one that found the bug, under which the unbroken version is tried.
CONTROLS = 20


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the same seeds find nothing wrong with our own code."""
    monkeypatch.delenv(SEED, raising=False)  # a hunt needs all its seeds
    report = bug.hunt(SEEDS, PATIENCE)
    assert report.finding is not None, f"not found in {report.runs} seeds"
    assert report.finding.needed is not None
    assert len(report.finding.needed) <= FEW_FAULTS, str(report.finding)
    assert report.finding.runs <= FEW_RUNS
    assert bug.control(report.runs + CONTROLS).finding is None

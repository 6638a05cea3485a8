"""Simulated tests are plain tests: every runner runs them, and all get the same packets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: The tests that are run, as a file and as a module.
FILE = "tests/testing/runnable.py"
MODULE = "tests.testing.runnable"

#: Without the configuration of this project, whose plug-in would be there too.
PYTEST = ["-m", "pytest", "-c", "{where}/pytest.ini", "--rootdir", str(ROOT), "--noconftest",
          "-p", "no:cacheprovider"]  # fmt: skip

RUNNERS = {
    "pytest without plugins": [*PYTEST, "-p", "no:twisted", "-p", "no:hypothesispytest", FILE],
    "pytest with pytest-twisted": [*PYTEST, "-p", "no:hypothesispytest", FILE],
    "pytest with our plug-in": [*PYTEST, "-p", "twisted_net.testing.pytest_plugin", FILE],
    "trial": ["-m", "twisted.trial", MODULE],
    "trial -j2": ["-m", "twisted.trial", "-j2", MODULE],
    "unittest": ["-m", "unittest", MODULE],
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the digests of a run by unittest, which has nothing to do with Twisted."""
    return digests(RUNNERS["unittest"], tmp_path_factory.mktemp("unittest"))


def digests(command: list[str], where: Path) -> list[str]:
    """Run the tests and return what they have told."""
    told = where / "digests"
    (where / "pytest.ini").write_text("[pytest]\n")
    surroundings = {name: value for name, value in os.environ.items() if "TWISTED_NET" not in name}
    done = subprocess.run(
        [sys.executable, *(word.replace("{where}", str(where)) for word in command)],
        cwd=ROOT if "pytest" in command else where,
        env={**surroundings, "DIGESTS": str(told), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return sorted(told.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("runner", [each for each in RUNNERS if each != "unittest"])
def test_every_runner_sees_the_same_packets(
    runner: str, expected: list[str], tmp_path: Path
) -> None:
    """Three seeds of two tests, one digest each, wherever they are run."""
    assert len(expected) == 6
    assert digests(RUNNERS[runner], tmp_path) == expected

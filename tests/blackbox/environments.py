"""Distributions as a packager builds them, and fresh environments to install them into."""

import functools
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.blackbox.conftest import Bench, free_ports

#: The folder that holds setup.py.
ROOT = Path(__file__).parents[2]

#: Distributions of others, small but whole.
THIRD_PARTY = ROOT / "tests" / "thirdparty"

#: Seconds that a build or an installation may take.
PATIENCE = 900.0


def run(
    *command: str | Path, folder: Path, patience: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with none of our own settings and none of our own modules.

    :param folder: where it runs: Python may import what lies there.
    """
    ours = ("PYTHON", "NETDEMO_", "COV_", "COVERAGE_", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


def copy_of_the_tree(to: Path) -> Path:
    """Copy what belongs to the project, for a build leaves its own files where it runs."""
    git = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = run(*git, folder=ROOT) if (ROOT / ".git").exists() else None
    if listed is None or listed.returncode:
        hidden = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "dropin.cache", "build")
        return Path(shutil.copytree(ROOT, to, ignore=hidden))
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    return to


@dataclass(frozen=True, slots=True)
class Distributions:
    """What a release consists of.

    :ivar source: the tree that it was built from.
    """

    source: Path
    sdist: Path
    wheel: Path


@functools.cache
def built(base: Path) -> Distributions:
    """Build an sdist, and from that a wheel; skip the test where nothing can be installed.

    :param base: the folder that keeps what this run of the tests makes; they share one build.
    """
    folder = copy_of_the_tree(base / "release" / "source")
    _need_the_index(folder.parent)
    done = run(sys.executable, "-m", "build", "--outdir", folder.parent, ".", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    [sdist], [wheel] = folder.parent.glob("*.tar.gz"), folder.parent.glob("*.whl")
    return Distributions(folder, sdist, wheel)


def _need_the_index(folder: Path) -> None:
    download = (
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--retries=1",
        "--dest",
        folder / "probe",
    )
    tried = run(sys.executable, *download, "click", folder=folder)
    if tried.returncode:
        why = tried.stderr.strip().splitlines() or ["pip says nothing"]
        pytest.skip(f"no package index can be reached: {why[-1]}")


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment.

    :ivar folder: where it is; commands run in it, far from the checkout.
    """

    folder: Path

    def install(self, *what: str | Path) -> None:
        """Install as ``pip install`` does."""
        # The pip of this environment serves the new one: it need not be installed there first.
        pip = ("-m", "pip", "--python", self.command("python"), "install", "--quiet")
        done = run(sys.executable, *pip, *what, folder=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr

    def command(self, name: str) -> Path:
        """Return the path of an installed command."""
        return self.folder / "bin" / name

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run an installed command to its end."""
        return run(self.command(name), *arguments, folder=self.folder)

    def serve(self, *options: str, **more: str) -> Bench:
        """Start ``twistd netdemo`` on free ports.

        :param more: environment variables to add.
        """
        twistd = [str(self.command("twistd")), "-n", "--pidfile=", "netdemo", *free_ports()]
        return Bench([*twistd, *options], cwd=self.folder, env={**os.environ, **more})


def fresh(folder: Path, *what: str | Path) -> Environment:
    """Make an environment and install into it."""
    venv.create(folder, symlinks=True)
    made = Environment(folder)
    made.install(*what)
    return made

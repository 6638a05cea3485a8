"""However netdemo is installed, twistd finds it; and a release holds what it should."""

import email
import re
import tarfile
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.blackbox import environments
from tests.blackbox.environments import Distributions, Environment

pytestmark = pytest.mark.slow  # four environments

WAYS = ("wheel", "sdist", "folder", "editable")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Build what a release consists of."""
    return environments.built(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def installed(
    release: Distributions, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Environment]:
    """Install in each way, each in an environment of its own."""
    folder = tmp_path_factory.mktemp("environments")
    copies = {way: environments.copy_of_the_tree(folder / f"source-{way}") for way in WAYS[2:]}
    arguments: dict[str, tuple[str | Path, ...]] = {
        "wheel": (release.wheel,),
        "sdist": (release.sdist,),
        "folder": (copies["folder"],),
        "editable": ("--editable", copies["editable"]),
    }
    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(environments.fresh, folder / way, *arguments[way]) for way in WAYS]
        return dict(zip(WAYS, (each.result() for each in made), strict=True))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("command", ["twistd --help", "twist --help", "python -m twisted --help"])
def test_twisted_lists_netdemo(
    installed: Mapping[str, Environment], way: str, command: str
) -> None:
    """A plug-in that is installed but not found would be no command at all."""
    done = installed[way].run(*command.split())
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ +netdemo +echo, chat and files", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("way", WAYS)
def test_twistd_netdemo_explains_its_options(
    installed: Mapping[str, Environment], way: str
) -> None:
    """The options of every service are in one help text."""
    done = installed[way].run("twistd", "netdemo", "--help")
    assert done.returncode == 0, done.stderr
    assert "--echo-tcp=" in done.stdout


@pytest.mark.parametrize("way", WAYS)
def test_the_command_knows_its_version(installed: Mapping[str, Environment], way: str) -> None:
    """``netdemo`` is there, and says which one it is."""
    done = installed[way].run("netdemo", "--version")
    assert re.fullmatch(r"netdemo, version \d+\.\d+\.\d+\S*\n", done.stdout), done.stderr


def test_three_distributions_are_required(release: Distributions) -> None:
    """Whoever installs netdemo gets Twisted, zope.interface and click, and what those need."""
    with zipfile.ZipFile(release.wheel) as wheel:
        [metadata] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        described = email.message_from_bytes(wheel.read(metadata))
    required = [each for each in described.get_all("Requires-Dist", []) if "extra ==" not in each]
    names = [re.split(r"[^A-Za-z0-9._-]", each)[0].lower() for each in required]
    assert sorted(names) == ["click", "twisted", "zope.interface"]


def test_the_wheel_holds_all_of_the_package(release: Distributions) -> None:
    """Data files are easily forgotten: the demo folder, the marker of typed packages."""
    with zipfile.ZipFile(release.wheel) as wheel:
        held = wheel.namelist()
    source = [
        str(path.relative_to(release.source))
        for path in (release.source / "twisted_net").rglob("*")
        if path.is_file() and path.suffix != ".c"  # that is compiled
    ]
    assert [path for path in source if path not in held] == []
    assert "twisted_net/py.typed" in held
    assert "twisted_net/files/demo/hello.txt" in held
    assert "twisted/plugins/twisted_net_plugin.py" in held


def test_the_wheel_holds_nothing_else(release: Distributions) -> None:
    """An ``__init__.py`` of ours in Twisted's folders would break Twisted; a cache is a pickle."""
    with zipfile.ZipFile(release.wheel) as wheel:
        held = wheel.namelist()
    ours = [
        path for path in held if not path.startswith("twisted_net/") and ".dist-info/" not in path
    ]
    assert ours == ["twisted/plugins/twisted_net_plugin.py"]
    assert [path for path in held if path.endswith((".pyc", "dropin.cache"))] == []


def test_the_sdist_can_be_tested_and_documented(release: Distributions) -> None:
    """A packager of a Linux distribution starts from it."""
    with tarfile.open(release.sdist) as sdist:
        held = [name.partition("/")[2] for name in sdist.getnames()]
    for path in ("setup.py", "pyproject.toml", "Makefile", "Procfile", "conftest.py"):
        assert path in held
    assert [path for path in held if path.endswith((".pyc", "dropin.cache"))] == []

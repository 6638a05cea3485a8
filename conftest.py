"""Loads the rules for all tests, and runs what the documentation shows.

That is README.md, the pages of docs/ and the examples in docstrings.

A ``python`` block is executed, and then the tests that it defines are run. They have to pass,
unless a ``text`` block that begins with an error comes next: then they have to fail with just that.
Each ``$ command`` of a ``console`` block is run by a shell while one server listens on the default
ports, and its output compared with the lines that follow; ``...`` stands for anything there. A
block that nobody should run is marked ``sh`` or ``text``.
"""

import inspect
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.doctest import DocTestParser
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser
from sybil.sybil import SybilCollection

from twisted_net import registry
from twisted_net.net import endpoints
from twisted_net.settings import groups
from twisted_net.testing import SimNetwork

#: Rules for every test: nothing logged, nothing left behind, no real socket; and pytest's own
#: tests of plug-ins, for those of this one.
pytest_plugins = ["twisted_net.testing.pytest_plugin", "pytester"]

# No example has to be quick: a test that passes or fails by how busy its machine is tells nothing.
settings.register_profile("netdemo", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("netdemo")

# For nights: `make fuzz-nightly`.
settings.register_profile(
    "nightly",
    max_examples=int(os.environ.get("EXAMPLES") or 100_000),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

#: Test modules about what reads the bytes and texts of strangers: their properties are marked
#: ``fuzz``, and nights try many more examples on them. Others may mark theirs themselves.
PARSERS = re.compile(
    r"test_(\w+_)?(clients|codec(_\w+)?|endpoints|framing|ident|netascii|sasl|scram|settings|text)"
)

#: The folder of the commands that were installed with this Python.
BIN = Path(sys.executable).parent

#: How the rest of a page begins whose next block shows an error.
FAILS = re.compile(r"[^`]*```text\n[\w.]*(Error|errors\.\w+)\b")

#: Seconds that a command of the documentation may take.
PATIENCE = 120.0

#: What a shell exits with when there is no such command.
NOT_FOUND = 127


class Tests(PythonEvaluator):
    """Execute a block, and run the tests that it defines, or leave them to `Failure`."""

    def __call__(self, example: Example) -> None:
        """Raise what fails."""
        before = dict(example.namespace)
        super().__call__(example)
        tests = [
            value
            for name, value in example.namespace.items()
            if name.startswith("test_") and value is not before.get(name)
        ]
        after = example.document.text[example.end :]
        example.namespace["failing"] = tests if FAILS.match(after) else []
        for test in tests if not example.namespace["failing"] else ():
            _run_test(test)


def _run_test(test: Callable[..., object]) -> None:
    """Run a test as pytest would, with the network that our plug-in would give it."""
    options: dict[str, Any] = {}
    for mark in getattr(test, "pytestmark", ()):
        options |= mark.kwargs
    if "net" in inspect.signature(test).parameters:
        test(SimNetwork(**options))
    else:
        test()


class Snippets(PythonCodeBlockParser):
    """Run python blocks with `Tests`."""

    def __init__(self) -> None:
        super().__init__()
        self.codeblock_parser = CodeBlockParser("python", Tests())


class Failure(CodeBlockParser):
    """Compare a text block with what the tests of the block before fail with."""

    language = "text"

    def evaluate(self, example: Example) -> str | None:
        """Return what differs, or None."""
        for test in example.namespace.pop("failing", ()):
            got = _failure(test)
            if not _fits(example.parsed, got):
                return f"{test.__name__} fails with\n\n{got}\n\nand not\n\n{example.parsed}"
        return None


def _failure(test: Callable[..., object]) -> str:
    with tempfile.TemporaryDirectory() as captures, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWISTED_NET_CAPTURES", captures)
        patch.delenv("TWISTED_NET_SEED", raising=False)
        try:
            _run_test(test)
        except AssertionError as error:
            return "".join(traceback.format_exception_only(error))
    return "nothing"


class Console(CodeBlockParser):
    """Run each ``$ command`` of a console block, and compare its output."""

    language = "console"

    def evaluate(self, example: Example) -> str | None:
        """Return what differs, or None."""
        where: Path = example.namespace["server"] / Path(example.path).stem
        where.mkdir(exist_ok=True)  # one folder a page: what a page fetches is no other page's
        for block in re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)[1:]:
            command, _, wanted = block.partition("\n")
            got = _run(command, where)
            if not _fits(wanted, got):
                return f"{command}\n\nprints\n\n{got}\n\nand not\n\n{wanted}"
        return None


def _run(command: str, where: Path) -> str:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=where,
        env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode == NOT_FOUND:
        pytest.skip(done.stdout.strip())
    return done.stdout


def _fits(wanted: str, got: str) -> bool:
    anything = re.escape(wanted.strip()).replace(r"\.\.\.", ".*")
    return re.fullmatch(anything, got.strip(), re.DOTALL) is not None


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Serve on the default ports, for commands that run in the folder that this returns."""
    _need_default_ports()
    where = tmp_path_factory.mktemp("documentation")
    clean = {name: each for name, each in os.environ.items() if not name.startswith("NETDEMO_")}
    command = [str(BIN / "netdemo"), "serve", "--quiet"]
    with subprocess.Popen(
        command, cwd=where, env=clean, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as running:
        try:
            assert running.stdout is not None
            assert b"listening" in running.stdout.readline()
            yield where
        finally:
            running.terminate()


def _need_default_ports() -> None:
    described = [each for group in groups(registry.BUILT_IN) for each in group]
    for each in described:
        if each.reading.metavar != "ENDPOINT" or not each.default:
            continue
        stream = not each.default.startswith("udp")
        kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
        port = endpoints.parse(each.default, "stream" if stream else "datagram").port
        with socket.socket(socket.AF_INET, kind) as probe:
            if stream:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                pytest.skip(f"port {port} ({each.option}) is in use")


def pytest_configure() -> None:
    """Let signals do what they do in a terminal.

    A shell lets what it starts in the background ignore SIGINT, and ``nohup`` SIGHUP; and every
    program that is started from there ignores them too.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the properties of parsers, for nights."""
    for item in items:
        if PARSERS.fullmatch(item.path.stem) and is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("fuzz")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each file to one of the processes, and all pages to the same one."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "pages" if file.endswith(".md") else file  # they share the default ports

    return ByFile(config, log)


_python = Sybil(parsers=[Snippets(), Failure()], patterns=["*.md"])
_commands = Sybil(parsers=[Console()], patterns=["*.md"], fixtures=["server"])
_docstrings = Sybil(parsers=[DocTestParser()], path="twisted_net", patterns=["*.py"])

pytest_collect_file = SybilCollection([_python, _commands, _docstrings]).pytest()

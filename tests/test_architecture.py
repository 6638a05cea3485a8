"""The rules that hold the code together, as far as a program can check them."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins

from tests.patience import PATIENCE
from twisted_net import registry
from twisted_net.net import endpoints
from twisted_net.net.service import INetService
from twisted_net.settings import BenchSettings, groups

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "twisted_net"

#: Python of ours; the demo folder is content that is served, not code.
MODULES = sorted(each for each in PACKAGE.rglob("*.py") if "demo" not in each.parts)
TESTS = sorted((ROOT / "tests").rglob("*.py"))

#: Modules that do no I/O, read no clock and roll no dice; pyproject.toml forbids them the imports.
PURE = sorted(
    each
    for each in MODULES
    if {"core", "codec"} & {*each.parts, each.stem}
    or each.relative_to(PACKAGE).as_posix()
    in {
        *(f"echo/{name}.py" for name in ("probe", "shown", "tally")),
        *(f"net/{name}.py" for name in ("counters", "errors", "framing", "health")),
        *(f"net/{name}.py" for name in ("histogram", "limits", "repeats", "silence", "text")),
    }
)

#: Where a path of one machine would begin that has no business in a repository.
MACHINE = re.compile(rb"(?<![\w.:/])/(home|root|work|Users|tmp/\w+/(v|venv|\.venv)/bin)/\w")

BUILT_IN = pytest.mark.parametrize("service", registry.BUILT_IN, ids=lambda each: each.name)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _place(path: Path, node: ast.stmt | ast.expr) -> str:
    return f"{_name(path)}:{node.lineno}"


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when a module is imported: everything outside functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _at_import(child)


def test_the_import_contracts_hold() -> None:
    """Arrows point down only: entry files, assembly, services, net."""
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("import-linter is not installed (extra dev)")
    done = subprocess.run(
        [command, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_twistd_finds_netdemo() -> None:
    """Without this, ``twistd netdemo`` is an unknown command."""
    assert "netdemo" in [each.tapname for each in getPlugins(IServiceMaker)]


def test_the_folders_shared_with_twisted_are_no_packages() -> None:
    """The first file would break all of Twisted, the second would hide the plug-in."""
    assert not (ROOT / "twisted" / "__init__.py").exists()
    assert not (ROOT / "twisted" / "plugins" / "__init__.py").exists()


def test_every_module_says_what_it_is_for() -> None:
    """``help()`` of a module begins with a sentence."""
    first = {path: (ast.get_docstring(_tree(path)) or "").partition("\n")[0] for path in MODULES}
    assert [_name(path) for path, line in first.items() if not line.endswith((".", ":"))] == []


@pytest.mark.parametrize("folder", ["chat", "chat/core", "chat/doors"])
def test_the_map_of_a_large_folder_names_each_module_once(folder: str) -> None:
    """And nothing that is not there: whoever looks for a line to change begins with it."""
    inside = PACKAGE / folder
    told = re.findall(r"(?<!`)`(\w+)`(?!`)", ast.get_docstring(_tree(inside / "__init__.py")) or "")
    modules = [each.stem for each in inside.glob("*.py") if each.stem != "__init__"]
    folders = [each.parent.name for each in inside.glob("*/__init__.py")]
    named = [name for name in told if name not in folders]
    assert sorted(named) == sorted(modules)


def test_no_module_takes_the_reactor_when_it_is_imported() -> None:
    """Twistd and ``--reactor`` choose one after our import; the first import would have chosen."""
    taken = [
        _place(path, node)
        for path in (*MODULES, *TESTS)
        for node in _at_import(_tree(path))
        if isinstance(node, ast.ImportFrom)
        and node.module == "twisted.internet"
        and "reactor" in [alias.name for alias in node.names]
    ]
    assert taken == []


def test_no_test_is_a_trial_test_case_that_may_wait() -> None:
    """Its result would depend on whether pytest-twisted has started the reactor before.

    A ``SynchronousTestCase`` is fine.
    """
    found = []
    for path in TESTS:
        nodes = list(ast.walk(_tree(path)))
        imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
        trial = [node for node in imports if (node.module or "").startswith("twisted.trial")]
        found += [
            _place(path, node)
            for node in trial
            if "TestCase" in [alias.name for alias in node.names]
        ]
        found += [
            _place(path, node)
            for node in nodes
            if trial and isinstance(node, ast.Attribute) and node.attr == "TestCase"
        ]
    assert found == []


def test_log_messages_are_constant_formats() -> None:
    """Observers get the fields, and text from strangers is never taken for a format."""
    levels = ("debug", "info", "warn", "error", "critical", "failure")
    made = [
        _place(path, node)
        for path in MODULES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in levels
        and ast.unparse(node.func.value).endswith("log")
        and not (node.args and isinstance(node.args[0], ast.Constant))
    ]
    assert made == []


def test_pure_modules_open_nothing_and_roll_no_dice() -> None:
    """One test of a pure object is one comparison; randomness and time are handed to it."""
    impure = ("open", "print", "input")
    found = []
    for path in PURE:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.ImportFrom) and node.module == "random":
                found += [_place(path, node) for alias in node.names if alias.name != "Random"]
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in impure or called.startswith(("random.", "secrets.", "datetime.")):
                    found.append(_place(path, node))
    assert PURE
    assert found == []


@BUILT_IN
def test_a_service_has_the_files_that_every_service_has(service: INetService) -> None:
    """Who knows one service finds the way in each: same file names, tests, a page."""
    folder = PACKAGE / service.name
    for module in ("__init__", "core", "doors", "service", *["commands"] * bool(service.commands)):
        assert (folder / f"{module}.py").exists() or (folder / module).is_dir(), module
    assert sorted((ROOT / "tests" / service.name).glob("test_*.py"))
    assert (ROOT / "docs" / "protocols" / f"{service.name}.md").exists()


@BUILT_IN
def test_a_service_says_what_it_is_in_one_line(service: INetService) -> None:
    """Help texts show it beside the name."""
    assert service.summary
    assert "\n" not in service.summary
    assert len(service.summary) <= 72


@pytest.mark.parametrize(
    "package", ["echo", "chat", "files", "files.http", "files.tftp", "web"], ids=str
)
def test_every_public_name_is_there_when_it_is_asked_for(package: str) -> None:
    """They are imported only then; and no other name is."""
    public = importlib.import_module(f"twisted_net.{package}")
    for name in public.__all__:
        assert getattr(public, name).__name__ == name
    with pytest.raises(AttributeError, match=r"has no attribute 'Nope'"):
        _ = public.Nope


def test_every_setting_says_what_it_is_for() -> None:
    """Help texts, the file and the reference show the same sentence."""
    for group in groups(registry.BUILT_IN):
        for each in group:
            assert each.help.endswith("."), f"--{each.option}: {each.help}"
            assert each.help[0].isupper(), f"--{each.option}: {each.help}"


def test_every_default_can_be_typed_as_it_is_shown() -> None:
    """What a help text or a page shows as a default is copied, and changed a little."""
    for group in groups(registry.BUILT_IN):
        for each in group:
            if each.shown_default:
                read = each.reading.read(each.shown_default)
                assert read == each.default, f"--{each.option} {each.shown_default}"


def test_all_doors_open_together_on_loopback_by_default() -> None:
    """No two want the same port, none needs a privilege, none is seen from the network."""
    assert BenchSettings().interface == "127.0.0.1"
    ports: dict[tuple[str, int], str] = {}
    for group in groups(registry.BUILT_IN):
        for each in group:
            if each.reading.metavar != "ENDPOINT" or not each.default:
                continue
            kind, _, _ = each.default.partition(":")
            endpoint = endpoints.parse(each.default, "datagram" if "udp" in kind else "stream")
            assert "interface" not in endpoint.options, each.option
            assert endpoint.port >= 1024, each.option
            assert (kind, endpoint.port) not in ports, (each.option, ports)
            ports[kind, endpoint.port] = each.option
    assert ports


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    """Sphinx checks those between the pages of docs/, and nobody those from outside."""
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_no_file_names_a_folder_of_somebody_s_machine() -> None:
    """What works only where it was written is of no use to others."""
    found = [
        f"{_name(path)}: {match[0].decode()}"
        for path in _repository()
        for match in MACHINE.finditer(path.read_bytes())
    ]
    assert not found


def _repository() -> Iterator[Path]:
    """Yield the files that belong to the project."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        yield from (*MODULES, *TESTS)
        return
    listed = subprocess.run(
        [git, "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            yield ROOT / name

"""What is fuzzed at night: a property of every parser, found by its marker."""

import ast
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import PARSERS
from tests.blackbox.environments import ROOT, run

#: What a function is called that reads the bytes of a stranger.
READS = re.compile(r"(decode|heard|parse|unpacked)(_\w+)?")


def codecs() -> Iterator[Path]:
    """Yield the modules of codecs that read something."""
    for path in sorted((ROOT / "twisted_net").rglob("*.py")):
        if "codec" in (path.stem, path.parent.name) and any(
            isinstance(node, ast.FunctionDef) and READS.fullmatch(node.name)
            for node in ast.parse(path.read_text(encoding="utf-8")).body
        ):
            yield path


@functools.cache
def fuzzed() -> set[str]:
    """Return the modules that tests with properties, of parsers, import from."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        if not PARSERS.fullmatch(path.stem) or "@given" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


@pytest.mark.parametrize("path", [*codecs()], ids=lambda each: each.relative_to(ROOT).as_posix())
def test_every_codec_has_a_property_to_fuzz(path: Path) -> None:
    """In a module of tests whose name says that it is about a codec."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    assert module in fuzzed(), f"no test_*codec*.py with a property imports {module}"


@pytest.mark.slow
def test_properties_of_parsers_are_marked() -> None:
    """Nobody has to remember it; and no other test is."""
    file = "tests/net/test_framing.py"
    words = ["-m", "pytest", "--collect-only", "--quiet", "-p", "no:cacheprovider", "-m", "fuzz"]
    done = run(sys.executable, *words, file, folder=ROOT)
    listed = [line for line in done.stdout.splitlines() if "::" in line]
    assert sorted(listed) == [
        f"{file}::test_a_line_that_comes_alone_is_the_same_line",
        f"{file}::test_the_way_a_stream_is_cut_does_not_matter",
    ]

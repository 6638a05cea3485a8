"""SECURITY.md promises what is tested, and nothing else."""

import ast
import re

from tests.blackbox.environments import ROOT
from tests.blackbox.safety.rules import RULES, rules_of

HERE = ROOT / "tests" / "blackbox" / "safety"

#: A row of the table of promises: promise, rules, tests.
ROW = re.compile(r"\| (.*?) ?\| (R\d+(?:, R\d+)*) \| (`test_\w+\.py`(?:, `test_\w+\.py`)*) \|")


def promises() -> list[tuple[str, set[int], list[str]]]:
    """Return the rows of the table."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    found = [ROW.fullmatch(line) for line in text.splitlines()]
    return [
        (row[1], {int(each) for each in re.findall(r"\d+", row[2])}, re.findall(r"`(.*?)`", row[3]))
        for row in found
        if row
    ]


def rules_in(name: str) -> set[int]:
    """Return the rules that the tests of a module name."""
    tree = ast.parse((HERE / name).read_text(encoding="utf-8"))
    tests = (each for each in tree.body if isinstance(each, ast.FunctionDef))
    return {rule for each in tests for rule in rules_of(ast.get_docstring(each))}


def test_every_promise_has_tests() -> None:
    """Modules that are there, with tests of those very rules."""
    rows = promises()
    assert len(rows) > 15
    for promise, rules, modules in rows:
        tested = set[int]().union(*(rules_in(each) for each in modules))
        assert rules <= tested, promise


def test_every_rule_is_part_of_a_promise() -> None:
    """And every row of the table is one of them, or goes on with the one above."""
    named = set[int]().union(*(rules for _, rules, _ in promises()))
    assert named == set(RULES)
    assert promises()[0][0]


def test_the_commands_and_files_that_it_names_are_there() -> None:
    """Whoever wants to try it can."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([\w-]+)`", text):
        assert f"\n{target}:" in makefile, target
    for name in re.findall(r"`(tests/[\w/.]+)`", text):
        assert (ROOT / name).exists(), name

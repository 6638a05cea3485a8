"""No rule without a test, no test without a rule, and a table with every row."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.blackbox.safety.rules import RULES, Row, rules_of, table

HERE = Path(__file__).parent

#: What is not about one rule: this file, and the errors that are owed.
OTHERS = ("test_rules", "test_bad_inputs", "test_promises")


def named_tests() -> Iterator[tuple[str, str | None]]:
    """Yield name and docstring of every test that is about rules."""
    for path in sorted(HERE.glob("test_*.py")):
        if path.stem not in OTHERS:
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield f"{path.stem}.{node.name}", ast.get_docstring(node)


def test_every_test_names_its_rule() -> None:
    """At the beginning of its docstring; else no table would show it."""
    assert [name for name, text in named_tests() if not rules_of(text)] == []


def test_every_rule_has_a_test() -> None:
    """R1 to R32."""
    named = {rule for _, text in named_tests() for rule in rules_of(text)}
    assert sorted(named) == list(RULES) == list(range(1, 33))


def test_the_table_has_a_row_for_every_rule() -> None:
    """Also for one that nothing was run for; what is the same for many doors is one row."""
    rows = [
        Row(5, "at most +8 MB", "echo-tcp +1.1 MB", "pass"),
        Row(5, "at most +8 MB", "web +2.0 MB", "pass"),
        Row(5, "at most +8 MB", "chat-tcp +9.0 MB", "FAIL"),
        Row(11, "", "only root may do that", "skip"),
    ]
    lines = list(table(rows))
    assert [line.split()[0] for line in lines if line.startswith("R")] == [f"R{n}" for n in RULES]
    assert "       · at most +8 MB · echo-tcp +1.1 MB; web +2.0 MB · pass" in lines
    assert "       · at most +8 MB · chat-tcp +9.0 MB · FAIL" in lines
    assert "       · only root may do that · skip" in lines
    assert lines[:2] == [f"R1   {RULES[1]}", "       · not run"]

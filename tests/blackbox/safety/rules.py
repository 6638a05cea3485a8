"""The rules R1 to R32, and the table of what was expected of each and what was measured."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: What each rule is about; every test's docstring begins with the rules that it is for.
RULES = {
    1: "two echo servers that a forged datagram sets on each other",
    2: "datagrams from the ports of services that answer anything",
    3: "replies and errors that are answered with replies and errors",
    4: "amplification: more bytes to an unproven address than came from there",
    5: "peers that do not read",
    6: "a line that never ends, a length that is a lie",
    7: "one byte now and then, for ever",
    8: "no descriptors left",
    9: "stopped or killed with a transfer under way",
    10: "a start that cannot succeed",
    11: "privileges given up",
    12: "a flood of connections from one address",
    13: "a flood of half-open connections",
    14: "names that lead out of the shared folder",
    15: "a name that becomes a link between a look and an open",
    16: "a hostile server, and our client",
    17: "TFTP options of all kinds",
    18: "TFTP transfers that go wrong",
    19: "files written here: refused, too many, half",
    20: "forged datagrams in the chat",
    21: "a flood of datagrams from one address",
    22: "hostile text, and the log",
    23: "hostile text, and the terminal",
    24: "other people's web pages, and the web door",
    25: "passwords, guessed",
    26: "commands with missing, odd or too many parameters",
    27: "peers that vanish",
    28: "streams cut anywhere",
    29: "forged PROXY headers",
    30: "services of others that break",
    31: "tests that open no socket",
    32: "a long time",
}

_NAMED = re.compile(r"((?:R\d+, )*R\d+): ")

#: Longest cell of the table, in characters.
WIDTH = 200


def rules_of(docstring: str | None) -> list[int]:
    """Return the rules that a test's docstring begins with: those of ``R5, R12: …``.

    >>> rules_of("R5, R12: A peer that does not read."), rules_of("Nothing.")
    ([5, 12], [])
    """
    named = _NAMED.match(docstring or "")
    return [int(each[1:]) for each in named[1].split(", ")] if named else []


@dataclass(frozen=True, slots=True)
class Row:
    """What one test says of one rule.

    :ivar outcome: ``pass``, ``FAIL``, or ``skip``.
    """

    rule: int
    expected: str
    measured: str
    outcome: str


def table(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of the table: every rule there is, also one that no test ran for.

    Rows of one rule with the same expectation and outcome, as of a test for many doors, are one.
    """
    merged: dict[tuple[int, str, str], list[str]] = {}
    for row in rows:
        measured = merged.setdefault((row.rule, row.expected, row.outcome), [])
        if row.measured not in measured:
            measured.append(row.measured)
    for rule, about in RULES.items():
        yield f"R{rule:<3} {about}"
        lines = [key for key in merged if key[0] == rule]
        if not lines:
            yield "       · not run"
        for key in lines:
            cells = (key[1], _cell(merged[key]), key[2])
            yield f"       · {' · '.join(filter(None, cells))}"


def _cell(measured: list[str]) -> str:
    text = "; ".join(measured)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"

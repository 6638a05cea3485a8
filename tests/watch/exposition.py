"""A reader of the text format of Prometheus, written from its grammar and not from our writer."""

import re
from dataclasses import dataclass, field

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
_VALUE = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|NaN|[+-]Inf")
_ESCAPES = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}


@dataclass
class Read:
    """What a text says.

    :ivar samples: name and labels -> value.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = field(default_factory=dict)

    def value(self, name: str, **labels: str) -> float:
        """Return one number."""
        return self.samples[name, frozenset(labels.items())]


def read(content: bytes) -> Read:
    """Read a text, strictly.

    :raises AssertionError: it does not keep to the format.
    """
    text = content.decode("utf-8")
    assert not text or text.endswith("\n")
    found, current = Read(), ""
    for line in text.split("\n")[:-1]:
        if line.startswith("# "):
            _, word, name, rest = line.split(" ", 3)
            where = {"HELP": found.helps, "TYPE": found.kinds}[word]
            assert name not in where, line
            assert name not in {each for each, _ in found.samples}, line
            where[name] = _unescaped(rest)
            current = name
            continue
        match = _SAMPLE.fullmatch(line)
        assert match, line
        assert match[1] == current, line  # all of a family stand together
        assert _VALUE.fullmatch(match[3]), line
        labels = _labels(match[2] or "")
        key = match[1], frozenset(labels.items())
        assert key not in found.samples, line
        found.samples[key] = float(match[3])
    assert set(found.kinds.values()) <= {"counter", "gauge"}
    return found


def _labels(text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        assert match, text
        assert match[1] not in labels, text
        labels[match[1]] = _unescaped(match[2])
        at = match.end()
    return labels


def _unescaped(text: str) -> str:
    return re.sub(r'\\[\\n"]', lambda match: _ESCAPES[match[0]], text)

"""The text format of Prometheus, version 0.0.4: families of samples, one sample a line.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from twisted_net.net.errors import LocalProtocolError

#: What an answer in this format says it is.
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sample:
    """One number.

    :ivar labels: pairs of a name and a value, in order; the values may be any text.
    """

    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """Numbers of one kind.

    :ivar name: a counter's ends in ``_total``, unless an older convention names it.
    :ivar help: what they are, in one line.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: Sequence[Sample] = field(default=())


def render(families: Iterable[Family]) -> bytes:
    """Return families as text; those without a sample are left out.

    :raises LocalProtocolError: a name is none, or something would be said twice.
    """
    lines: list[str] = []
    seen: dict[str, None] = {}
    for family in families:
        if not _NAME.fullmatch(family.name) or family.name in seen:
            raise LocalProtocolError(f"{family.name!r} is no name for a metric, or there twice")
        seen[family.name] = None
        if family.samples:
            lines.append(f"# HELP {family.name} {_escaped(family.help)}")
            lines.append(f"# TYPE {family.name} {family.kind}")
            lines += _samples(family)
    # Text that is no Unicode, a surrogate by itself, cannot be told: the format is UTF-8.
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _samples(family: Family) -> list[str]:
    lines: dict[str, str] = {}
    for sample in family.samples:
        labels = [f'{name}="{_quoted(value)}"' for name, value in sample.labels]
        wrong = [name for name, _ in sample.labels if not _LABEL.fullmatch(name)]
        if wrong or len({name for name, _ in sample.labels}) < len(labels):
            raise LocalProtocolError(f"{family.name}: {sample.labels!r} are no labels")
        place = family.name + (f"{{{','.join(labels)}}}" if labels else "")
        if place in lines:
            raise LocalProtocolError(f"{place} is there twice")
        lines[place] = f"{place} {_number(sample.value)}"
    return list(lines.values())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)

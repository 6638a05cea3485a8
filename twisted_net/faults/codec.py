"""Rules as people type them: ``loss=10%``, ``to-client:delay=50ms``, ``reset=64KiB``."""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from twisted_net.faults.core.harm import HARMLESS, After, Harm, Way
from twisted_net.net.errors import SettingError
from twisted_net.net.text import safe

Kind = Literal["stream", "datagram"]

#: Longest time in a rule, in seconds, and most bytes or bytes a second.
LONGEST, MOST = 86_400.0, 1 << 40

_NUMBER = r"(?:[0-9]{1,13}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})"
_SHARE = re.compile(rf"({_NUMBER})(%?)", re.ASCII)
_TIME = re.compile(rf"({_NUMBER})(us|ms|s)", re.ASCII)
_BYTES = re.compile(rf"({_NUMBER})(KiB|MiB|GiB|)", re.ASCII)
_TIMES = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_SIZES = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def _share(text: str) -> float:
    match = _SHARE.fullmatch(text)
    value = float(match[1]) / (100 if match[2] else 1) if match else -1
    if not 0 <= value <= 1:
        raise ValueError("need a probability, as 10% or 0.1")
    return value


def _time(text: str) -> float:
    match = _TIME.fullmatch(text)
    value = float(match[1]) * _TIMES[match[2]] if match else -1
    if not 0 <= value <= LONGEST:
        raise ValueError("need a time up to a day, as 50ms, 1.5s or 200us")
    return value


def _bytes(text: str) -> float:
    match = _BYTES.fullmatch(text)
    value = float(match[1]) * _SIZES[match[2]] if match else -1
    if not 0 <= value <= MOST:
        raise ValueError("need bytes, as 512, 64KiB or 1.5MiB")
    return value


def _some_bytes(text: str) -> int:
    if _bytes(text) < 1:
        raise ValueError("need a byte at least, as 1, 512 or 64KiB")
    return int(_bytes(text))


def _rate(text: str) -> float:
    if _bytes(text) < 1:
        raise ValueError("need bytes a second, as 9600, 64KiB or 1.5MiB")
    return _bytes(text)


def _slow(text: str) -> float:
    return 0.0 if text in ("", "0") else _rate(text)


def _after(text: str) -> After:
    if not text:
        return After()
    if _TIME.fullmatch(text):
        return After(None, _time(text))
    try:
        return After(int(_bytes(text)))
    except ValueError as error:
        raise ValueError("need bytes or a time, as 64KiB or 2s, or nothing") from error


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that can go wrong.

    :ivar read: its value; raises ValueError, which says what was wanted.
    :ivar kinds: what it can befall.
    :ivar bare: whether it can stand without a value.
    """

    read: Callable[[str], Any]
    kinds: tuple[Kind, ...] = ("stream", "datagram")
    bare: bool = False


_STREAM: tuple[Kind, ...] = ("stream",)
_DATAGRAM: tuple[Kind, ...] = ("datagram",)

WORDS = {
    "delay": Word(_time),
    "jitter": Word(_time),
    "loss": Word(_share),
    "duplicate": Word(_share, _DATAGRAM),
    "reorder": Word(_share, _DATAGRAM),
    "reorder-delay": Word(_time, _DATAGRAM),
    "corrupt": Word(_share),
    "bandwidth": Word(_rate),
    "queue": Word(_some_bytes, _DATAGRAM),
    "size": Word(_some_bytes, _STREAM),
    "split": Word(_share, _STREAM),
    "gap": Word(_time, _STREAM),
    "merge": Word(_time, _STREAM),
    "slow-reader": Word(_slow, _STREAM, bare=True),
    "blackhole": Word(_after, bare=True),
    "half-close": Word(_after, _STREAM, bare=True),
    "close": Word(_after, _STREAM, bare=True),
    "reset": Word(_after, _STREAM, bare=True),
    "only": Word(_share),
}

#: What takes a rule back.
OFF = "off"

Rules = dict[Way, Harm]


def no_rules() -> Rules:
    """Return the rules of a connection that nothing happens to."""
    return dict.fromkeys(Way, HARMLESS)


def changed(rules: Rules, texts: Sequence[str], kind: Kind) -> Rules:
    """Return the rules with some more: ``loss=10%``, ``to-client:delay=50ms``, ``loss=off``.

    :param kind: what they are to befall.
    :raises SettingError: one of them makes no sense; none is applied.
    """
    made = dict(rules)
    for text in texts:
        ways, field, value = _read(text, kind)
        for way in ways:
            made[way] = replace(made[way], **{field: value})
    return made


def _read(text: str, kind: Kind) -> tuple[list[Way], str, Any]:
    before, colon, rest = text.partition(":")
    ways = list(Way)
    if colon:
        ways = [way for way in Way if way.value == before]
        if not ways:
            raise SettingError(f"rule {_shown(text)}: need to-server: or to-client: before it")
    name, equals, value = (rest if colon else text).partition("=")
    word = WORDS.get(name)
    if word is None:
        raise SettingError(f"rule {_shown(text)}: no such fault{_near(name)}")
    if kind not in word.kinds:
        raise SettingError(f"rule {_shown(text)}: {_NOT_FOR[kind]}")
    field = name.replace("-", "_")
    if value == OFF:
        return ways, field, getattr(HARMLESS, field)
    if not value and (equals or not word.bare):
        raise SettingError(f"rule {_shown(text)}: need a value, {name}=… or {name}={OFF}")
    try:
        return ways, field, word.read(value)
    except ValueError as error:
        raise SettingError(f"rule {_shown(text)}: {error}; or {OFF}") from error


_NOT_FOR: dict[Kind, str] = {
    "stream": "that befalls datagrams; TCP hides it from who reads a stream",
    "datagram": "that befalls streams; a datagram is whole, and has no connection",
}


def _shown(text: str) -> str:
    return f"'{safe(text, 60)}'"


def _near(name: str) -> str:
    near = difflib.get_close_matches(name, WORDS, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(WORDS)}"


def shown(rules: Rules) -> list[str]:
    """Return rules as they can be typed; empty: there are none.

    What holds in both directions is one rule.
    """
    to_server, to_client = (list(_said(rules[way])) for way in Way)
    both = [text for text in to_server if text in to_client]
    one = [f"{Way.TO_SERVER.value}:{text}" for text in to_server if text not in both]
    other = [f"{Way.TO_CLIENT.value}:{text}" for text in to_client if text not in both]
    return both + one + other


def _said(harm: Harm) -> Iterator[str]:
    for field in fields(harm):
        value = getattr(harm, field.name)
        name = field.name.replace("_", "-")
        if value == getattr(HARMLESS, field.name):
            continue
        reader = WORDS[name].read
        if reader is _share:
            yield f"{name}={_plain(value * 100)}%"
        elif reader is _time:
            yield f"{name}={_plain(value)}s"
        elif isinstance(value, After) and value.octets is None:
            yield f"{name}={_plain(value.seconds)}s"
        elif isinstance(value, After):
            yield f"{name}={value.octets}"
        else:
            yield f"{name}={_plain(value)}"


def _plain(number: float) -> str:
    """Return a number without an exponent, as it can be typed."""
    text = f"{number:.9f}".rstrip("0").rstrip(".")
    return text or "0"

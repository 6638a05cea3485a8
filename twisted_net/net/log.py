"""Logs that cannot be forged or flooded: one line an event, as text or as JSON.

``twistd --logger twisted_net.net.log.json_factory`` and ``netdemo serve --log-format json`` use it.
Whatever a stranger has put into a field, it does not end the line, move a cursor or become a field
of its own; and what repeats itself too fast is counted instead.
"""

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TextIO

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

from twisted_net.net.repeats import Repeats
from twisted_net.net.text import SHOWN, safe

#: Longest message, in characters: a line of the log, not a page.
LONGEST = 4096

#: The logger that Twisted names for events of its older logging, which know of none.
_OLDER = "log_legacy"

#: Fields that Twisted adds to the events of its older logging, beside those that begin with log_.
_OLD = ("isError", "failure", "message", "time", "format", "system")

#: What is told and counted together: logger, level and format.
Kind = tuple[str, str, str]


class _Text(str):
    """A field that is text, as messages show it: short, and on one line."""

    def __str__(self) -> str:
        return safe(str.__str__(self), LONGEST)

    def __repr__(self) -> str:
        text = str.__str__(self)
        shown = str.__repr__(text[:SHOWN])
        return shown if len(text) <= SHOWN else f"{shown}… ({len(text) - SHOWN} more)"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class _Bytes(bytes):
    """A field that is bytes, likewise."""

    def __repr__(self) -> str:
        shown = bytes.__repr__(self[:SHOWN])
        return shown if len(self) <= SHOWN else f"{shown}… ({len(self) - SHOWN} more)"

    __str__ = __repr__


def message(event: LogEvent) -> str:
    """Return the message of an event, on one line."""
    shown = {name: _shown(value) for name, value in event.items()}
    return safe(formatEvent(shown).removesuffix("\n"), LONGEST)


def _shown(value: Any) -> Any:
    if type(value) is str:
        return _Text(value)
    return _Bytes(value) if type(value) is bytes else value


def text_line(event: LogEvent) -> str:
    """Return an event as a line of text.

    The lines of a traceback follow, each after a tab and a bar: no event begins so.
    """
    where = f"{_logger(event)}#{_level(event)}"
    lines = [f"{_time(event):%Y-%m-%dT%H:%M:%S%z} [{safe(where)}] {message(event)}"]
    lines += [f"\t| {safe(line, LONGEST)}" for line in _traceback(event).splitlines()]
    return "\n".join(lines)


def json_line(event: LogEvent) -> str:
    """Return an event as an object of JSON, in ASCII and on one line.

    It has ``time`` (ISO 8601), ``level``, ``logger``, ``message``, ``fields`` and, of a failure,
    ``traceback``. What is no number, text or truth is shown as text; texts are cut.
    """
    said: dict[str, Any] = {
        "time": _time(event).isoformat(timespec="milliseconds"),
        "level": _level(event),
        "logger": _logger(event)[:SHOWN],
        "message": message(event),
        "fields": dict(_fields(event)),
    }
    traceback = _traceback(event)
    if traceback:
        said["traceback"] = traceback
    return json.dumps(said, allow_nan=False)


def _fields(event: LogEvent) -> Iterator[tuple[str, Any]]:
    inner = _OLD if event.get("log_namespace") == _OLDER else ()
    for name, value in event.items():
        if not name.startswith("log_") and name not in inner:
            yield name[:SHOWN], _plain(value)


def _plain(value: Any) -> Any:
    if value is None or (isinstance(value, int) and value.bit_length() < 1024):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return value[:SHOWN]
    try:
        return repr(_shown(value))[: 2 * SHOWN]
    except Exception as error:  # whatever somebody's object makes of it
        return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"


def _time(event: LogEvent) -> datetime:
    return datetime.fromtimestamp(event.get("log_time", 0.0), UTC)


def _logger(event: LogEvent) -> str:
    """Return who says it: what Twisted's older logging says is Twisted's own nearly always."""
    name = str(event.get("log_namespace", "-"))
    return "twisted" if name == _OLDER else name


def _level(event: LogEvent) -> str:
    return str(getattr(event.get("log_level"), "name", "info"))


def _traceback(event: LogEvent) -> str:
    failure = event.get("log_failure")
    return str(failure.getTraceback()) if failure is not None else ""


def _form(event: LogEvent) -> str:
    return str(event.get("log_format") or message(event))


#: An event with nothing in it that could fail.
_BARE = {"log_time": 0.0, "log_level": LogLevel.error, "log_namespace": __name__}


@implementer(ILogObserver)
class LineObserver:
    """Writes events as lines; holds back what comes too often, and says how much that was.

    :param line: makes a line of an event.
    """

    def __init__(self, out: TextIO, line: Callable[[LogEvent], str]) -> None:
        self._out = out
        self._line = line
        self._repeats = Repeats[Kind]()

    def __call__(self, event: LogEvent) -> None:
        """Take an event."""
        now = event.get("log_time", 0.0)
        kind = (
            str(event.get("log_namespace", "-")),
            _level(event),
            _form(event),
        )
        # What another process has logged, that has counted by itself, is told as it comes.
        told = 0 if event.get("log_counted") else self._repeats.tell(kind, now)
        for other, held in self._repeats.overdue(now):
            self._say_held(other, held, now)
        if told is not None:
            if told:
                self._say_held(kind, told, now)
            self._write(self._line_of(event))

    def _line_of(self, event: LogEvent) -> str:
        try:
            return self._line(event)
        except Exception as error:  # or Twisted would log nothing more for a while
            form = "an event that cannot be shown: {kind}, {form!r}"
            kind = type(error).__name__
            return self._line({**_BARE, "log_format": form, "kind": kind, "form": _form(event)})

    def close(self) -> None:
        """Say what is still to be said."""
        for kind, held in self._repeats.overdue(math.inf):
            self._say_held(kind, held, datetime.now(UTC).timestamp())

    def _say_held(self, kind: Kind, held: int, now: float) -> None:
        namespace, level, form = kind
        self._write(
            self._line(
                {
                    "log_time": now,
                    "log_level": LogLevel.lookupByName(level),
                    "log_namespace": namespace,
                    "log_format": "{held} more like this were not logged: {kind!r}",
                    "held": held,
                    "kind": form,
                }
            )
        )

    def _write(self, line: str) -> None:
        """Write a line; one that cannot be, to a full disk say, must not stop the server."""
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        data = f"{line}\n".encode(encoding, "backslashreplace").decode(encoding)
        with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed
            self._out.write(data)
            self._out.flush()


#: How a log may look.
FORMATS = {"text": text_line, "json": json_line}


def text_factory() -> LineObserver:
    """Return an observer that writes text to standard output, for ``twistd --logger``."""
    return LineObserver(sys.stdout, text_line)


def json_factory() -> LineObserver:
    """Return an observer that writes JSON to standard output, for ``twistd --logger``."""
    return LineObserver(sys.stdout, json_line)

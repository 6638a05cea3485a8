"""One description of each setting; options, environment, file and docs are all made from it.

A service writes a frozen dataclass of `setting` fields. From it come the options of
``twistd netdemo`` and ``netdemo serve``, the variables ``NETDEMO_*``, the keys of the TOML file
and the table in the docs. `load` puts the sources together: the command line wins over the
environment, that over the file, that over the default.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from twisted_net.net.errors import SettingError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a setting's value is read from text.

    :ivar metavar: what stands for the value in help texts: ``PORT``, ``SECONDS``.
    :ivar read: text -> value; raises ValueError, whose message says what was wanted.
    :ivar show: value -> text, as a person would type it.
    """

    metavar: str
    read: Callable[[str], Any]
    show: Callable[[Any], str] = str


def setting(
    default: T,
    help: str,
    reading: Reading | None = None,
    option: str = "",
    *,
    limit: bool = False,
) -> T:
    """Make a dataclass field that knows its own help text.

    :param reading: how to read it from text; None: as it stands.
    :param option: the option's whole name without dashes, where ``service-field`` will not do.
    :param limit: whether it bounds what others may have: ``netdemo limits`` shows it then.
    """
    metadata = {"help": help, "reading": reading or TEXT, "option": option, "limit": limit}
    made: T = field(default=default, metadata=metadata)
    return made


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that belong together: those of one service, or of the bench itself.

    :ivar table: the TOML table that holds them; empty: the top of the file.
    :ivar prefix: what the options' names begin with.
    """

    table: str
    settings: type[Any]
    prefix: str = ""

    @property
    def heading(self) -> str:
        """What stands above them in a help text or a page: the table's name."""
        return (self.table or "the bench").capitalize()

    def __iter__(self) -> "Iterator[Described]":
        """Yield the settings in the order in which they were written."""
        for each in fields(self.settings):
            yield Described(
                table=self.table,
                key=each.name,
                option=each.metadata["option"] or self.prefix + each.name.replace("_", "-"),
                default=each.default,
                help=each.metadata["help"],
                reading=each.metadata["reading"],
                limit=each.metadata["limit"],
            )


@dataclass(frozen=True, slots=True)
class Described:
    """One setting, under each of its names."""

    table: str
    key: str
    option: str
    default: Any
    help: str
    reading: Reading
    limit: bool = False

    @property
    def variable(self) -> str:
        """The environment variable: ``NETDEMO_ECHO_TCP``."""
        return "NETDEMO_" + self.option.upper().replace("-", "_")

    @property
    def path(self) -> str:
        """The place in the file: ``echo.tcp``."""
        return f"{self.table}.{self.key}" if self.table else self.key

    @property
    def shown_default(self) -> str:
        """The default as a person would type it."""
        return self.reading.show(self.default)


def text_in(path: str) -> str:
    """Return the text of a file that an option names.

    :raises ValueError: there is no such file, or it is not UTF-8.
    """
    try:
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise ValueError(error.strerror) from error
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None


def load(
    groups: Sequence[Group],
    options: Mapping[str, str],
    environment: Mapping[str, str],
    file: Path | None = None,
) -> dict[type[Any], Any]:
    """Put the settings together.

    :param options: option name without dashes -> text, only those that were given.
    :param environment: as `os.environ`; what does not begin with ``NETDEMO_`` is ignored.
    :param file: a TOML file; None: the one that ``NETDEMO_CONFIG`` names, if it does.
    :return: settings class -> its instance.
    :raises SettingError: a value or a name is wrong; the message is one line for the user.
    """
    return load_chosen(groups, options, environment, file)[0]


def load_chosen(
    groups: Sequence[Group],
    options: Mapping[str, str],
    environment: Mapping[str, str],
    file: Path | None = None,
) -> tuple[dict[type[Any], Any], dict[str, str]]:
    """Do as `load`; also return what was chosen anywhere: option -> text.

    Given as ``options``, that makes `load` return the same without environment and file.
    """
    described = {group.settings: list(group) for group in groups}
    everything = [each for group in described.values() for each in group]
    texts = _texts(everything, options, environment, file)
    made: dict[type[Any], Any] = {}
    for settings, group in described.items():
        values = {each.key: _value(each, texts) for each in group}
        made[settings] = settings(**values)
    return made, {option: text for option, (_, text, _) in texts.items()}


def _texts(
    described: list[Described],
    options: Mapping[str, str],
    environment: Mapping[str, str],
    file: Path | None,
) -> dict[str, tuple[str, str, str]]:
    """Return option -> (how to name its source in an error, its text, how to show that)."""
    named_by = "--config"
    if file is None and environment.get(CONFIG_VARIABLE):
        named_by, file = CONFIG_VARIABLE, Path(environment[CONFIG_VARIABLE])
    _refuse_unknown_variables(described, environment)
    filed = _read_file(described, file, named_by) if file is not None else {}
    texts = {}
    for each in described:
        if each.option in options:
            text = options[each.option]
            texts[each.option] = (f"--{each.option}", text, repr(text))
        elif each.variable in environment:
            text = environment[each.variable]
            texts[each.option] = (each.variable, text, repr(text))
        elif each.path in filed:
            texts[each.option] = filed[each.path]
    return texts


def _value(each: Described, texts: Mapping[str, tuple[str, str, str]]) -> Any:
    return _read(each, *texts[each.option]) if each.option in texts else each.default


def _read(each: Described, where: str, text: str, shown: str) -> Any:
    try:
        return each.reading.read(text)
    except ValueError as error:
        raise SettingError(f"{where} {shown}: {error}") from error


def _refuse_unknown_variables(everything: list[Described], environment: Mapping[str, str]) -> None:
    known = [each.variable for each in everything]
    for name in environment:
        ours = name.startswith("NETDEMO_") and not _FROM_OUTSIDE.fullmatch(name)
        if ours and name not in (*known, CONFIG_VARIABLE):
            raise SettingError(f"unknown variable {name!r}{_nearest(name, known)}")


#: What Kubernetes puts into every container beside a service that is called netdemo.
_FROM_OUTSIDE = re.compile(r"NETDEMO_(SERVICE_(HOST|PORT.*)|PORT(_.*)?)")

#: The variable that names the file itself.
CONFIG_VARIABLE = "NETDEMO_CONFIG"


def _read_file(
    everything: list[Described], file: Path, named_by: str
) -> dict[str, tuple[str, str, str]]:
    """Return path in the file -> (how to name it in an error, its text, how to show that)."""
    from twisted_net.net.toml import tables_in  # a command without a file does without

    try:
        content = tables_in(file)
    except OSError as error:
        raise SettingError(f"{named_by} {str(file)!r}: {(error.strerror or '').lower()}") from error
    except ValueError as error:
        raise SettingError(str(error)) from error
    known = {each.path: each for each in everything}
    read = {}
    for path, value in _flat(content):
        if any(each.table == path for each in everything):
            raise SettingError(f"{file}: {path} is a table: write [{path}]")
        if path not in known:
            raise SettingError(f"{file}: unknown key {path!r}{_nearest(path, list(known))}")
        if not isinstance(value, str | int | float):
            raise SettingError(f"{file}: {path}: need text or a number, not {value!r}")
        text, shown = str(value), repr(value)
        if isinstance(value, bool):
            text, shown = "yes" if value else "no", str(value).lower()
        read[path] = (f"{file}: {path}", text, shown)
    return read


def _flat(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            for inner, each in value.items():
                yield f"{key}.{inner}", each
        else:
            yield key, value


#: How alike a wrong name and a right one are where the one is offered for the other, 0 to 1: all
#: names begin alike, so that difflib's own 0.6 finds something for everything.
NEAR = 0.75


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, NEAR)
    return f"; did you mean {near[0]!r}?" if near else ""


# Readings. Python's own int() and float() take " 7 ", "1_0", "١٢", "nan" and "inf"; these do not.

_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?|\.[0-9]{1,9}", re.ASCII)  # .5, as for ping
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE = re.compile(r"([0-9]{1,12})(KiB|MiB|GiB|)", re.ASCII)

TEXT = Reading("TEXT", str)


def whole(low: int, high: int) -> Reading:
    """Read a whole number from ``low`` to ``high``."""

    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(f"need a whole number {low}-{high}")
        return int(text)

    return Reading("N", read)


def seconds(low: float, high: float) -> Reading:
    """Read a time in seconds, with a fraction or without."""

    def read(text: str) -> float:
        if not _NUMBER.fullmatch(text) or not low <= float(text) <= high:
            raise ValueError(f"need seconds, {_plain(low)}-{_plain(high)}")
        return float(text)

    return Reading("SECONDS", read, _plain)


def _plain(number: float) -> str:
    """Return a number as `seconds` reads it: without an exponent."""
    return f"{number:.9f}".rstrip("0").rstrip(".")


def _as_size(number: int) -> str:
    """Return a number of bytes as `size` reads it: in the largest unit that it is a multiple of."""
    for unit, factor in reversed(_UNITS.items()):
        if number and number % factor == 0:
            return f"{number // factor}{unit}"
    return str(number)


def size(low: int, high: int) -> Reading:
    """Read a number of bytes: ``4096``, ``64KiB``, ``10MiB``, ``1GiB``."""

    def read(text: str) -> int:
        match = _SIZE.fullmatch(text)
        value = int(match[1]) * _UNITS[match[2]] if match else -1
        if not low <= value <= high:
            raise ValueError(f"need bytes, {low}-{high}, as 4096, 64KiB, 10MiB or 1GiB")
        return value

    return Reading("BYTES", read, _as_size)


def one_of(*words: str) -> Reading:
    """Read one word of a closed list."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"need one of: {', '.join(words)}{_nearest(text, list(words))}")
        return text

    return Reading("|".join(words), read)


def _yes_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError("need yes or no")
    return text == "yes"


def _as_yes_no(value: bool) -> str:
    return "yes" if value else "no"


YES_NO = Reading("yes|no", _yes_no, _as_yes_no)

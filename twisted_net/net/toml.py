"""TOML files, and where in one of them something is wrong."""

import re
import tomllib
from pathlib import Path
from typing import Any

#: How every Python from 3.11 on ends what it says of TOML that is none.
_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


def tables_in(file: Path) -> dict[str, Any]:
    """Return what a file holds.

    :raises OSError: it cannot be read.
    :raises ValueError: it is no TOML; the message begins ``file:line:column: ``, as compilers say
        it and editors find it.
    """
    data = file.read_bytes()
    try:
        text = data.decode()
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        why = f"not UTF-8: byte 0x{data[error.start]:02x}"
        raise ValueError(f"{file}:{_end_of(before)}: {why}") from None
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.fullmatch(str(error))
        why, line, column = found.groups() if found else (str(error), None, None)
        place = f"{line}:{column}" if line else _end_of(text)
        raise ValueError(f"{file}:{place}: {why[:1].lower()}{why[1:]}") from None
    except (ValueError, RecursionError):  # made to be no fun: arrays, or digits, by the thousand
        raise ValueError(f"{file}: too deeply nested, or a number of too many digits") from None


def _end_of(text: str) -> str:
    """Return the line and the column behind a text."""
    return f"{text.count(chr(10)) + 1}:{len(text) - text.rfind(chr(10))}"

"""What the installed program can do, by its own account, and how much a test is to do."""

import functools
import os
import re

import pytest

from tests.blackbox.conftest import netdemo

#: Whether everything is done in full size: ``make safety`` wants that, CI has no time for it. (What
#: begins with NETDEMO_ is a setting of the program.)
FULL = os.environ.get("SAFETY") == "full"


def sized(small: int, full: int) -> int:
    """Return how much of something is to be done."""
    return full if FULL else small


@functools.cache
def help_of(*command: str) -> str:
    """Return what a command of ``netdemo`` says of itself."""
    return netdemo(*command, "--help").stdout.decode()


def need_option(option: str, feature: str, command: str = "serve") -> None:
    """Skip the test unless a command has an option."""
    if not re.search(rf"{option}\b(?!-)", help_of(command)):
        pytest.skip(f"not built yet: {feature} (netdemo {command} has no {option})")


def need_command(name: str) -> None:
    """Skip the test unless ``netdemo`` has a command."""
    if not re.search(rf"^  {name} ", help_of(), re.MULTILINE):
        pytest.skip(f"not built yet: netdemo {name}")

"""The parts that may be compiled: used where they fit, left out where they do not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from twisted_net.net import extensions

ROOT = Path(__file__).parents[2]

USERS = """
from twisted_net.files.tftp import compiled as tftp
from twisted_net.net.fast import compiled, ports
print({tftp.why_not, compiled.why_not, ports.why_not})
"""


def test_nothing_is_compiled_where_nobody_wants_it() -> None:
    """All of the three that there are ask for it in the same way."""
    done = subprocess.run(
        [sys.executable, "-c", USERS],
        cwd=ROOT,
        env={**os.environ, "PURE_PYTHON": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout == "{'PURE_PYTHON is set'}\n"


@pytest.mark.parametrize("name", extensions.NAMES)
def test_zero_and_the_empty_string_leave_in_what_is_compiled(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As with zope.interface."""
    found = []
    for value in ("0", ""):
        monkeypatch.setenv("PURE_PYTHON", value)
        found.append(extensions.find(name))
    assert found[0] == found[1]
    assert found[0][1] != "PURE_PYTHON is set"
    assert (found[0][0] is None) == bool(found[0][1])


def test_what_was_never_compiled_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where there is no compiler."""
    monkeypatch.setenv("PURE_PYTHON", "0")
    module, why = extensions.find("net.fast._never")
    assert module is None
    assert "_never" in why


def test_what_is_older_than_its_source_is_left_out(tmp_path: Path) -> None:
    """An updated checkout has new Python beside an old extension, until it is installed again."""
    compiled = tmp_path / "_streams.cpython-311-x86_64-linux-gnu.so"
    compiled.touch()
    assert not extensions.is_stale(compiled)  # a wheel has no source
    source = tmp_path / "_streams.c"
    source.touch()
    os.utime(compiled, (1000, 1000))
    os.utime(source, (999, 999))
    assert not extensions.is_stale(compiled)
    os.utime(source, (1001, 1001))
    assert extensions.is_stale(compiled)


def test_an_old_extension_does_not_keep_the_server_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its module is there, and would be asked for what it does not have."""
    monkeypatch.setenv("PURE_PYTHON", "0")
    monkeypatch.setattr(extensions, "is_stale", lambda compiled: True)
    for name in extensions.NAMES:
        module, why = extensions.find(name)
        assert module is None
        assert why

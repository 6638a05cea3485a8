"""Tests of `twisted_net.net.toml`."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twisted_net.net.toml import tables_in


def test_a_file_is_read(tmp_path: Path) -> None:
    """Whatever its line ends are."""
    file = tmp_path / "netdemo.toml"
    file.write_bytes('grace = 1\r\n[chat]\r\ntcp = "\N{SNOWMAN}"\r\n'.encode())
    assert tables_in(file) == {"grace": 1, "chat": {"tcp": "\N{SNOWMAN}"}}


@pytest.mark.parametrize(
    ("content", "place", "why"),
    [
        (b"grace = 1\n[limits]\nmax_conns = \n", "3:13", "invalid value"),
        (b"grace", "1:6", "expected '=' after a key in a key/value pair"),
        (b"[limits]\ngrace = [\n", "3:1", "invalid value"),
        (b"grace = 1\ngrace = 2\n", "2:10", "cannot overwrite a value"),
        (b"[limits", "1:8", ""),
        (b"a = 1\nb = 1 # caf\xe9\n", "2:12", "not UTF-8: byte 0xe9"),
        ("a = '\N{SNOWMAN}'\nb\n".encode(), "2:2", "expected '=' after a key"),
    ],
)
def test_an_error_begins_with_its_place(
    content: bytes, place: str, why: str, tmp_path: Path
) -> None:
    """Where an editor can go, and then why; whichever Python says so."""
    file = tmp_path / "netdemo.toml"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(f'{file}:{place}: {why}')}") as caught:
        tables_in(file)
    assert "(at " not in str(caught.value)


@pytest.mark.parametrize("value", ["[" * 100_000, "1" * 5000], ids=["nested", "digits"])
def test_what_is_made_to_be_no_fun_is_no_traceback(value: str, tmp_path: Path) -> None:
    """The parser's limits are ours."""
    file = tmp_path / "netdemo.toml"
    file.write_text(f"a = {value}")
    with pytest.raises(ValueError, match=f"^{re.escape(str(file))}:"):
        tables_in(file)


@pytest.mark.fuzz
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=60), st.text("a=[]'\"\n.1#{,} ", max_size=40)))
def test_any_file_is_read_or_refused_with_its_place(content: bytes | str, tmp_path: Path) -> None:
    """Nothing else is ever raised."""
    file = tmp_path / "netdemo.toml"
    data = content.encode() if isinstance(content, str) else content
    file.write_bytes(data)
    said = ""
    try:
        assert tables_in(file) == tomllib.loads(data.decode())
    except ValueError as error:
        said = str(error)
    if said:
        found = re.match(rf"{re.escape(str(file))}:(\d+):(\d+): .", said)
        assert found is not None, said
        assert 1 <= int(found[1]) <= data.count(b"\n") + 1

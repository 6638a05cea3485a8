"""Tests of `twisted_net.tap`."""

from pathlib import Path
from typing import Any

import pytest
from twisted.python.usage import Options, UsageError

from twisted_net import tap
from twisted_net.assembly import Assembly
from twisted_net.echo.service import EchoSettings
from twisted_net.settings import BenchSettings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment without settings."""
    monkeypatch.setattr("os.environ", {})


def parsed(*arguments: str) -> Any:
    """Return the options made of these arguments."""
    options = tap.Options()
    options.parseOptions(list(arguments))
    return options


def test_options_environment_and_file_make_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same description feeds each."""
    file = tmp_path / "netdemo.toml"
    file.write_text('interface = "127.0.0.2"\n[echo]\nmode = "upper"\n')
    monkeypatch.setattr("os.environ", {"NETDEMO_ECHO_UDP": ""})
    made = parsed("--echo-tcp", "tcp:0", "--config", str(file)).settings
    assert made[EchoSettings] == EchoSettings(tcp="tcp:0", udp="", mode="upper")
    assert made[BenchSettings].interface == "127.0.0.2"


def test_a_wrong_value_is_a_usage_error() -> None:
    """Twisted's own kind, so that whoever parses can tell."""
    with pytest.raises(UsageError, match=r"^--echo-tcp 'tcp:x': 'x' is not a port number$"):
        parsed("--echo-tcp", "tcp:x")


def test_a_wrong_value_is_named_by_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looks for it on the command line who wrote it elsewhere."""
    file = tmp_path / "netdemo.toml"
    file.write_text("workers = 0\n")
    with pytest.raises(UsageError, match=r"netdemo\.toml: workers 0: need"):
        parsed("--config", str(file))
    monkeypatch.setattr("os.environ", {"NETDEMO_GRACE": "soon"})
    with pytest.raises(UsageError, match=r"^NETDEMO_GRACE 'soon': need seconds"):
        parsed()


def test_under_twistd_a_wrong_option_is_one_line() -> None:
    """Not a page of usage that ends in one."""
    options = tap.Options()
    options.parent = Options()
    with pytest.raises(SystemExit) as caught:
        options.parseOptions(["--echo"])
    assert caught.value.code == (
        "twistd netdemo: option --echo not a unique prefix; see twistd netdemo --help"
    )


def test_a_word_too_much_is_one_clean_line() -> None:
    """Without the full stop that Twisted's own text ends in."""
    options = tap.Options()
    options.parent = Options()
    with pytest.raises(SystemExit) as caught:
        options.parseOptions(["foo"])
    assert caught.value.code == (
        "twistd netdemo: wrong number of arguments; see twistd netdemo --help"
    )


def test_the_help_names_every_setting_and_its_default() -> None:
    """Nothing has to be looked up elsewhere."""
    shown = " ".join(str(tap.Options()).split())
    assert "One of: identity, upper, dialog, discard. [default: identity]" in shown
    for text in ("--echo-tcp=", ": tcp:7007]", "--interface=", ": 127.0.0.1]", "--config="):
        assert text in shown


@pytest.mark.usefixtures("own_signals")
def test_the_service_is_made_closed() -> None:
    """Making it opens nothing; twistd does."""
    made = tap.makeService(parsed())
    assert isinstance(made, Assembly)
    assert made.opened == []


@pytest.mark.parametrize(
    ("twistd", "seen"),
    [
        ({"nodaemon": True, "logfile": None}, True),
        ({"nodaemon": True, "logfile": "-"}, True),
        ({"nodaemon": True, "logfile": "x.log"}, False),
        ({"nodaemon": False, "logfile": None}, False),
    ],
)
def test_the_table_is_shown_where_somebody_looks(twistd: dict[str, Any], seen: bool) -> None:
    """A daemon logs it."""
    options = parsed()
    options.parent = twistd
    assert tap._in_foreground(options) == seen

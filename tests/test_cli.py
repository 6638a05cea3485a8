"""Tests of `twisted_net.cli` and of the commands' own words."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from twisted_net import cli, registry


def main(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run the command line; return the exit code and what it printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["netdemo", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_every_verb_is_listed_with_what_it_does() -> None:
    """Those of the bench, then those of the services."""
    shown = CliRunner().invoke(cli.cli, ["--help"]).output
    verbs = [*cli.OWN, *cli.CLIENTS]
    listed = [line.split()[0] for line in shown.partition("Commands:")[2].splitlines() if line]
    assert listed == verbs
    assert "..." not in shown.partition("Commands:")[2]  # click cuts what is too long


def test_the_verbs_of_our_services_are_those_that_they_name() -> None:
    """The command line has them by heart, so that clients start without the servers."""
    assert {
        verb: place for each in registry.BUILT_IN for verb, place in each.commands.items()
    } == cli.CLIENTS


@pytest.mark.parametrize("verb", [*cli.SUMMARIES])
def test_the_help_says_of_a_verb_what_the_verb_says_of_itself(verb: str) -> None:
    """The command line has that by heart too."""
    command = cli.cli.get_command(click.Context(cli.cli), verb)
    assert command is not None
    assert cli.SUMMARIES[verb] == command.get_short_help_str(80)


@pytest.mark.parametrize("verb", [*cli.CLIENTS])
def test_a_client_starts_without_the_servers(verb: str) -> None:
    """Half of its start would be theirs."""
    module, _, _ = cli.CLIENTS[verb].partition(":")
    script = f"import sys, twisted_net.cli, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert module in loaded
    assert not {"twisted_net.registry", "twisted.web.server", "twisted_net.files.doors"} & {*loaded}


#: Nobody listens there.
NOWHERE = ["-s", "127.0.0.1:1", "--timeout", "0.01"]


@pytest.mark.parametrize(
    ("arguments", "needless"),
    [
        (["--version"], {"twisted"}),
        (["--help"], {"twisted_net.registry", "twisted.internet.reactor", "twisted.web"}),
        (
            ["get", "--tftp", "x", *NOWHERE],
            {
                "tomllib",
                "twisted.internet.endpoints",
                "twisted_net.files.client.line",
                "twisted_net.files.client.sending",
                "twisted_net.files.client.web",
                "twisted_net.files.store",
                "twisted_net.net.service",
            },
        ),
        (
            ["ls", *NOWHERE],
            {
                "twisted_net.files.client.web",
                "twisted_net.files.tftp.client",
            },
        ),
        (["ping", "-c", "1", "127.0.0.1:1", "--timeout", "0.01"], {"tomllib", "twisted_net.files"}),
    ],
)
def test_a_command_loads_nothing_that_it_does_not_use(
    arguments: list[str], needless: set[str]
) -> None:
    """Nearly all of the time that a short command takes is spent on loading."""
    script = f"""
import sys
from twisted_net.__main__ import main
sys.argv = ["netdemo", *{arguments!r}]
try:
    main()
except SystemExit:
    print(*sys.modules)
"""
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert "twisted_net.cli" in loaded
    assert not needless & {*loaded}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["ecko"], "netdemo: no such command 'ecko'; did you mean 'echo'?; see netdemo --help"),
        (["pnig"], "netdemo: no such command 'pnig'; did you mean 'ping'?; see netdemo --help"),
        (["xyz"], "netdemo: no such command 'xyz'; see netdemo --help"),
        (["echo", "--bogus"], "netdemo: no such option"),
        (["echo", "--timeout", "nan"], "netdemo: invalid value for '--timeout': 'nan': need sec"),
        (
            ["echo", "-s", "127.0.0.1:abc", "x"],
            "netdemo: '127.0.0.1:abc': want HOST[:PORT]",
        ),
        (["echo", "--udp", "-s", "tcp:a:7", "x"], "netdemo: 'tcp:a:7' is not reached over UDP"),
        (["ping", "--udp", "tcp:a:7"], "netdemo: 'tcp:a:7' is not reached over UDP; leave out --u"),
        (["ping", "--tcp", "udp:a:7"], "netdemo: 'udp:a:7' is not reached over TCP; leave out --t"),
        (["ping", "http://a/"], "netdemo: 'http://a/': want HOST[:PORT]"),
        (["ping", "--rate", "1", "-f"], "netdemo: --rate and --flood contradict each other; give"),
        (["ping", "--rate", "0"], "netdemo: invalid value for '--rate': '0': need probes a second"),
        (["ping", "--size", "23"], "netdemo: invalid value for '--size': '23': need bytes, 24-655"),
        (["ping", "-c", "0"], "netdemo: invalid value for '--count' / '-c': '0': need a whole num"),
        (["serve", "--echo-mode", "uper"], "netdemo: --echo-mode 'uper': need one of: identity,"),
        (["serve", "--reactor", "gtk9"], "netdemo: --reactor 'gtk9': no such reactor; there are"),
        (["doctor", "--config", "/nope"], "netdemo: --config '/nope': no such file or directory"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What, which value, what would do."""
    code, out, err = main(*arguments, capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(line)


def test_alone_it_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever types only the name wants to know."""
    code, _, err = main(capsys=capsys)
    assert (code, err.splitlines()[0]) == (2, "Usage: netdemo [OPTIONS] COMMAND [ARGS]...")


def test_a_verb_that_cannot_be_loaded_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third party's module may raise anything."""
    monkeypatch.setitem(cli.OWN, "broken", "twisted_net.nowhere:broken")
    code, _, err = main("broken", capsys=capsys)
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith("netdemo: 'broken' cannot be loaded from twisted_net.nowhere:broken: ")

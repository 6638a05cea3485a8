"""Tests of `twisted_net.net.options`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from twisted_net.net.options import Sectioned, files, setting_options
from twisted_net.net.settings import YES_NO, Group, Reading, one_of, setting, size


@dataclass(frozen=True, slots=True)
class Settings:
    """Some settings."""

    tcp: str = setting("tcp:7", "Where.")
    long_name: str = setting("", "What.")
    room: int = setting(16 << 20, "How much.", size(0, 1 << 40))
    mode: str = setting("plain", "How.", one_of("plain", "fancy"))
    loud: bool = setting(False, "Whether.", YES_NO)
    root: str = setting("", "From where.", Reading("FOLDER", str))


@dataclass(frozen=True, slots=True)
class Own:
    """Settings of the bench itself."""

    words: str = setting("", "Which.", Reading("FILE", str))


#: What the command below was called with.
seen: list[Any] = []


@click.command(cls=Sectioned)
@setting_options([Group("", Own), Group("quote", Settings, "quote-")])
@click.argument("names", nargs=-1, shell_complete=files)
def command(config: Path | None, given: Mapping[str, str], names: tuple[str, ...]) -> None:
    """Note what came."""
    seen.append((config, dict(given)))


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    """Forget what other tests called it with."""
    seen.clear()


def test_settings_become_options_of_a_command() -> None:
    """Only those that were given are handed on."""
    run = CliRunner().invoke
    assert run(command, ["--quote-long-name", "", "-c", "x.toml"]).exit_code == 0
    assert run(command, []).exit_code == 0
    assert seen == [(Path("x.toml"), {"quote-long-name": ""}), (None, {})]


def test_a_yes_may_be_left_out() -> None:
    """As everybody expects of an option that is a yes or a no."""
    assert CliRunner().invoke(command, ["--quote-loud"]).exit_code == 0
    assert seen == [(None, {"quote-loud": "yes"})]


def test_each_group_of_settings_has_a_heading_of_its_own_in_the_help() -> None:
    """Sixty options in one list are read by nobody; the command's own come first."""
    shown = CliRunner().invoke(command, ["--help"]).output
    headings = [line for line in shown.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == ["Options:", "The bench:", "Quote:"]
    own, bench, quote = shown.partition("Options:")[2].split("\n\n")
    assert "--config" in own
    assert "--help" in own
    assert "--words" in bench
    assert "--quote-tcp" in quote


def test_the_help_shows_a_default_as_a_person_would_type_it() -> None:
    """16777216 is no number that anybody knows."""
    shown = CliRunner().invoke(command, ["--help"]).output
    assert "Where.  [default: tcp:7]" in shown
    assert "What.  [default: empty]" in shown
    assert "How much.  [default: 16MiB]" in shown
    assert "Whether.  [default: no]" in shown


@pytest.mark.parametrize(
    ("words", "begun", "completed"),
    [
        (["--quote-mode"], "f", [("plain", "fancy")]),
        (["--quote-loud"], "", [("plain", "yes"), ("plain", "no")]),
        (["--quote-root"], "/s", [("dir", "/s")]),
        (["--words"], "x", [("file", "x")]),
        (["--quote-tcp"], "t", []),
        ([], "a", [("file", "a")]),
    ],
)
def test_a_shell_can_complete_what_an_option_takes(
    words: list[str], begun: str, completed: list[tuple[str, str]]
) -> None:
    """Words of a closed list, files where files are wanted, and nothing where all may stand."""
    found = ShellComplete(command, {}, "x", "_X_COMPLETE").get_completions(words, begun)
    assert [(each.type, each.value) for each in found] == completed

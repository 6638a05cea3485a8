"""Tests of `twisted_net.net.settings`."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net.errors import SettingError
from twisted_net.net.settings import (
    YES_NO,
    Group,
    Reading,
    load,
    load_chosen,
    one_of,
    seconds,
    setting,
    size,
    whole,
)


@dataclass(frozen=True, slots=True)
class Quote:
    """Settings of a service."""

    day: str = setting("monday", "Which day.", one_of("monday", "friday"))
    most: int = setting(3, "How many.", whole(1, 10))
    tftp: str = setting("udp:69", "With a name of its own.", option="tftp")
    long_name: bool = setting(False, "Two words.", YES_NO)


@dataclass(frozen=True, slots=True)
class Bench:
    """Settings of the whole."""

    grace: float = setting(5.0, "How long.", seconds(0, 60))


GROUPS = [Group("", Bench), Group("quote", Quote, "quote-")]


def test_every_setting_has_one_name_in_each_place() -> None:
    """Option, variable and key are made from one field."""
    names = [(each.option, each.variable, each.path) for group in GROUPS for each in group]
    assert names == [
        ("grace", "NETDEMO_GRACE", "grace"),
        ("quote-day", "NETDEMO_QUOTE_DAY", "quote.day"),
        ("quote-most", "NETDEMO_QUOTE_MOST", "quote.most"),
        ("tftp", "NETDEMO_TFTP", "quote.tftp"),
        ("quote-long-name", "NETDEMO_QUOTE_LONG_NAME", "quote.long_name"),
    ]


def test_defaults_stand_where_nobody_says_otherwise() -> None:
    """No option, no variable, no file: the dataclass as it was written."""
    assert load(GROUPS, {}, {}) == {Bench: Bench(), Quote: Quote()}


def test_the_command_line_wins_over_the_environment_over_the_file(tmp_path: Path) -> None:
    """Whoever is nearer to the moment decides."""
    file = tmp_path / "netdemo.toml"
    file.write_text('[quote]\nday = "friday"\nmost = 5\ntftp = "udp:1"\nlong_name = true\n')
    environment = {"NETDEMO_QUOTE_MOST": "6", "NETDEMO_TFTP": "udp:2", "PATH": "/bin"}
    made = load(GROUPS, {"tftp": "udp:3"}, environment, file)
    assert made[Quote] == Quote(day="friday", most=6, tftp="udp:3", long_name=True)


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    """A unit file can point at its settings without an option."""
    file = tmp_path / "netdemo.toml"
    file.write_text("grace = 1.5\n")
    assert load(GROUPS, {}, {"NETDEMO_CONFIG": str(file)})[Bench] == Bench(1.5)


@pytest.mark.parametrize(
    ("options", "environment", "toml", "message"),
    [
        ({"quote-most": "-1"}, {}, "", "--quote-most '-1': need a whole number 1-10"),
        ({"quote-most": "1e3"}, {}, "", "--quote-most '1e3': need a whole number 1-10"),
        (
            {"quote-most": "\N{ARABIC-INDIC DIGIT ONE}"},
            {},
            "",
            "--quote-most '\N{ARABIC-INDIC DIGIT ONE}': need a whole number 1-10",
        ),
        ({"grace": "nan"}, {}, "", "--grace 'nan': need seconds, 0-60"),
        (
            {"quote-day": "fryday"},
            {},
            "",
            "--quote-day 'fryday': need one of: monday, friday; did you mean 'friday'?",
        ),
        ({}, {"NETDEMO_GRACE": "soon"}, "", "NETDEMO_GRACE 'soon': need seconds, 0-60"),
        (
            {},
            {"NETDEMO_QUOTE_MOSD": "1"},
            "",
            "unknown variable 'NETDEMO_QUOTE_MOSD'; did you mean 'NETDEMO_QUOTE_MOST'?",
        ),
        ({}, {}, "[quote]\nmost = 11\n", "FILE: quote.most 11: need a whole number 1-10"),
        (
            {},
            {},
            "[quote]\nmosd = 1\n",
            "FILE: unknown key 'quote.mosd'; did you mean 'quote.most'?",
        ),
        ({}, {}, "grace = [1]\n", "FILE: grace: need text or a number, not [1]"),
        ({}, {}, "[quote.most]\nx = 1\n", "FILE: quote.most: need text or a number, not {'x': 1}"),
        ({}, {}, "[quote]\nlong_name = 1\n", "FILE: quote.long_name 1: need yes or no"),
        ({}, {}, "[quote]\nday = true\n", "FILE: quote.day true: need one of: monday, friday"),
        ({}, {}, "[quote]\nday = 'may'\n", "FILE: quote.day 'may': need one of: monday, friday"),
        ({}, {}, "quote = 3\n", "FILE: quote is a table: write [quote]"),
        ({}, {"NETDEMO_VERBOSE": "1"}, "", "unknown variable 'NETDEMO_VERBOSE'"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_wanted(
    options: dict[str, str],
    environment: dict[str, str],
    toml: str,
    message: str,
    tmp_path: Path,
) -> None:
    """One line: where, which value, what is wanted."""
    file = tmp_path / "netdemo.toml"
    file.write_text(toml)
    with pytest.raises(SettingError) as caught:
        load(GROUPS, options, environment, file)
    assert str(caught.value) == message.replace("FILE", str(file))


def test_a_file_that_is_not_toml_says_where(tmp_path: Path) -> None:
    """Line and column, as the parser found them."""
    file = tmp_path / "netdemo.toml"
    file.write_text("grace = \n")
    with pytest.raises(SettingError, match=r"netdemo\.toml:1:9: invalid value$"):
        load(GROUPS, {}, {}, file)


def test_what_kubernetes_sets_for_a_service_of_that_name_is_not_ours() -> None:
    """Every container beside it has these variables."""
    names = [
        "NETDEMO_PORT",
        "NETDEMO_PORT_7007_TCP",
        "NETDEMO_SERVICE_HOST",
        "NETDEMO_SERVICE_PORT",
    ]
    assert load(GROUPS, {}, dict.fromkeys(names, "x"))[Bench] == Bench()


def test_a_file_made_to_be_no_fun_is_one_line(tmp_path: Path) -> None:
    """The parser's limits are ours."""
    file = tmp_path / "netdemo.toml"
    for text in ("grace = " + "[" * 5000, "grace = " + "1" * 5000):
        file.write_text(text)
        with pytest.raises(SettingError, match=r"netdemo\.toml: "):
            load(GROUPS, {}, {}, file)


def test_a_file_named_by_the_environment_is_blamed_on_it() -> None:
    """Nobody gave --config."""
    with pytest.raises(SettingError, match="NETDEMO_CONFIG '/nope': no such file or directory"):
        load(GROUPS, {}, {"NETDEMO_CONFIG": "/nope"})


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    """The path as it was given, and the reason."""
    with pytest.raises(SettingError, match=r"--config '.*nope': no such file or directory"):
        load(GROUPS, {}, {}, tmp_path / "nope")


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("4096", 4096), ("64KiB", 65536), ("1GiB", 1 << 30)]
)
def test_sizes_have_units(text: str, value: int) -> None:
    """Bytes, and their binary multiples."""
    assert size(0, 1 << 40).read(text) == value


def test_seconds_are_read_as_people_write_them_and_bounds_shown_so() -> None:
    """``ping -i .2`` is a habit; an exponent is none."""
    read = seconds(0.00001, 86400).read
    assert [read(text) for text in ("2", "0.25", ".25")] == [2.0, 0.25, 0.25]
    for wrong in (".", "1e-05", "-1", "nan", "90000"):
        with pytest.raises(ValueError, match=r"^need seconds, 0\.00001-86400$"):
            read(wrong)


@given(st.text(), st.sampled_from([whole(1, 9), seconds(0, 9), size(1, 9), one_of("a"), YES_NO]))
def test_any_text_is_read_or_refused(text: str, reading: Reading) -> None:
    """A value is never guessed at, and nothing but ValueError comes out."""
    try:
        value = reading.read(text)
    except ValueError:
        return
    assert text.isascii()
    assert value in (True, False, "a") or 0 <= value <= 9


def test_what_was_chosen_makes_the_same_settings_without_environment_and_file(
    tmp_path: Path,
) -> None:
    """So that another process can make them, whatever has become of the file."""
    file = tmp_path / "netdemo.toml"
    file.write_text("grace = 1.5\n[quote]\nmost = 7\nlong_name = true\n")
    environment = {"NETDEMO_TFTP": "udp:0", "NETDEMO_GRACE": "2"}
    options = {"quote-day": "friday"}
    made, texts = load_chosen(GROUPS, options, environment, file)
    assert texts == {
        "grace": "2",
        "quote-day": "friday",
        "quote-most": "7",
        "tftp": "udp:0",
        "quote-long-name": "yes",
    }
    assert load(GROUPS, texts, {}) == made == load(GROUPS, options, environment, file)

"""Tests of `twisted_net.chat.opers`, and of the IRC doors' settings."""

from pathlib import Path

import pytest

from tests.chat.stores import Threaded
from twisted_net.chat.hashing import made
from twisted_net.chat.opers import Operators, read
from twisted_net.chat.settings import ChatSettings, password_in
from twisted_net.net.errors import SettingError
from twisted_net.net.settings import Group, load


def checked(operators: Operators, clock: Threaded, name: str, password: str) -> list[bool]:
    """Return what is told of a name and a password."""
    told: list[bool] = []
    operators.check(name, password, told.append)
    assert told == []  # it takes a while
    clock.settle()
    return told


def test_who_knows_the_password_is_known(tmp_path: Path) -> None:
    """Nobody else is, and a name that there is not is looked at as long."""
    file = tmp_path / "opers"
    file.write_text(f"# who may\n\n{made('root', 'secret')}  # me\n{made('red', 'x')}\n")
    clock = Threaded()
    operators = Operators(str(file), clock)
    assert checked(operators, clock, "root", "secret") == [True]
    assert checked(operators, clock, "red", "x") == [True]
    assert checked(operators, clock, "root", "x") == [False]
    assert checked(operators, clock, "nobody", "secret") == [False]
    file.write_text(made("blue", "y"))
    operators.reread()
    assert checked(operators, clock, "root", "secret") == [False]
    assert checked(operators, clock, "blue", "y") == [True]


def test_those_who_were_known_stay_known_if_the_file_is_wrong(tmp_path: Path) -> None:
    """Until it is right again."""
    file = tmp_path / "opers"
    file.write_text(made("root", "secret"))
    clock = Threaded()
    operators = Operators(str(file), clock)
    file.write_text("nonsense\n")
    with pytest.raises(ValueError, match="line 1: need <name> scrypt <salt> <hash>"):
        operators.reread()
    assert checked(operators, clock, "root", "secret") == [True]


@pytest.mark.parametrize(
    "line", ["root", "root md5 AAAA AAAA", "root scrypt ! AAAA", "root scrypt AAAA AAAA x"]
)
def test_a_line_that_means_nothing_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    """Its words are not repeated: there may be a password among them."""
    file = tmp_path / "opers"
    file.write_text(f"# one\n{line}\n")
    with pytest.raises(ValueError, match=r"^line 2: need <name> scrypt <salt> <hash>$"):
        read(str(file))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Of operators, and of the password."""
    file = tmp_path / "file"
    file.write_bytes(b"\xff\n")
    for reading in (read, password_in):
        with pytest.raises(ValueError, match="is not UTF-8"):
            reading(str(file))


def test_the_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    """Without one there is none."""
    file = tmp_path / "password"
    file.write_text(" sesame \nanything\n")
    assert password_in(str(file)) == "sesame"
    assert password_in("") == ""
    file.write_text("\nx")
    with pytest.raises(ValueError, match="its first line is empty"):
        password_in(str(file))


@pytest.mark.parametrize(
    ("option", "text", "error"),
    [
        ("irc-password", "/nowhere", "No such file or directory"),
        ("chat-opers", "/nowhere", "No such file or directory"),
        ("irc-name", "a b", "need a host name: 1-63 letters, digits, dots or dashes"),
        ("irc-network", "", "need 1-32 letters, digits, dots, dashes or underscores"),
        ("irc-legacy-charset", "klingon", "need a charset: one of utf-8, "),
        ("irc", "udp:6667", "a datagram"),
    ],
)
def test_a_setting_that_will_not_do_is_told_in_one_line(option: str, text: str, error: str) -> None:
    """With the option, the value, and what is wanted."""
    with pytest.raises(SettingError) as raised:
        load([Group("chat", ChatSettings, "chat-")], {option: text}, {})
    assert str(raised.value).startswith(f"--{option} {text!r}: ")
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)

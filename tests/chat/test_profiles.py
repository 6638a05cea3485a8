"""Tests of `twisted_net.chat.store.profiles`: what accounts tell, until they change it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.chat.stores import Threaded, answer, filed, raised
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.core.metadata import MAX_KEYS
from twisted_net.chat.store import rows
from twisted_net.chat.store.profiles import FiledProfiles, MemoryProfiles, Profiles

Told = Callable[[str], dict[str, str]]


@pytest.fixture(params=["memory", "file"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Profiles, Told]]:
    """Return profiles, and a way to read them."""
    clock = Threaded()
    if request.param == "memory":
        memory = MemoryProfiles(most=2)
        yield memory, lambda account: answer(memory.load(account))
        return
    file = filed(clock, tmp_path / "chat.db")
    profiles = FiledProfiles(file)

    def told(account: str) -> dict[str, str]:
        asked = profiles.load(account)
        clock.settle()
        return answer(asked)

    yield profiles, told
    file.stop()


def test_the_last_value_of_each_key_is_remembered(both: tuple[Profiles, Told]) -> None:
    """Of each account its own, whatever case its name is written in."""
    profiles, told = both
    for key, value in (("url", "a"), ("color", "b"), ("url", ""), ("color", None), ("no", None)):
        profiles.keep("Red", key, value)
    profiles.keep("blue", "url", "c")
    assert told("red") == {"url": ""}
    assert told("BLUE") == {"url": "c"}
    assert told("nobody") == {}
    profiles.keep("red", "url", None)
    assert told("red") == {}


def test_there_is_an_end_to_what_one_account_tells(both: tuple[Profiles, Told]) -> None:
    """Two clients of one account may have different keys; what is there may be changed."""
    profiles, told = both
    for number in range(MAX_KEYS + 3):
        profiles.keep("red", f"k{number:02}", "x")
    profiles.keep("red", "k00", "y")
    held = told("red")
    assert len(held) == MAX_KEYS
    assert held["k00"] == "y"


def test_memory_forgets_who_was_longest_unchanged() -> None:
    """There are more accounts than places."""
    profiles = MemoryProfiles(most=2)
    for account in ("a", "b", "a", "c"):
        profiles.keep(account, "url", account)
    assert [answer(profiles.load(each)) for each in "abc"] == [{"url": "a"}, {}, {"url": "c"}]


def test_an_account_is_forgotten_with_what_it_told(tmp_path: Path) -> None:
    """And it is in the file as long as that."""
    path = tmp_path / "chat.db"
    file = filed(Threaded(), path)
    FiledProfiles(file).keep("Red", "url", "http://secret.example")
    file.stop()
    with pytest.raises(Refusal):
        raised(FiledProfiles(file).load("red"))
    assert b"secret.example" in path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        rows.forget_account(connection, "red")
        connection.commit()
    assert b"secret.example" not in path.read_bytes()

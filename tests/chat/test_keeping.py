"""Tests of `twisted_net.chat.keeping` and `forget`: from the options to the file."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from twisted.internet.testing import MemoryReactorClock

from tests.chat.members import dice
from tests.chat.stores import DAY, LOBBY, Kept, Threaded, answer, filed
from twisted_net.chat.accounts.realm import Accounts
from twisted_net.chat.keeping import Keep, opened
from twisted_net.chat.keeping import Kept as Opened
from twisted_net.chat.service import chat
from twisted_net.chat.settings import ChatSettings
from twisted_net.chat.store.accounts import FiledAccounts, load
from twisted_net.chat.store.memory import MemoryHistory
from twisted_net.chat.store.sqlite import SqliteHistory
from twisted_net.cli import cli
from twisted_net.net.errors import StartError
from twisted_net.net.service import Runtime


def ends(kept: Opened) -> None:
    """Stop what runs beneath the doors."""
    for each in kept.beneath:
        each.stopService()


def test_without_a_file_all_is_in_memory() -> None:
    """Or nowhere, if nothing is to be kept."""
    kept = opened(Keep(seconds=DAY, shown="1d"), Runtime(Threaded(), dice(1)))
    assert isinstance(kept.history, MemoryHistory)
    assert kept.history.kept == "1d"
    assert kept.accounts.registered("red") is None
    assert opened(Keep(), Runtime(Threaded(), dice(1))).history is None


def test_a_file_is_opened_at_the_start_and_closed_at_the_end(tmp_path: Path) -> None:
    """Another server may have it then, and hides addresses in the same way: bans still hold."""
    secrets: set[bytes | None] = set()
    for seed in range(2):
        keep = Keep(str(tmp_path / "chat.db"), DAY, "1d")
        kept = opened(keep, Runtime(MemoryReactorClock(), dice(seed)))
        assert isinstance(kept.history, SqliteHistory)
        assert kept.history.kept == "1d"
        secrets.add(kept.secret)
        with pytest.raises(StartError, match=r"--chat-store '.*chat\.db': another server"):
            opened(keep, Runtime(MemoryReactorClock(), dice(1)))
        ends(kept)
    assert len(secrets) == 1
    assert None not in secrets


def test_accounts_are_in_the_file_even_if_nothing_else_is_kept(tmp_path: Path) -> None:
    """What is said is nobody's business then; who owns a name still is."""
    kept = opened(Keep(str(tmp_path / "chat.db")), Runtime(MemoryReactorClock(), dice(1)))
    assert kept.history is None
    assert isinstance(kept.accounts._keeper, FiledAccounts)
    ends(kept)


def test_an_auth_that_lets_nobody_in_keeps_the_start() -> None:
    """Safety, row 13."""
    with pytest.raises(StartError, match="--auth: cannot read '/nope'"):
        opened(Keep(auth="file:/nope"), Runtime(Threaded(), dice(1)))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return the file of a chat that has stopped, on which red said two things."""
    path = tmp_path / "chat.db"
    clock = Threaded()
    kept = Kept(filed(clock, path), clock)
    history = kept.history
    assert isinstance(history, SqliteHistory)
    accounts = Accounts(clock, dice(1), keeper=FiledAccounts(history), iterations=4096)
    made = accounts.register("Red", "pencil", "127.0.0.1")
    clock.pump([0, 0, 0, 0, 1, 0, 0, 0])
    assert answer(made) == "Red"
    kept.says("mine", "mine too", account="Red")
    kept.says("not mine", account="blue")
    kept.of(history.stop())
    return path


def forget(*arguments: str) -> tuple[int, str]:
    """Call the command; return what it exits with and what it prints."""
    done = CliRunner().invoke(cli, ["chat", "forget", *arguments])
    return done.exit_code, done.output


def test_what_only_one_process_may_have_is_opened_where_the_chat_is(tmp_path: Path) -> None:
    """Several processes make the doors with ``--workers``; one has the file and the bots."""
    hooks = tmp_path / "hooks.toml"
    hooks.write_text("[lobby]\ntoken = '0123456789abcdef'\n")
    hooks.chmod(0o600)
    settings = ChatSettings(store=str(tmp_path / "chat.db"), hooks=str(hooks))
    shares = (frozenset({"irc"}), frozenset({"web"}), None)
    pages, files = [], []
    for here in shares:
        runtime = Runtime(MemoryReactorClock(), dice(1), here=here)
        beneath = {one for door in chat.doors(settings, runtime) for one in door.stands_on}
        pages.append([page.name for page in runtime.pages])
        files.append(len(beneath))
        for each in beneath:
            each.stopService()
    assert pages == [[], [], ["chat", "hook", "irc"]]
    assert files == [1, 0, 1]


@pytest.mark.parametrize("option", ["store", "hooks"])
def test_who_leaves_the_chat_to_another_process_looks_at_its_files(
    tmp_path: Path, option: str
) -> None:
    """The one that will open them could only die of it, again and again."""
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"[no database" * 99)
    runtime = Runtime(MemoryReactorClock(), dice(1), here=frozenset())
    options: dict[str, Any] = {option: str(wrong)}
    with pytest.raises(StartError, match=f"--chat-{option}"):
        chat.doors(ChatSettings(**options), runtime)
    path = tmp_path / "chat.db"
    chat.doors(ChatSettings(store=str(path)), runtime)
    filed(Threaded(), path).stop()


def test_an_account_is_forgotten_with_all_it_said(store: Path) -> None:
    """And once only."""
    assert forget("red", "--store", str(store)) == (0, "forgot 'red', 2 messages and 0 rooms\n")
    clock = Threaded()
    file = filed(clock, store)
    assert Kept(file, clock).got(file.latest(LOBBY, 9)) == ["not mine"]
    assert len(file.now(load)) == 0
    file.stop()
    code, said = forget("red", "--store", str(store))
    assert (code, said) == (1, f"netdemo: no account 'red' in {str(store)!r}\n")
    assert b"mine too" not in store.read_bytes()


def test_programs_get_an_object(store: Path) -> None:
    """As from every command."""
    code, said = forget("red", "--store", str(store), "--json")
    assert (code, json.loads(said)) == (0, {"account": "red", "messages": 2, "rooms": 0})


def test_nothing_is_forgotten_while_a_server_runs(store: Path, tmp_path: Path) -> None:
    """Nor made where there is nothing."""
    clock = Threaded()
    file = filed(clock, store)
    code, said = forget("red", "--store", str(store))
    assert code == 1
    assert "another server is using it" in said
    file.stop()
    code, said = forget("red", "--store", str(tmp_path / "no.db"))
    assert (code, said) == (1, f"netdemo: --store '{tmp_path / 'no.db'}': no such file\n")
    assert not (tmp_path / "no.db").exists()


def test_the_command_is_found_and_a_host_of_that_name_too() -> None:
    """Help says how."""
    code, said = forget("--help")
    assert code == 0
    assert "netdemo chat forget" in " ".join(said.split())
    code, said = CliRunner().invoke(cli, ["chat", "--help"]).exit_code, ""
    assert code == 0

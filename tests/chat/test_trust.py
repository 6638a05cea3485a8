"""Tests of `twisted_net.chat.core.trust`, `core.known` and `chat.keyring`."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.chat import keyring
from twisted_net.chat.codec.messages import Refusal
from twisted_net.chat.core.known import Known, Standing, fingerprint, shown
from twisted_net.chat.core.trust import MOST_WARNINGS, WARN_EVERY, Trust
from twisted_net.chat.keyring import KnownFile, folder, own_key
from twisted_net.net.errors import SettingError

KEY, OTHER = b"k" * 32, b"o" * 32
HOST = "192.0.2.9"


def test_the_first_key_of_a_name_is_believed_and_no_other_one() -> None:
    """Nor none at all, once there was one."""
    known = Known()
    assert known.look("red", b"") is Standing.UNPROVEN
    assert known.look("red", KEY) is Standing.NEW
    assert known.learn("red", KEY) == ""
    assert known.look("RED", KEY) is Standing.SAME
    assert known.look("red", OTHER) is Standing.CHANGED
    assert known.look("red", b"") is Standing.MISSING
    assert known.learn("red", OTHER) == ""
    assert known.look("red", OTHER) is Standing.CHANGED, "learned is learned"
    assert known.forget("Red")
    assert not known.forget("red")
    assert known.look("red", OTHER) is Standing.NEW


def test_names_that_are_read_as_one_are_one() -> None:
    """Else somebody with a twin of a letter would be met for the first time."""
    known = Known({"Ⅸ": fingerprint(KEY)})
    assert known.look("ix", OTHER) is Standing.CHANGED


def test_a_book_that_is_full_forgets_nobody() -> None:
    """And says so; many strangers cannot make one forget a friend."""
    known = Known({"red": fingerprint(KEY)}, most=1)
    assert "no more are remembered" in known.learn("blue", KEY)
    assert known.look("red", KEY) is Standing.SAME
    assert known.look("blue", KEY) is Standing.NEW


@pytest.mark.parametrize(
    ("public", "what"), [(OTHER, f"shows the key {shown(fingerprint(OTHER))}"), (b"", "no key")]
)
def test_a_name_with_another_key_is_kept_out_and_told_of(public: bytes, what: str) -> None:
    """With where it came from, both keys, and what to do."""
    trust = Trust(Known({"red": fingerprint(KEY)}))
    refusal, warning = trust.judge("red", public, HOST, 0.0)
    assert refusal is not None
    for each in (HOST, "red", what, shown(fingerprint(KEY)), "netdemo chat --forget-peer red"):
        assert each in warning
    assert trust.judge("red", KEY, HOST, 0.0) == (None, "")
    assert trust.judge("blue", public, HOST, 0.0) == (None, "")


def test_a_warning_is_not_repeated_all_the_time_but_counted() -> None:
    """Whoever tries again and again, under all names, does not drown what is said."""
    trust = Trust(Known({f"n{n}": fingerprint(KEY) for n in range(100)}))
    told = [trust.judge(f"n{n % 100}", OTHER, HOST, 1.0)[1] for n in range(1000)]
    assert sum(map(bool, told)) == MOST_WARNINGS
    assert all(trust.judge(f"n{n}", OTHER, HOST, 2.0)[0] is not None for n in range(100))
    later = trust.judge("n0", OTHER, HOST, 2.0 + WARN_EVERY)[1]
    assert "(tried 1084 more times before)" in later


def test_who_proves_nothing_is_told_of_as_rarely() -> None:
    """However often they try."""
    trust = Trust(Known())
    told = [trust.disproved(HOST, 1.0 + n / 100) for n in range(100)]
    assert [bool(each) for each in told] == [True] + [False] * 99
    assert HOST in told[0]
    assert "(tried 99 more times before)" in trust.disproved(HOST, 1.0 + WARN_EVERY)


def test_a_name_that_is_none_is_refused_before_it_is_looked_up() -> None:
    """It might be two lines of a file."""
    with pytest.raises(Refusal, match="422 name"):
        Trust(Known()).judge("a\nb", KEY, HOST, 0.0)


def test_whoever_is_here_is_shown_with_the_key_of_this_session() -> None:
    """Not with the one that is known of the name."""
    trust = Trust(Known())
    trust.came("red", b"")
    assert trust.met("red", KEY) == (True, "")
    assert trust.key_of("RED") == ""
    trust.came("red", KEY)
    assert trust.key_of("red") == fingerprint(KEY)
    trust.left("red")
    assert trust.key_of("red") is None
    assert trust.met("red", KEY) == (False, "")


def test_one_s_own_key_is_made_once_and_for_nobody_else_to_read(tmp_path: Path) -> None:
    """In a folder of one's own."""
    pytest.importorskip("cryptography")
    kept = tmp_path / "state" / "netdemo"
    key = own_key(kept)
    assert own_key(kept).public == key.public
    assert own_key(tmp_path / "other").public != key.public
    assert stat.S_IMODE((kept / "peer.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert [each.name for each in kept.iterdir()] == ["peer.key"]


def test_of_two_who_make_a_key_at_one_time_one_is_faster(tmp_path: Path) -> None:
    """And both have the same one; nothing is left of the other one."""
    first, second = keyring._made(tmp_path / "peer.key"), keyring._made(tmp_path / "peer.key")
    assert first == second
    assert [each.name for each in tmp_path.iterdir()] == ["peer.key"]


@pytest.mark.parametrize("held", [b"", b"secret", b"\xff\xfe", b"g" * 64, b"0" * 65])
def test_a_file_that_holds_no_key_is_named(tmp_path: Path, held: bytes) -> None:
    """And not overwritten."""
    pytest.importorskip("cryptography")
    path = tmp_path / "peer.key"
    path.write_bytes(held)
    path.chmod(0o600)
    with pytest.raises(SettingError, match=r"peer\.key': no key; move the file away"):
        own_key(tmp_path)
    assert path.read_bytes() == held


@pytest.mark.skipif(os.name != "posix", reason="there are no modes")
def test_a_key_that_others_may_read_is_none(tmp_path: Path) -> None:
    """It is nobody's own any more, as ssh sees it."""
    pytest.importorskip("cryptography")
    own_key(tmp_path)
    (tmp_path / "peer.key").chmod(0o640)
    with pytest.raises(SettingError, match=r"others may read this key \(mode 640\); chmod 600"):
        own_key(tmp_path)


def test_whom_one_has_met_is_known_the_next_time(tmp_path: Path) -> None:
    """In a file of lines that people can read and change."""
    known = KnownFile(tmp_path / "new")
    assert known.learn("red", KEY) == known.learn("snowman-雪", OTHER) == ""
    path = tmp_path / "new" / "known-peers"
    lines = f"red {fingerprint(KEY)}\nsnowman-雪 {fingerprint(OTHER)}\n"
    assert path.read_text(encoding="utf-8") == lines
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = KnownFile(tmp_path / "new")
    assert again.look("red", KEY) is Standing.SAME
    assert again.forget("RED")
    assert path.read_text(encoding="utf-8") == lines.partition("\n")[2]
    assert KnownFile(tmp_path / "new").look("red", OTHER) is Standing.NEW


def test_the_first_line_of_a_name_counts(tmp_path: Path) -> None:
    """Two programs may have met different ones at one time; the later one is not believed."""
    one, two = KnownFile(tmp_path), KnownFile(tmp_path)
    one.learn("red", KEY)
    two.learn("red", OTHER)
    assert KnownFile(tmp_path).look("red", KEY) is Standing.SAME


@pytest.mark.parametrize("name", ["two words", "a\nb 0", "", "x" * 25])
def test_what_is_no_name_is_never_written(tmp_path: Path, name: str) -> None:
    """It would be another line."""
    with pytest.raises(Refusal):
        KnownFile(tmp_path).learn(name, KEY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("held", [b"red\n", b"\xff\n", b"red " + b"0" * 63, b"\n", b"0" * 300_000])
def test_a_file_that_holds_something_else_is_named(tmp_path: Path, held: bytes) -> None:
    """With the line; whom one knew is not forgotten silently."""
    (tmp_path / "known-peers").write_bytes(held)
    with pytest.raises(SettingError, match="known-peers': "):
        KnownFile(tmp_path)


def test_who_cannot_be_written_down_is_known_for_now(tmp_path: Path) -> None:
    """And that is said."""
    known = KnownFile(tmp_path / "kept")
    (tmp_path / "kept").write_text("in the way")
    assert "is remembered for now only" in known.learn("red", KEY)
    assert known.look("red", OTHER) is Standing.CHANGED


def test_it_is_kept_where_the_desktop_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_STATE_HOME, or ~/.local/state."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert folder() == Path("/state/netdemo")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/srv/red")
    assert folder() == Path("/srv/red/.local/state/netdemo")


@given(st.binary(max_size=300))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """In one line, whatever somebody wrote into it (R28)."""
    path = tmp_path_factory.getbasetemp() / "known-peers"
    path.write_bytes(data)
    with suppress(SettingError):
        KnownFile(path.parent)

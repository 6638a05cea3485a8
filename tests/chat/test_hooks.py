"""Tests of `twisted_net.chat.hooks`: other programs in a room."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs

from tests.chat.webs import Server
from tests.web.browsers import Answer, request
from twisted_net.chat.accounts.penalties import EVERY, TRIES
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.requests import RenameRoom
from twisted_net.chat.hooks import core, incoming
from twisted_net.chat.hooks.bots import Bot
from twisted_net.chat.hooks.config import Hook, hooks_in
from twisted_net.chat.hooks.core import PAUSES, Outcome, Telling, outcome_of
from twisted_net.chat.hooks.incoming import HookResource, lines_of
from twisted_net.chat.hooks.made import made
from twisted_net.net.drops import Drops
from twisted_net.net.errors import StartError

TOKEN = "0123456789" + "abcdef"


class Hooked(Server):
    """A chat with hooks.

    :ivar told: what the URL of each room was told.
    """

    def __init__(self, *hooks: Hook) -> None:
        super().__init__()
        self.told: dict[str, list[dict[str, str]]] = {hook.room: [] for hook in hooks}
        keys: dict[str, None] = {}
        bots = [
            Bot(hook, self.post, self.clock, keys, partial(self._tell, hook.room)) for hook in hooks
        ]
        drops = Drops("chat", self.clock.counters, self.clock.seconds)
        self.pages.add("hook", "", HookResource(bots, self.clock, drops))

    def posts(
        self,
        body: bytes,
        token: str = TOKEN,
        room: str = "lobby",
        kind: str = "text/plain",
        **more: str,
    ) -> tuple[int, dict[str, Any]]:
        """Let a program post something; return what it is answered."""
        head = request(
            f"/hook/{room}",
            "POST",
            Authorization=f"Bearer {token}",
            Content_Type=kind,
            Content_Length=str(len(body)),
            **more,
        )
        answer: Answer = self.sends(head + body)
        return answer.code, json.loads(answer.body)

    def moves(self, name: str, old: str, new: str) -> None:
        """Let somebody give a room another name."""
        self.post.submit(self.post.hub.find(name), RenameRoom(old, new), self.clock.seconds())
        self.clock.advance(0)

    def _tell(self, room: str, said: bytes) -> None:
        self.told[room].append(json.loads(said))


def lobby(**options: Any) -> Hook:
    """Return a hook of the lobby."""
    return Hook("lobby", **{"token": TOKEN, "url": "http://x/", **options})


def test_a_program_says_something_as_a_bot() -> None:
    """Which everybody sees come, and which is nobody's operator."""
    server = Hooked(lobby(name="builds"))
    red = server.enters("red")
    red.listens()
    code, answer = server.posts(b"the build is done\n\n  see the log  \n")
    said = [each for each in red.hears() if each["kind"] == "said"]
    assert [(each["sender"], each["text"]) for each in said] == [
        ("builds", "the build is done"),
        ("builds", "see the log"),
    ]
    assert (code, answer) == (200, {"ids": [each["id"] for each in said]})
    assert red.sees("state")["rooms"][0]["members"] == [
        {"name": "red", "role": "operator"},
        {"name": "builds", "role": "-"},
    ]
    assert "B" in server.post.hub.find("builds").modes


def test_a_program_may_speak_json_as_other_chats_have_it() -> None:
    """What else it says there is passed over."""
    server = Hooked(lobby())
    server.enters("red")
    body = b'{"text": "hi", "username": "x", "attachments": []}'
    assert server.posts(body, kind="application/json; charset=utf-8")[0] == 200
    assert server.posts(b'{"txt": "hi"}', kind="application/json")[0] == 400


def test_a_bot_goes_with_the_last_of_the_others_and_comes_with_the_first() -> None:
    """It keeps no room alive, and begins none."""
    server = Hooked(lobby())
    assert server.posts(b"hi") == (404, {"error": 404, "text": "nobody is in that room"})
    red = server.enters("red")
    assert server.posts(b"hi")[0] == 200
    red.asks("part", room="lobby")
    assert server.post.hub.rooms() == []
    assert server.posts(b"hi")[0] == 404
    red.asks("join", room="lobby")
    assert server.posts(b"hi")[0] == 200
    red.asks("leave")
    assert server.post.hub.rooms() == []
    assert server.others() == ["hook"]


def test_a_room_may_be_closed_to_a_bot() -> None:
    """Thrown out, it waits for somebody to come before it tries again."""
    server = Hooked(lobby())
    red = server.enters("red")
    assert "error" not in red.asks("kick", room="lobby", name="hook")
    assert server.posts(b"hi")[0] == 404
    assert "error" not in red.asks("mode", room="lobby", changes="+b hook")
    server.enters("blue")
    assert server.posts(b"hi")[0] == 404


def test_a_bot_whose_name_is_taken_comes_when_it_is_free() -> None:
    """Nothing breaks meanwhile."""
    server = Hooked(lobby(name="red"))
    red = server.enters("red")
    assert server.posts(b"hi")[0] == 404
    red.asks("nick", name="crimson")
    server.enters("blue")
    assert server.posts(b"hi")[0] == 200


def test_a_bot_stays_with_the_name_of_its_room() -> None:
    """Which nobody here can change; but on another node they may not know of the hook."""
    server = Hooked(lobby(), Hook("tea", "teabot", url="http://x/"))
    hub = server.post.hub
    red = server.enters("red")
    red.listens()
    red.asks("join", room="tea")
    server.moves("red", "tea", "coffee")
    assert [member.name for member in hub.room("coffee").members] == ["red"]
    red.asks("join", room="tea")
    assert hub.find("teabot") in hub.room("tea").members
    red.asks("part", room="tea")
    server.clock.advance(60)
    server.moves("red", "coffee", "tea")
    assert hub.find("teabot") in hub.room("tea").members


def test_a_room_with_a_hook_keeps_its_name(tmp_path: Path) -> None:
    """What is posted there has to find it."""
    server = Hooked()
    path = tmp_path / "hooks.toml"
    path.write_text(f'[tea]\ntoken = "{TOKEN}"\n')
    made(str(path), server.post, server.clock, Drops("chat", server.clock.counters, lambda: 0.0))
    red = server.enters("red")
    red.asks("join", room="tea")
    with pytest.raises(Refusal, match="the server's settings name that room"):
        server.post.hub.command(server.post.hub.find("red"), RenameRoom("tea", "milk"), 0.0)


def test_a_url_is_told_what_people_say_in_its_room() -> None:
    """And nothing else: not what is private, not what bots say, not what is said elsewhere."""
    server = Hooked(lobby(), Hook("tea", "teabot", url="http://x/"))
    red = server.enters("red")
    server.posts(b"hi")
    red.asks("join", room="tea")
    red.asks("say", room="lobby", text="one")
    red.asks("act", room="lobby", text="waves")
    red.asks("tell", name="hook", text="psst")
    red.asks("say", room="tea", text="two")
    assert [(each["kind"], each["text"]) for each in server.told["lobby"]] == [
        ("said", "one"),
        ("acted", "waves"),
    ]
    assert [each["where"] for each in server.told["tea"]] == ["tea"]


@pytest.mark.parametrize(
    ("room", "headers"),
    [
        ("lobby", {"token": "wrong"}),
        ("lobby", {"token": ""}),
        ("lobby", {"token": TOKEN + "x"}),
        ("tea", {}),
        ("nowhere", {}),
        ("%FF", {}),
    ],
)
def test_who_has_another_token_says_nothing(room: str, headers: dict[str, str]) -> None:
    """And does not learn which rooms there are."""
    server = Hooked(lobby(), Hook("tea", "teabot", url="http://x/"))
    server.enters("red").asks("join", room="tea")
    answer = {"error": 401, "text": "no such room, or another token"}
    assert server.posts(b"hi", room=room, **headers) == (401, answer)


def test_guessing_a_token_is_slow() -> None:
    """Five, and then the right one has to wait too."""
    server = Hooked(lobby())
    server.enters("red").listens()
    for n in range(TRIES):
        assert server.posts(b"hi", f"{n}")[0] == 401
    assert server.posts(b"hi")[0] == 429
    server.clock.advance(EVERY)
    assert server.posts(b"hi")[0] == 200
    assert server.clock.counters.dropped == {"wrong_token": TRIES}


def test_a_page_of_another_site_posts_nothing() -> None:
    """It may know a token, but a program has no origin."""
    server = Hooked(lobby())
    server.enters("red")
    head = request("/hook/lobby", "POST", Authorization=f"Bearer {TOKEN}", Origin="http://evil")
    assert server.sends(head).code == 403


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "422 need 1-10 lines"),
        (b"\n \n", "422 need 1-10 lines"),
        (b"x\n" * 11, "422 need 1-10 lines"),
        (b"x" * 1001, "422 need 1-10 lines"),
        (b"x" * 8193, "413 a message has at most 8192 bytes"),
        (b"\xff", "400 not UTF-8"),
        (b"a\x1b[31mred", "400 control character 0x1b"),
    ],
)
def test_what_cannot_be_said_is_refused(body: bytes, why: str) -> None:
    """Nothing of it is said."""
    with pytest.raises(Refusal) as refused:
        lines_of(body, b"text/plain")
    assert str(refused.value).startswith(why)


@given(st.binary(max_size=300), st.sampled_from([b"", b"text/plain", b"application/json"]))
def test_any_body_is_lines_or_refused(body: bytes, kind: bytes) -> None:
    """Nothing else is raised by a stranger."""
    try:
        lines = lines_of(body, kind)
    except Refusal:
        return
    assert 1 <= len(lines) <= incoming.LINES
    assert all(line == line.strip() and line for line in lines)


def test_a_program_that_says_too_much_is_refused() -> None:
    """For a moment."""
    server = Hooked(lobby())
    server.enters("red")
    codes = [server.posts(b"a\n" * 10)[0] for _ in range(11)]
    assert codes == [200] * 10 + [429]
    server.clock.advance(1.0)
    assert server.posts(b"a")[0] == 200


def test_hooks_are_not_listed_where_people_look() -> None:
    """There is nothing to see."""
    server = Hooked(lobby())
    assert b"hook" not in server.sends(request("/")).body
    assert b"chat" in server.sends(request("/")).body
    assert server.sends(request("/hook/lobby")).code == 405


# What is still to be told: pure.


def test_messages_are_told_in_order_each_until_it_is() -> None:
    """A server that is away for a moment misses nothing."""
    telling = Telling()
    assert telling.add(b"a")
    assert telling.add(b"b")
    assert telling.next(0.0) == b"a"
    assert telling.next(0.0) is None
    telling.done(Outcome.LATER, 0.0)
    assert telling.deadline == PAUSES[0]
    assert telling.next(PAUSES[0] / 2) is None
    assert telling.next(PAUSES[0]) == b"a"
    telling.done(Outcome.TOLD, 1.0)
    assert telling.next(1.0) == b"b"
    telling.done(Outcome.NEVER, 1.0)
    assert (telling.next(1.0), telling.lost, len(telling)) == (None, 1, 0)


@given(st.lists(st.sampled_from(["add", *Outcome]), max_size=60))
def test_every_message_is_told_or_counted_as_lost(steps: list[Any]) -> None:
    """Once each, whatever happens, and not more wait than may."""
    before, core.WAITING = core.WAITING, 3
    try:
        telling, now, added, told = Telling(), 0.0, 0, []
        for step in steps:
            if step == "add":
                telling.add(str(added).encode())
                added += 1
            now = telling.deadline or now
            message = telling.next(now)
            if message is not None:
                outcome = step if isinstance(step, Outcome) else Outcome.TOLD
                telling.done(outcome, now)
                if outcome is Outcome.TOLD:
                    told.append(int(message))
            assert len(telling) <= 3
        assert told == sorted(set(told))
        assert len(told) + telling.lost + len(telling) == added
    finally:
        core.WAITING = before


def test_an_answer_says_whether_to_try_again() -> None:
    """A server that is broken may be mended; one that refuses will refuse again."""
    assert [outcome_of(code) for code in (200, 204, 500, 503, 429)] == [
        Outcome.TOLD,
        Outcome.TOLD,
        Outcome.LATER,
        Outcome.LATER,
        Outcome.LATER,
    ]
    assert {outcome_of(code) for code in (301, 400, 401, 404, 410)} == {Outcome.NEVER}


# The file.


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the file may be."""
    path = tmp_path / "hooks.toml"
    path.touch(0o600)
    return path


def test_a_file_has_one_table_for_each_room(file: Path) -> None:
    """Names in quotes where TOML wants them."""
    file.write_text(
        f"""
        [lobby]
        token = "{TOKEN}"
        ["tea & cake"]
        """.replace(" & ", "-and-")
        + """
        name = "teabot"
        url = "http://192.0.2.1:8000/said?x=1"
        key = "secret"
        local = true
        """
    )
    assert hooks_in(str(file)) == [
        Hook("lobby", token=TOKEN),
        Hook("tea-and-cake", "teabot", "", "http://192.0.2.1:8000/said?x=1", "secret", local=True),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1", "[x]: need a table for each room"),
        ("[lobby", "hooks.toml:1:7: expected ']' at the end of"),
        ("[lobby]", "[lobby]: need a token, a url, or both"),
        ("[lobby]\ntoken = 'short'", "token: need 16 letters or more"),
        ("[lobby]\ntoken = 1", "token: need text"),
        ("[lobby]\nlocal = 'x'", "local: need yes or no"),
        ("[lobby]\ntokn = 'x'", "unknown key 'tokn'; need one of: name, token"),
        ("['a b']\ntoken = '0123456789abcdef'", "room: 1-49 bytes"),
        ("[lobby]\ntoken = '0123456789abcdef'\nname = 'a b'", "name: 1-24 letters"),
        ("[lobby]\nurl = 'ftp://x/'", "url: 'ftp://x/' is no http:// or https:// URL"),
        ("[lobby]\nurl = 'http://'", "is no http:// or https:// URL"),
        ("[lobby]\nurl = 'http://[x/'", "is no http:// or https:// URL"),
        ("[lobby]\nurl = 'http://x/ y'", "is no http:// or https:// URL"),
    ],
)
def test_a_file_that_is_wrong_keeps_the_start(file: Path, text: str, why: str) -> None:
    """One line that says where."""
    file.write_text(text)
    with pytest.raises(StartError) as error:
        hooks_in(str(file))
    assert str(error.value).startswith("--chat-hooks: ")
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_keeps_the_start(tmp_path: Path) -> None:
    """Nobody should believe that there are hooks."""
    with pytest.raises(StartError, match="--chat-hooks: cannot read '/nope'"):
        hooks_in("/nope")


def test_a_file_that_everybody_reads_is_pointed_out(file: Path) -> None:
    """There are secrets in it."""
    file.chmod(0o644)
    with capturedLogs() as logged:
        assert hooks_in(str(file)) == []
    assert ["everybody" in each["log_format"] for each in logged] == [True]

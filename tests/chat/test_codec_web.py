"""Tests of `twisted_net.chat.codec.web`."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.chat.codec import replies as tell
from twisted_net.chat.codec import requests as ask
from twisted_net.chat.codec import web
from twisted_net.chat.codec.events import Event, Kind, read_id
from twisted_net.chat.codec.multiline import LINES
from twisted_net.chat.codec.refusals import Code, Refusal

ID = 1767225600123 << 16 | 4

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)


@given(st.sampled_from(list(Kind)), texts, texts, st.text(max_size=60))
def test_an_event_is_one_message_of_the_stream(
    kind: Kind, where: str, sender: str, text: str
) -> None:
    """Whatever is said in it: no line of it ends the message, or is taken for another field."""
    rendered = web.rendered(Event(ID, kind, where, sender, text.replace("\0", "").strip("\ud800")))
    first, second, *rest = rendered.split(b"\n")
    assert rest == [b"", b""]
    assert first == b"id: 1767225600123-4"
    heard = json.loads(second.removeprefix(b"data: "))
    assert (heard["kind"], heard["where"], heard["sender"]) == (kind.name.lower(), where, sender)
    assert read_id(heard["id"]) == ID
    assert b"<" not in rendered
    for separator in "\u2028\u2029":
        assert separator.encode() not in rendered


def test_what_is_empty_is_left_out() -> None:
    """And what is there is not."""
    assert web.event(Event(ID, Kind.SAID, "lobby", "red", "\x02hi\x02")) == {
        "id": "1767225600123-4",
        "kind": "said",
        "where": "lobby",
        "sender": "red",
        "text": "hi",
    }
    lines = Event(ID, Kind.SAID, "lobby", "red", "one\n\ntwo", tags=((LINES, "2"),))
    assert web.event(lines)["text"] == "one\n\ntwo"
    assert "tags" not in web.event(lines)
    told = web.event(
        Event(ID, Kind.TOLD, "blue", "red", "hi", True, "x", "n.1", "Red", "m", (("+a", "b"),))
    )
    assert told["private"] is True
    assert (told["other"], told["account"], told["tags"]) == ("x", "Red", {"+a": "b"})
    assert "m" not in told.values()


@pytest.mark.parametrize(
    ("verb", "body", "command"),
    [
        ("enter", b'{"name": "red"}', ask.Nick("red")),
        ("enter", b'{"name": "red", "password": "x"}', ask.Nick("red")),
        ("say", b'{"room": "lobby", "text": "hi"}', ask.Say("lobby", "hi")),
        ("act", b'{"room": "lobby", "text": "waves"}', ask.Act("waves", "lobby")),
        ("tell", b'{"name": "blue", "text": "hi"}', ask.Tell("blue", "hi")),
        ("join", b'{"room": "tea"}', ask.Join("tea")),
        ("join", b'{"room": "tea", "key": "x"}', ask.Join("tea", "x")),
        ("topic", b'{"room": "tea", "text": ""}', ask.Topic("tea", "")),
        ("topic", b'{"room": "tea"}', ask.Topic("tea")),
        ("away", b"", ask.Away()),
        ("leave", b"{}", ask.Quit()),
    ],
)
def test_a_request_is_a_command(verb: str, body: bytes, command: ask.Command) -> None:
    """The same ones as on every door."""
    assert web.asked(verb, body)[0] == command


@pytest.mark.parametrize(
    ("verb", "body", "why"),
    [
        ("fly", b"{}", "404 no such request"),
        ("say", b"{}", '400 say wants: {"room": text, "text": text}'),
        ("say", b'{"room": "a", "text": "b", "only": "@"}', "400 say wants: "),
        ("say", b"not json", "400 not JSON"),
        ("say", b"[" * 9000, "400 not JSON"),
        ("say", b'["a"]', "400 need an object of texts"),
        ("say", b'{"room": 1, "text": "x"}', "400 need an object of texts"),
        ("say", b'{"room": "a", "text": "\\u001b"}', "400 control character 0x1b"),
        ("say", b'{"room": "a", "text": "\\ud800"}', "400 control character 0xd800"),
        ("say", b"\xff", "400 not JSON"),
    ],
)
def test_what_is_no_request_is_refused(verb: str, body: bytes, why: str) -> None:
    """In words that say what was wanted."""
    with pytest.raises(Refusal) as refused:
        web.asked(verb, body)
    assert str(refused.value).startswith(why)


@given(st.sampled_from([*web.FORMS, "x"]), st.binary(max_size=200))
def test_any_body_is_a_request_or_refused(verb: str, body: bytes) -> None:
    """Nothing else is raised by a stranger."""
    code = None
    try:
        web.asked(verb, body)
    except Refusal as refusal:
        code = refusal.code
    assert code in (None, Code.BAD, Code.UNKNOWN)


def test_an_answer_is_one_object() -> None:
    """Lists become lists, and what was said has an id."""
    old = Event(ID, Kind.SAID, "lobby", "red", "hi")
    assert web.answered(
        [
            tell.Done("NICK", "red"),
            tell.Done("JOIN", "lobby 2 kept=30d"),
            tell.Titled("lobby", "blue", "tea"),
            tell.Old(old),
            tell.Refused(403, "banned"),
        ]
    ) == {
        "name": "red",
        "done": "join",
        "room": "lobby",
        "kept": "30d",
        "topic": {"text": "tea", "by": "blue"},
        "events": [web.event(old)],
        "refused": {"error": 403, "text": "banned"},
    }
    assert web.answered([tell.Done("SAY", "lobby 1767225600123-4")]) == {
        "done": "say",
        "where": "lobby",
        "id": "1767225600123-4",
    }
    people: list[tell.Reply | tell.Refused] = [tell.Present("lobby", "red", "operator", "web", 3)]
    people += [tell.Listed("tea", 1, "x")]
    assert web.answered([*people, tell.Pong(), tell.Usage("a", "b")]) == {
        "members": [{"name": "red", "role": "operator", "door": "web", "idle": 3}],
        "rooms": [{"room": "tea", "members": 1, "topic": "x"}],
    }

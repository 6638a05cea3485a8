"""Tests of `twisted_net.chat.doors.web`: browsers without a socket, and their abuse."""

from typing import Any

import pytest

from tests.chat.webs import HERE, THERE, Browser, Server
from tests.files.wires import Wire, lose
from tests.web.browsers import request
from twisted_net.chat.doors.outlet import QUEUE
from twisted_net.chat.doors.web import stream, visits
from twisted_net.chat.seat import Seat

PENCIL = "pencil"


@pytest.fixture
def server() -> Server:
    """Return a server with nobody in it."""
    return Server()


def test_the_page_is_there(server: Server) -> None:
    """With its script and its style, which the content security policy wants apart."""
    page = server.sends(request("/chat/"))
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert b'<script src="chat.js" defer></script>' in page.body
    assert b"style=" not in page.body
    assert b"onclick=" not in page.body
    for name, kind in (("chat.js", "text/javascript"), ("chat.css", "text/css")):
        assert server.sends(request(f"/chat/{name}")).headers["content-type"].startswith(kind)
    moved = server.sends(request("/chat"))
    assert (moved.code, moved.headers["location"]) == (301, "/chat/")


def test_two_browsers_talk(server: Server) -> None:
    """What one says both hear, the one who said it too, for it is its receipt."""
    red, blue = server.enters("red"), server.enters("blue")
    red.listens()
    blue.listens()
    said = red.asks("say", room="lobby", text="hi")
    assert (said["done"], said["where"]) == ("say", "lobby")
    for each in (red, blue):
        (event,) = each.hears()
        assert event == {
            "id": said["id"],
            "kind": "said",
            "where": "lobby",
            "sender": "red",
            "text": "hi",
        }


def test_entering_tells_all_that_a_page_needs(server: Server) -> None:
    """And gives a cookie that no script reads and no other site's page sends."""
    red = Browser(server)
    entered = red.asks("enter", name="red")
    assert entered == {"name": "red", "done": "join", "room": "lobby", "kept": "1d"}
    cookie = red.answer.headers["set-cookie"]
    assert cookie.endswith("; Path=/chat; HttpOnly; SameSite=Strict")
    assert red.answer.headers["cache-control"] == "no-store"
    server.enters("blue")
    assert red.sees("state") == {
        "name": "red",
        "account": "",
        "kept": "1d",
        "rooms": [
            {
                "room": "lobby",
                "members": [
                    {"name": "red", "role": "operator"},
                    {"name": "blue", "role": "-"},
                ],
                "topic": "",
            }
        ],
    }


def test_the_line_door_and_the_web_door_are_one_chat(server: Server) -> None:
    """In both directions, in private too."""
    red = server.enters("red")
    red.listens()
    nc: Any = server.lines.buildProtocol(None)
    wire = Wire()
    nc.makeConnection(wire)
    nc.dataReceived(b"NICK blue\nhello\nTELL red psst\n")
    red.asks("tell", name="blue", text="yes?")
    kinds = [(each["kind"], each["sender"], each["text"]) for each in red.hears()]
    assert kinds == [
        ("joined", "blue", ""),
        ("said", "blue", "hello"),
        ("told", "blue", "psst"),
        ("told", "red", "yes?"),
    ]
    assert wire.read_all().endswith(b"TOLD red yes?\n")
    lose(nc, wire)


@pytest.mark.parametrize(
    ("verb", "fields", "error"),
    [
        ("say", {"room": "tea", "text": "x"}, (404, "no room 'tea'")),
        ("say", {"room": "lobby", "text": "x" * 1001}, (422, "text: at most 1000 bytes")),
        ("say", {"room": "lobby"}, (400, 'say wants: {"room": text, "text": text}')),
        ("nick", {"name": "a b"}, (422, "name: 1-24 letters, digits, - or _")),
        ("tell", {"name": "x", "text": "x"}, (404, "nobody is called 'x'")),
        ("fly", {}, (404, "no such request")),
        ("read", {"room": "lobby", "id": "1-1"}, (403, "only accounts have marks: LOGIN")),
    ],
)
def test_a_refusal_has_a_number_and_words(
    server: Server, verb: str, fields: dict[str, str], error: tuple[int, str]
) -> None:
    """The same ones as on every door; the number is the answer's too."""
    red = server.enters("red")
    refused = red.asks(verb, **fields)
    assert (refused["error"], refused["text"]) == error
    assert red.answer.code == error[0]


def test_nobody_asks_without_a_cookie(server: Server) -> None:
    """Nor with one that was made up, or with one of somebody who left."""
    stranger = Browser(server)
    for cookie in ("", "netdemo-chat=made up", "netdemo-chat", "\x01=;;", "other=1"):
        stranger.cookie = cookie
        assert stranger.asks("say", room="lobby", text="x")["error"] == 401
        for path in ("state", "events", "history?room=lobby", "rooms"):
            assert stranger.sees(path)["error"] == 401
    red = server.enters("red")
    assert red.asks("leave") == {"done": "quit"}
    assert red.sees("state")["error"] == 401
    assert server.others() == []


def test_a_page_of_another_site_changes_nothing(server: Server) -> None:
    """The cookie alone is no proof that somebody wanted it (safety, R24)."""
    red = server.enters("red")
    body = b'{"room": "lobby", "text": "x"}'
    for more in (
        {},
        {"X_Netdemo": "chat", "Origin": "http://evil"},
        {"X_Netdemo": "chat", "Sec_Fetch_Site": "cross-site"},
    ):
        head = request(
            "/chat/say", "POST", Cookie=red.cookie, Content_Length=str(len(body)), **more
        )
        assert server.sends(head + body).code == 403
    assert server.sends(request("/chat/state", Cookie=red.cookie, Host="evil")).code == 421
    assert server.sends(request("/chat/state", Cookie=red.cookie, Origin="http://evil")).code == 403
    assert red.sees("history?room=lobby") == {"events": []}


def test_a_name_that_is_taken_is_refused_and_leaves_nothing(server: Server) -> None:
    """Whoever is refused may try again."""
    server.enters("red")
    other = Browser(server)
    assert other.asks("enter", name="RED")["error"] == 409
    assert "set-cookie" not in other.answer.headers
    assert len(server.resource.visits) == 1
    assert other.asks("enter", name="blue")["name"] == "blue"
    assert other.asks("enter", name="green")["name"] == "green"
    assert server.others() == ["red", "green"]


def test_a_registered_name_wants_its_password(server: Server) -> None:
    """Where nobody listens; on this machine, that is."""
    red = Browser(server, HERE)
    red.asks("enter", name="red")
    assert red.asks("register", account="red", password=PENCIL)["done"] == "register"
    red.asks("leave")
    red = Browser(server, HERE)
    assert red.asks("enter", name="red")["error"] == 401
    assert red.asks("enter", name="red", password=PENCIL + "s")["error"] == 401
    assert red.asks("enter", name="red", password=PENCIL)["name"] == "red"
    assert red.sees("state")["account"] == "red"
    assert red.asks("read", room="lobby", id="1767225600000-1")["id"] == "1767225600000-1"
    assert red.asks("read", room="lobby", id="x")["error"] == 400
    far = Browser(server, THERE)
    refused = far.asks("enter", name="red", password=PENCIL)
    assert refused == {"error": 403, "text": "login needs TLS or loopback"}


def test_history_is_read_in_pages(server: Server) -> None:
    """By those inside the room only."""
    red = server.enters("red")
    ids = [red.asks("say", room="lobby", text=f"{n}")["id"] for n in range(5)]

    def texts(query: str) -> list[str]:
        return [each["text"] for each in red.sees(f"history?room=lobby&{query}")["events"]]

    assert texts("n=2") == ["3", "4"]
    assert texts(f"n=2&before={ids[3]}") == ["1", "2"]
    assert texts(f"n=2&after={ids[0]}") == ["1", "2"]
    assert texts(f"after={ids[0]}&before={ids[2]}") == ["1"]
    assert [each["text"] for each in red.sees("search?q=3")["events"]] == ["3"]
    assert red.sees("rooms")["rooms"] == [{"room": "lobby", "members": 1, "topic": ""}]
    assert red.sees("who?room=lobby")["members"][0]["door"] == "web"
    for query, code in (
        ("room=tea", 404),
        ("room=lobby&n=0", 400),
        ("room=lobby&n=101", 400),
        ("room=lobby&before=x", 400),
        ("room=%FF", 400),
        ("room=%1b", 400),
        ("&".join(f"a{n}=1" for n in range(20)), 400),
    ):
        assert red.sees(f"history?{query}")["error"] == code, query
    assert red.sees("nothing")["error"] == 404


def test_where_nothing_is_kept_nothing_is_read() -> None:
    """And the page says nothing of it."""
    red = Server(keeps=False).enters("red")
    assert red.sees("history?room=lobby")["error"] == 503
    assert red.sees("state")["kept"] == ""


# Listening


def test_who_comes_back_hears_what_was_said_meanwhile(server: Server) -> None:
    """Once, in its order, from where it was."""
    red, blue = server.enters("red"), server.enters("blue")
    red.listens()
    blue.asks("say", room="lobby", text="one")
    (heard,) = red.hears()
    red.vanishes()
    blue.asks("say", room="lobby", text="two")
    blue.asks("say", room="lobby", text="three")
    server.clock.advance(visits.AWAY - 1)
    red.listens(heard["id"])
    assert [each["text"] for each in red.hears()] == ["two", "three"]
    red.vanishes()
    red.listens()
    assert red.hears() == []


def test_who_heard_nothing_yet_comes_back_to_the_same_place(server: Server) -> None:
    """A stream begins by saying where it is, which a browser remembers."""
    red, blue = server.enters("red"), server.enters("blue")
    red.listens()
    retry, here = red.pieces()
    assert retry == "retry: 2000"
    red.vanishes()
    blue.asks("say", room="lobby", text="one")
    red.listens(here.removeprefix("id: "))
    assert [each["text"] for each in red.hears()] == ["one"]
    server = Server()
    red = server.enters("red")
    red.listens("0-0")
    assert [each["kind"] for each in red.hears()] == ["joined"]


def test_who_missed_more_than_is_kept_is_told_so() -> None:
    """The page asks for history then."""
    server = Server(queue=4096)
    red, blue = server.enters("red"), server.enters("blue")
    red.listens()
    blue.asks("say", room="lobby", text="first")
    (heard,) = red.hears()
    red.vanishes()
    for n in range(8):
        blue.asks("say", room="lobby", text=f"{n} {'x' * 900}")
    red.listens(heard["id"])
    first, second, *rest = red.pieces()
    assert first == "retry: 2000"
    assert second.startswith("event: missed")
    assert [each.split('"text":"')[1][0] for each in rest] == ["4", "5", "6", "7"]


def test_who_is_gone_for_long_has_left(server: Server) -> None:
    """The others hear it; a browser that listens may be as silent as it likes."""
    red, blue = server.enters("red"), server.enters("blue")
    blue.listens()
    server.clock.advance(visits.AWAY)
    server.clock.pump([stream.BEAT] * 20)
    assert server.others() == ["blue"]
    assert [each["text"] for each in blue.hears()] == ["browser gone"]
    assert red.sees("state")["error"] == 401
    blue.vanishes()
    server.clock.advance(visits.AWAY)
    assert server.others() == []
    assert not server.clock.getDelayedCalls()


def test_a_silent_stream_shows_that_it_lives(server: Server) -> None:
    """Or what is in between would close it."""
    red = server.enters("red")
    red.listens()
    red.pieces()
    server.clock.advance(stream.BEAT)
    assert red.pieces() == [":"]


def test_a_browser_that_does_not_read_is_cut_and_holds_little(server: Server) -> None:
    """The others do not wait for it, and its memory has a bound (safety, R5, R24)."""
    red, blue = server.enters("red"), server.enters("blue")
    red.listens()
    blue.listens()
    for n in range(500):
        if n % 50 == 0:
            server.clock.advance(5.0)
        assert "error" not in blue.asks("say", room="lobby", text="x" * 1000)
        blue.wire.read()
        if red.wire.aborted:
            break
    assert red.wire.aborted
    assert red.wire.waiting < QUEUE
    assert server.clock.counters.dropped == {"send_queue_full": 1}
    lose(red.protocol, red.wire)
    assert server.others() == ["red", "blue"]
    server.clock.advance(visits.AWAY)
    assert server.others() == ["blue"]


def test_a_burst_within_one_turn_is_no_slow_reader() -> None:
    """Its connection may still take it all."""
    server = Server(queue=4096)
    red = server.enters("red")
    red.listens()
    red.hears()
    nc: Any = server.lines.buildProtocol(None)
    nc.makeConnection(Wire())
    lines = [f"{n} {'x' * 900}" for n in range(20)]
    nc.dataReceived("".join(f"{line}\n" for line in ["NICK blue", *lines]).encode())
    assert [each["text"] for each in red.hears() if each["kind"] == "said"] == lines
    lose(nc, nc.transport)


def test_one_member_may_listen_in_a_few_tabs(server: Server) -> None:
    """All hear the same; one too many is refused."""
    red = server.enters("red")
    tabs = []
    for _ in range(stream.STREAMS):
        tab = Browser(server)
        tab.cookie = red.cookie
        tab.listens()
        tabs.append(tab)
    red.asks("say", room="lobby", text="hi")
    assert [tab.hears()[0]["text"] for tab in tabs] == ["hi"] * stream.STREAMS
    assert red.sees("events")["error"] == 503
    red.asks("leave")
    assert all(tab.wire.read_all().endswith(b"0\r\n\r\n") for tab in tabs)


def test_who_asks_too_fast_is_refused(server: Server) -> None:
    """And may go on in a moment."""
    red = server.enters("red")
    codes = [red.asks("away", text="x").get("error", 200) for _ in range(int(visits.BURST) + 5)]
    assert codes[-1] == 429
    assert red.answer.headers["retry-after"] == "1"
    server.clock.advance(1.0)
    assert "error" not in red.asks("away")


def test_there_are_not_more_visits_than_fit(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one address, and in all."""
    monkeypatch.setattr(visits, "EACH", 2)
    server.enters("a")
    server.enters("b")
    assert Browser(server).asks("enter", name="c")["error"] == 503
    assert Browser(server, HERE).asks("enter", name="c")["name"] == "c"
    monkeypatch.setattr(visits, "VISITS", 3)
    assert Browser(server, "192.0.2.9").asks("enter", name="d")["error"] == 503
    assert server.clock.counters.dropped == {"too_many_visits": 2}


def test_a_server_that_stops_ends_the_streams(server: Server) -> None:
    """It does not wait for what never ends."""
    red = server.enters("red")
    red.listens()
    red.protocol.drain()
    assert red.wire.read_all().endswith(b"0\r\n\r\n")
    assert red.wire.disconnecting


def test_who_does_not_wait_for_the_answer_leaves_nothing_behind(server: Server) -> None:
    """A password takes a while to look at."""
    red = Browser(server, HERE)
    body = b'{"name": "red", "password": "x"}'
    protocol, wire = server.connect(HERE)
    head = request("/chat/enter", "POST", X_Netdemo="chat", Content_Length=str(len(body)))
    protocol.dataReceived(head + body)
    lose(protocol, wire)
    server.clock.settle()
    assert server.others() == []
    assert red.asks("enter", name="red")["name"] == "red"


def test_a_head_is_an_answer_without_a_body(server: Server) -> None:
    """Of the events there is none: they would never end."""
    red = server.enters("red")
    protocol, wire = server.connect()
    protocol.dataReceived(request("/chat/state", "HEAD", Cookie=red.cookie))
    server.clock.settle()
    assert wire.read_all().partition(b"\r\n\r\n")[2] == b""
    protocol, wire = server.connect()
    protocol.dataReceived(request("/chat/events", "HEAD", Cookie=red.cookie))
    assert wire.read_all().startswith(b"HTTP/1.1 400 ")


@pytest.mark.logs("ZeroDivisionError")
def test_a_bug_is_an_answer_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser is told that it is not its fault."""
    red = server.enters("red")

    def broken(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Seat, "obey", broken)
    body = b'{"room": "lobby", "text": "x"}'
    head = request(
        "/chat/say", "POST", X_Netdemo="c", Content_Length=str(len(body)), Cookie=red.cookie
    )
    assert server.sends(head + body).code == 500

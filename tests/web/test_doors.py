"""Tests of `twisted_net.web.doors` and `channel`: HTTP without a socket, and its abuse."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from tests.files.wires import lose
from tests.web.browsers import Web, answers, request
from twisted_net.net.pages import Pages
from twisted_net.net.service import IDrains
from twisted_net.net.transports import LINGER_SECONDS
from twisted_net.web import WebFactory
from twisted_net.web.doors import WebLimits


class Page(Resource):
    """A page of somebody's: answers GET and POST, at once or later, or breaks.

    :ivar waiting: requests that wait for their answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Any] = []
        self.posted: list[bytes] = []
        self.lost: list[Deferred[Any]] = []

    def getChild(self, path: bytes, request: Any) -> "Page":
        """Answer for what is below."""
        return self

    def render_GET(self, request: Any) -> bytes | int:
        """Answer by what the path says."""
        if request.path.endswith(b"later"):
            self.lost.append(request.notifyFinish().addErrback(lambda _: None))
            self.waiting.append(request)
            return NOT_DONE_YET
        if request.path.endswith(b"large"):
            return bytes(200_000)
        if request.path.endswith(b"broken"):
            raise ZeroDivisionError
        if request.path.endswith(b"half"):
            request.write(b"the beginning")
            raise ZeroDivisionError
        return b"<p>hello"

    def render_POST(self, request: Any) -> bytes:
        """Keep what was sent."""
        self.posted.append(request.content.read())
        return b"thanks\n"


class Visited(Web):
    """A web door with one page of somebody's."""

    def __init__(self, **options: Any) -> None:
        self.page = Page()
        super().__init__(self._add, **options)

    def _add(self, pages: Pages, clock: Clock) -> None:
        pages.add("quote", "Quotes & <b>", self.page, "wise words")


def test_the_index_lists_what_was_handed_over() -> None:
    """In text: a title is no markup."""
    answer = Visited().ask("/")
    assert answer.code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert b'<a href="/quote/">Quotes &amp; &lt;b&gt;</a> <span>wise words</span>' in answer.body


def test_every_answer_says_when_it_was_given() -> None:
    """On one connection, too (RFC 9110, 6.6.1)."""
    web = Visited()
    protocol, wire = web.connect()
    for _ in range(3):
        protocol.dataReceived(request("/quote/"))
        web.clock.advance(0.5)
    dates = [answer.headers["date"][-12:] for answer in answers(wire.read_all())]
    assert dates == ["00:00:00 GMT", "00:00:00 GMT", "00:00:01 GMT"]


def test_a_page_s_own_word_is_the_only_one() -> None:
    """What all answers say is said by those only that say nothing of their own."""

    class Strict(Page):
        def render_GET(self, request: Any) -> bytes:
            request.setHeader(b"content-security-policy", b"sandbox")
            return b"hello"

    web = Visited()
    web.pages.add("strict", "Strict", Strict())
    headers = web.ask("/strict/").headers
    assert headers["content-security-policy"] == "sandbox"
    assert headers["x-content-type-options"] == "nosniff"
    assert web.ask("/quote/").headers["content-security-policy"].startswith("default-src 'self'")


def test_a_door_without_any_page_is_fine() -> None:
    """And a page that comes later is shown, whatever the order of the services."""
    web = Web()
    assert b"No service has anything" in web.ask("/").body
    web.pages.add("quote", "Quotes", Page())
    assert web.ask("/quote/").body == b"<p>hello"


@pytest.mark.parametrize("path", ["/healthz", "/page.css", "/quote", "/quote/", "/quote/a/b?c=d"])
def test_every_answer_keeps_other_pages_out(path: str) -> None:
    """A page of a third party too."""
    answer = Visited().ask(path)
    assert answer.code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["server"] == "netdemo"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/nothing", "/files/x", "/caf%E9", "/..", "//", "/index.html"])
def test_a_page_that_is_not_there_is_one_line(path: str) -> None:
    """Without the path in it."""
    answer = Visited().ask(path)
    assert (answer.code, answer.body) == (404, b"404 no such page\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_head_has_the_head_of_get() -> None:
    """And nothing behind it."""
    web = Visited()
    got, head = web.ask("/quote/"), web.ask("/quote/", "HEAD")
    assert (head.code, head.headers) == (200, got.headers)


@pytest.mark.parametrize(
    ("method", "headers", "code"),
    [
        ("GET", {"Host": "evil:7080"}, 421),
        ("GET", {"Origin": "http://evil"}, 403),
        ("POST", {}, 403),
        ("POST", {"X_Netdemo": "1", "Origin": "http://evil"}, 403),
        ("POST", {"X_Netdemo": "1", "Sec_Fetch_Site": "cross-site"}, 403),
        ("POST", {"X_Netdemo": "1"}, 200),
        ("DELETE", {}, 405),
        ("BREW", {}, 405),
        ("M-SEARCH", {}, 501),
    ],
)
def test_what_a_browser_may_be_tricked_into_is_refused(
    method: str, headers: dict[str, str], code: int
) -> None:
    """Another origin's page, a name of theirs for our address, a form."""
    web = Visited()
    answer = web.ask("/quote/", method, **headers)
    assert answer.code == code
    assert web.dropped == ({f"refused_{code}": 1} if code != 200 else {})
    assert len(web.page.posted) == (code == 200)
    assert (answer.headers.get("allow") == "GET, HEAD, POST") == (code == 405)


def test_an_absolute_url_names_the_host() -> None:
    """Proxies ask so, and what stands in Host does not count then."""
    web = Visited()
    assert web.ask("http://localhost:1/quote/", Host="evil").body == b"<p>hello"
    assert web.ask("http://evil/quote/").code == 421


def test_several_requests_share_a_connection() -> None:
    """Sent at once, answered in order."""
    protocol, wire = Visited().connect()
    for byte in request("/healthz") + request("/nothing") + request("/quote/"):
        protocol.dataReceived(bytes([byte]))
    assert [answer.code for answer in answers(wire.read_all())] == [200, 404, 200]
    assert not wire.disconnecting


@pytest.mark.parametrize("headers", [{"version": "1.0"}, {"Connection": "close"}])
def test_a_connection_that_was_to_close_closes(headers: dict[str, str]) -> None:
    """After the answer."""
    protocol, wire = Visited().connect()
    protocol.dataReceived(request("/healthz", **headers))
    assert wire.value().endswith(b"ok\n")
    assert wire.disconnecting


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
def test_single_bytes_extend_no_deadline(begin: bytes) -> None:
    """R7, slowloris: the time is absolute, whatever comes meanwhile."""
    web = Visited(limits=WebLimits(request=10.0))
    protocol, wire = web.connect()
    protocol.dataReceived(begin)
    for _ in range(19):
        web.clock.advance(0.5)
        protocol.dataReceived(b"X")
        assert wire.value() == b""
    web.clock.advance(0.5)
    assert [answer.code for answer in answers(wire.read_all())] == [408]
    assert wire.half_closed
    web.clock.advance(LINGER_SECONDS)
    assert wire.aborted
    lose(protocol, wire)
    assert not web.clock.getDelayedCalls()


def test_a_body_has_the_same_deadline() -> None:
    """It is part of the request."""
    web = Visited(limits=WebLimits(request=10.0))
    protocol, wire = web.connect()
    protocol.dataReceived(
        request("/quote/", "POST", Content_Length="9", X_Netdemo="1") + b"12345678"
    )
    web.clock.pump([3.0] * 3)
    assert wire.value() == b""
    web.clock.advance(1.0)
    assert answers(wire.value())[0].code == 408


def test_a_kept_connection_without_a_request_is_closed_in_silence() -> None:
    """An answer to a request that was never begun would be taken for that to the next one."""
    web = Visited(limits=WebLimits(request=10.0))
    protocol, wire = web.connect()
    web.clock.advance(9.0)
    protocol.dataReceived(request("/healthz"))
    web.clock.advance(9.0)
    protocol.dataReceived(request("/healthz"))
    web.clock.advance(9.9)
    assert len(answers(wire.read_all())) == 2
    before = wire.disconnecting
    web.clock.advance(0.1)
    assert (before, wire.disconnecting) == (False, True)
    assert wire.value() == b""


def test_a_page_may_take_its_time() -> None:
    """The deadline is for the client."""
    web = Visited(limits=WebLimits(request=10.0))
    protocol, wire = web.connect()
    protocol.dataReceived(request("/quote/later"))
    web.clock.advance(100.0)
    web.page.waiting[0].write(b"at last")
    web.page.waiting[0].finish()
    assert answers(wire.value())[0].body == b"at last"
    web.clock.advance(9.0)
    assert not wire.disconnecting


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (request("/" + "x" * 20_000), 431),
        (request("/", X="y" * 20_000), 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 600, 400),
        (b"GET / HTTP/1.1\r\n" + b"X: %s\r\n" % (b"y" * 1000) * 20, 431),
        (b"x" * 70_000, 431),
        (b"hello\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400),
        (request("/", Content_Length="-1"), 400),
        (request("/", Content_Length="5", Transfer_Encoding="chunked"), 400),
        (request("/", "POST", Content_Length="104857600"), 413),
        (request("/", "POST", Content_Length="9" * 40), 413),
        (request("/", "POST", Transfer_Encoding="chunked") + b"20000\r\n" + bytes(0x20000), 413),
        (request("/", "POST", Transfer_Encoding="chunked") + b"zz\r\n", 400),
    ],
)
def test_what_is_too_long_or_no_request_is_refused_and_thrown_away(sent: bytes, code: int) -> None:
    """In one line, heard by a peer that is still sending; nothing of what follows is read."""
    web = Visited()
    protocol, wire = web.connect()
    protocol.dataReceived(sent + request("/quote/"))
    assert [answer.code for answer in answers(wire.read_all())] == [code]
    assert wire.half_closed
    assert web.dropped == {f"refused_{code}": 1}
    for _ in range(15):
        protocol.dataReceived(bytes(65536))
    assert wire.value() == b""
    before = wire.aborted
    protocol.dataReceived(bytes(100_000))
    assert (before, wire.aborted) == (False, True)
    lose(protocol, wire)
    assert not web.clock.getDelayedCalls()


def test_requests_sent_ahead_wait_while_the_peer_does_not_read() -> None:
    """R5: Twisted's own channel would answer all of them, into memory."""
    protocol, wire = Visited().connect()
    protocol.dataReceived(request("/quote/large") * 100)
    assert wire.waiting < 250_000
    assert wire.producerState == "paused"
    assert len(answers(wire.read_all())) == 100
    assert wire.producerState == "producing"


def test_a_peer_that_goes_on_asking_without_reading_is_not_read() -> None:
    """What waits is what one read brought."""
    web = Visited()
    protocol, wire = web.connect()
    protocol.dataReceived(request("/quote/later"))
    assert wire.producerState == "producing"
    protocol.dataReceived(bytes(17_000))
    assert wire.producerState == "paused"
    lose(protocol, wire)


def test_a_half_close_gets_its_answers() -> None:
    """``printf ... | nc -N``: all that were asked for, the slow one too."""
    web = Visited()
    protocol, wire = web.connect()
    protocol.dataReceived(request("/healthz") + request("/quote/later") + request("/quote/"))
    protocol.readConnectionLost()
    assert not wire.disconnecting
    web.page.waiting[0].write(b"late")
    web.page.waiting[0].finish()
    assert [answer.body for answer in answers(wire.read_all())] == [b"ok\n", b"late", b"<p>hello"]
    assert wire.disconnecting


@pytest.mark.parametrize("sent", [b"", b"GET / HT"])
def test_a_half_close_without_a_request_is_the_end(sent: bytes) -> None:
    """Nothing is owed."""
    protocol, wire = Visited().connect()
    protocol.dataReceived(sent)
    protocol.readConnectionLost()
    assert wire.disconnecting


def test_a_stopping_server_finishes_what_it_answers() -> None:
    """And closes at once what asks nothing."""
    web = Visited()
    idle, idle_wire = web.connect()
    busy, busy_wire = web.connect()
    busy.dataReceived(request("/quote/later") + request("/healthz"))
    for protocol in (idle, busy):
        assert IDrains.providedBy(protocol)
        protocol.drain()
    assert idle_wire.disconnecting
    assert not busy_wire.disconnecting
    web.page.waiting[0].finish()
    assert len(answers(busy_wire.read_all())) == 1
    assert busy_wire.disconnecting


def test_a_client_that_leaves_is_noticed_by_who_answers() -> None:
    """And leaves nothing behind."""
    web = Visited()
    protocol, wire = web.connect()
    protocol.dataReceived(request("/quote/later"))
    lose(protocol, wire)
    assert web.page.lost[0].called
    assert not web.clock.getDelayedCalls()


@pytest.mark.logs("ZeroDivisionError")
def test_a_page_that_crashes_costs_one_answer() -> None:
    """One line for the client, one traceback a second for the log."""
    web = Visited()
    protocol, wire = web.connect()
    with capturedLogs() as events:
        protocol.dataReceived(request("/quote/broken") * 3 + request("/quote/"))
    assert [answer.code for answer in answers(wire.read_all())] == [500, 500, 500, 200]
    assert len([event for event in events if "log_failure" in event]) == 1
    assert web.dropped == {"crashed": 3}


@pytest.mark.logs("ZeroDivisionError")
def test_a_page_that_crashes_in_the_middle_is_no_whole_page() -> None:
    """A reset says so."""
    protocol, wire = Visited().connect()
    protocol.dataReceived(request("/quote/half"))
    assert wire.aborted


def test_a_factory_that_listens_leaves_no_timer() -> None:
    """Twisted's would have one for its access log, a second long, for ever."""
    clock = Clock()
    factory = WebFactory(Pages(), clock)
    factory.doStart()
    assert not clock.getDelayedCalls()
    factory.doStop()


STREAM = (
    request("/healthz")
    + request("/quote/", "HEAD")
    + request("/quote/", "POST", X_Netdemo="1", Transfer_Encoding="chunked")
    + b"5\r\nhello\r\n3;x=y\r\n..!\r\n0\r\n\r\n"
    + request("/nothing")
    + request("/quote/large", Connection="close")
)


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=30))
def test_however_a_stream_is_cut_the_answers_are_the_same(cuts: list[int]) -> None:
    """R28: requests sent at once, in whatever pieces they come."""
    whole, cut = Visited(), Visited()
    heard = []
    for web, at in ((whole, []), (cut, sorted(cuts))):
        protocol, wire = web.connect()
        for begin, end in itertools.pairwise([0, *at, len(STREAM)]):
            protocol.dataReceived(STREAM[begin:end])
        heard.append(wire.read_all())
        assert wire.disconnecting
    assert heard[0] == heard[1]
    assert whole.page.posted == cut.page.posted == [b"hello..!"]


@given(st.lists(st.binary(max_size=200) | st.sampled_from([request("/"), b"\r\n", b"GET / HT"])))
def test_whatever_comes_there_is_an_answer_or_silence(pieces: list[bytes]) -> None:
    """R28: and never an exception, nor a timer that outlives the connection."""
    web = Visited()
    protocol, wire = web.connect()
    for piece in pieces:
        protocol.dataReceived(piece)
    web.clock.advance(60.0)
    web.clock.advance(60.0)
    assert wire.disconnecting or wire.aborted
    lose(protocol, wire)
    assert not web.clock.getDelayedCalls()


def test_an_answer_that_never_ends_is_ended_when_the_server_stops() -> None:
    """A page that streams says how; the connection closes behind it."""
    visited = Visited()
    protocol, wire = visited.connect()
    protocol.dataReceived(request("/quote/later"))
    (waiting,) = visited.page.waiting
    waiting.write(b"news")
    waiting.ends = waiting.finish
    protocol.drain()
    (answer,) = answers(wire.read_all())
    assert answer.body == b"news"
    assert wire.disconnecting

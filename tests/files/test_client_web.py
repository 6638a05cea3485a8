"""Tests of `twisted_net.files.client.web` and `http`: fetching, from web servers good and bad."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.files.test_client import CUTS, Cut, Outcome
from tests.files.wires import NOISE, Reactor, Wire, lose
from twisted_net.files.client import web as web_module
from twisted_net.files.client.core import BrokenOffError, BusyError
from twisted_net.files.client.http import HttpClient
from twisted_net.files.client.told import Fetched
from twisted_net.files.client.urls import Url, parse_url
from twisted_net.files.client.web import WAITED, Web
from twisted_net.files.destination import LocalFile
from twisted_net.files.http.codec import render_digest
from twisted_net.files.origin import Origin, StaleError
from twisted_net.files.shelf import Content
from twisted_net.net.clients import Target
from twisted_net.net.errors import BadAnswerError, ClientError, NoAnswerError

URL = parse_url("http://192.0.2.9:7080/files/hello")
SHA = hashlib.sha256(b"hello").hexdigest()
DIGEST = b"Repr-Digest: " + render_digest(SHA) + b"\r\n"


class Site:
    """A web server that a test plays, and a client of it.

    :ivar wires: its connections, oldest first.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.reactor = Reactor()
        self.wires: list[Wire] = []
        self.clients: list[HttpClient] = []
        monkeypatch.setattr(web_module, "open_http", self._open)
        self.web = Web(self.reactor, 5.0)

    async def _open(self, reactor: Any, url: Url, patience: float, trust: object) -> HttpClient:
        client, wire = HttpClient(reactor, Target("tcp", url.host, url.port), patience), Wire()
        client.makeConnection(wire)
        self.wires.append(wire)
        self.clients.append(client)
        return client

    def get(self, url: Url = URL, source: str = "", **how: bool) -> Outcome:
        """Begin to fetch."""

        async def get() -> Fetched:
            with LocalFile(str(self.folder / "hello"), source=source, **how) as into:
                return await self.web.get(url, into)

        return Outcome(get())

    def say(self, *pieces: bytes) -> None:
        """Let the server speak, on the youngest connection."""
        for piece in pieces:
            self.clients[-1].dataReceived(piece)

    def asked(self) -> str:
        """Return what it was asked since the last call, on the youngest connection."""
        return self.wires[-1].read().decode()

    @property
    def left(self) -> dict[str, bytes]:
        """What is in the folder."""
        return {each.name: each.read_bytes() for each in self.folder.iterdir()}

    def left_before(self, data: bytes, tag: str) -> None:
        """Leave the part of an earlier get."""
        with LocalFile(str(self.folder / "hello"), source=str(URL)) as into:
            into.begin(Origin("", len(NOISE), 0, tag), 0)
            into.write(data)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return a web server."""
    return Site(tmp_path, monkeypatch)


BODIES = pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n" + DIGEST + b"Content-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2;x=y\r\nhe\r\n03\r\nllo\r\n0\r\nT: x\r\n\r\n",
    ],
    ids=["length", "digest", "interim", "chunks"],
)


@CUTS
@BODIES
def test_a_file_comes_over_http(site: Site, cut: Cut, said: bytes) -> None:
    """However its end is told, and however the stream is cut; then the connection is kept."""
    outcome = site.get()
    assert site.asked() == (
        "GET /files/hello HTTP/1.1\r\nHost: 192.0.2.9:7080\r\nUser-Agent: netdemo\r\n"
        "Accept: */*\r\nAccept-Encoding: identity\r\n\r\n"
    )
    site.say(*cut(said))
    assert outcome.result == Fetched(str(URL), 5, SHA, 0.0)
    assert site.left == {"hello": b"hello"}
    site.get(parse_url("http://192.0.2.9:7080/other"))
    assert len(site.wires) == 1


def test_a_body_may_end_with_the_connection(site: Site) -> None:
    """As HTTP/1.0 had it; a reset is no end."""
    outcome = site.get()
    site.say(b"HTTP/1.0 200 OK\r\n\r\nhello")
    lose(site.clients[-1], site.wires[-1], clean=True)
    assert outcome.result.sha256 == SHA


@pytest.mark.parametrize(
    ("said", "error", "why"),
    [
        (b"404 Not Found\r\n\r\n", ClientError, "/files/hello': 404 Not Found"),
        (b"503 Busy\r\nRetry-After: 9\r\n\r\n", BusyError, "503 Busy"),
        (b"206 Part\r\nContent-Range: bytes 0-4/5\r\n\r\n", BadAnswerError, "nobody asked"),
        (b"304 Same\r\n\r\n", BadAnswerError, "nobody asked for that"),
        (b"200 OK\r\nContent-Length: 9223372036854775\r\n\r\n", ClientError, "announced"),
        (b"200 OK\r\nContent-Length: x\r\n\r\n", BadAnswerError, "a length 'x'"),
        (b"200 OK\r\n" + DIGEST + b"Content-Length: 4\r\n\r\nhell", BadAnswerError, "promised"),
        (
            b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhellooo\r\n",
            BadAnswerError,
            "chunk that",
        ),
        (b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", BadAnswerError, "unexpected"),
        (b"200 OK\r\n" + b"a: b\r\n" * 300, BadAnswerError, "too many header fields"),
        (b"200 OK\r\na: " + b"b" * 20000, BadAnswerError, "line longer than"),
        (b"302 Go\r\nLocation: file:///etc/passwd\r\n\r\n", BadAnswerError, "a redirection to"),
        (b"200 OK\r\n\x1b[31m: x\r\n\r\n", BadAnswerError, "unexpected answer '\\x1b[31m"),
    ],
)
def test_a_bad_answer_over_http_leaves_nothing_behind(
    site: Site, said: bytes, error: type[ClientError], why: str
) -> None:
    """And says in one line what was wrong."""
    outcome = site.get()
    site.say(b"HTTP/1.1 " + said)
    assert type(outcome.error) is error
    assert why in str(outcome.error)
    assert site.left == {}
    assert site.wires[-1].aborted


def test_what_is_no_http_is_said_to_be_none(site: Site) -> None:
    """A files line door, say."""
    outcome = site.get()
    site.say(b"ERR 400 unknown request\n\n")
    assert str(outcome.error) == ("192.0.2.9:7080: unexpected answer 'ERR 400 unknown request'")


def test_a_body_without_an_end_is_not_stored_for_ever(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that tells no length may send as much as it likes."""
    monkeypatch.setattr(web_module, "LONGEST_UNTOLD", 1000)
    outcome = site.get()
    site.say(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 999)
    assert not outcome.deferred.called
    site.say(b"xx")
    assert "more than 1000 bytes, and the server does not tell" in str(outcome.error)
    assert site.left == {}


def test_redirections_are_followed_and_the_name_stays(site: Site) -> None:
    """On the same connection where that can be."""
    outcome = site.get()
    site.say(b"HTTP/1.1 301 Moved\r\nLocation: /other\r\nContent-Length: 2\r\n\r\nno")
    assert "GET /other HTTP/1.1\r\n" in site.asked()
    assert len(site.wires) == 1
    site.say(b"HTTP/1.1 302 Found\r\nLocation: http://h/there\r\n\r\n")
    assert "GET /there HTTP/1.1\r\nHost: h\r\n" in site.asked()
    site.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    assert outcome.result.name == str(URL)
    assert site.left == {"hello": b"hello"}


def test_redirections_in_a_circle_have_an_end(site: Site) -> None:
    """Ten are enough for everybody."""
    outcome = site.get()
    for _ in range(10):
        site.say(b"HTTP/1.1 307 Again\r\nLocation: ?\r\nContent-Length: 0\r\n\r\n")
    assert "more than 10 redirections" in str(outcome.error)


def test_a_kept_connection_that_was_closed_meanwhile_is_made_anew(site: Site) -> None:
    """Servers close those that are idle."""
    site.get()
    site.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    (site.folder / "hello").unlink()
    outcome = site.get()
    assert len(site.wires) == 1
    lose(site.clients[0], site.wires[0], clean=True)
    assert len(site.wires) == 2
    site.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    assert outcome.result.sha256 == SHA


def test_a_silent_web_server_is_given_up(site: Site) -> None:
    """After as long as it was given; and one that ends too early is told as such."""
    outcome = site.get()
    site.reactor.advance(5)
    assert isinstance(outcome.error, NoAnswerError)
    outcome = site.get()
    site.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell")
    lose(site.clients[-1], site.wires[-1], clean=True)
    assert isinstance(outcome.error, BrokenOffError)
    assert site.left == {}


HALF = NOISE[:300_000]


def rest(offset: int, tag: bytes = b'"a"') -> bytes:
    """Return an answer with what is missing."""
    told = b"bytes %d-%d/%d" % (offset, len(NOISE) - 1, len(NOISE))
    return (
        b"HTTP/1.1 206 Part\r\nETag: %b\r\nContent-Range: %b\r\nContent-Length: %d\r\n\r\n"
        % (tag, told, len(NOISE) - offset)
    ) + NOISE[offset:]


def head(*fields: bytes) -> bytes:
    """Return an answer to HEAD."""
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: 600000", *fields, b"", b""])


def test_what_was_broken_off_is_gone_on_with(site: Site) -> None:
    """If it is still the same; the digest of the whole is asked for behind it."""
    site.left_before(HALF, '"a"')
    assert set(site.left) == {"hello.part", "hello.part.json"}
    outcome = site.get(source=str(URL))
    asked = site.asked()
    assert "Range: bytes=300000-\r\n" in asked
    assert 'If-Range: "a"\r\n' in asked
    site.say(rest(300_000))
    assert "HEAD /files/hello HTTP/1.1\r\n" in site.asked()
    sha256 = hashlib.sha256(NOISE).hexdigest()
    site.say(head(b'ETag: "a"', b"Repr-Digest: " + render_digest(sha256)))
    assert outcome.result == Fetched(str(URL), len(NOISE), sha256, 0.0, 300_000)
    assert site.left == {"hello": NOISE}


def test_where_only_the_proof_is_missing_the_last_byte_is_asked_for(site: Site) -> None:
    """A server that was killed behind the last byte has not told the digest."""
    site.left_before(NOISE, '"a"')
    getting = site.get(source=str(URL))
    assert f'Range: bytes={len(NOISE) - 1}-\r\nIf-Range: "a"\r\n' in site.asked()
    site.say(rest(len(NOISE) - 1))
    sha256 = hashlib.sha256(NOISE).hexdigest()
    site.say(head(b'ETag: "a"', b"Repr-Digest: " + render_digest(sha256)))
    assert getting.result.offset == len(NOISE) - 1
    assert site.left == {"hello": NOISE}


def test_a_part_that_does_not_fit_is_found_out_by_the_digest(site: Site) -> None:
    """It is forgotten, so that the next try begins anew."""
    site.left_before(HALF[::-1], '"a"')
    outcome = site.get(source=str(URL))
    site.say(rest(300_000))
    sha256 = hashlib.sha256(NOISE).hexdigest()
    site.say(head(b'ETag: "a"', b"Repr-Digest: " + render_digest(sha256)))
    assert isinstance(outcome.error, StaleError)
    assert site.left == {}


@pytest.mark.parametrize(
    "answer", [head(b'ETag: "a"'), head(b'ETag: "b"', DIGEST.strip()), head()],
    ids=["none", "of another state", "no tag"],
)  # fmt: skip
def test_a_server_without_digests_is_believed(site: Site, answer: bytes) -> None:
    """Most have none; its tag says that nothing changed."""
    site.left_before(HALF, '"a"')
    outcome = site.get(source=str(URL))
    site.say(rest(300_000))
    site.say(answer)
    assert outcome.result.size == len(NOISE)
    assert site.left == {"hello": NOISE}


def test_a_server_that_sends_the_whole_all_the_same_is_right(site: Site) -> None:
    """It knows no ranges, or the file is another one by now."""
    site.left_before(HALF, '"a"')
    outcome = site.get(source=str(URL))
    site.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    assert outcome.result == Fetched(str(URL), 5, SHA, 0.0)
    assert site.left == {"hello": b"hello"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (rest(299_999), BadAnswerError),
        (rest(300_000, b'"b"'), StaleError),
        (b"HTTP/1.1 206 Part\r\nContent-Type: multipart/byteranges\r\n\r\n", BadAnswerError),
        (b"HTTP/1.1 206 Part\r\nContent-Range: bytes 300000-300001/9\r\n\r\n", BadAnswerError),
        (b"HTTP/1.1 416 No\r\nContent-Range: bytes */5\r\n\r\n", StaleError),
    ],
    ids=["another part", "another tag", "several parts", "nonsense", "shorter now"],
)
def test_bytes_of_two_states_are_never_put_together(
    site: Site, answer: bytes, error: type[ClientError]
) -> None:
    """Whatever the server says."""
    site.left_before(HALF, '"a"')
    outcome = site.get(source=str(URL))
    site.say(answer)
    assert type(outcome.error) is error
    assert site.left.get("hello.part", HALF) == HALF
    assert "hello" not in site.left


def test_an_answer_that_breaks_off_leaves_the_part_and_a_note(site: Site) -> None:
    """With what If-Range will need; without a tag nothing could be gone on with."""
    for fields, kept in ((b'ETag: "a"\r\n', True), (b"", False)):
        outcome = site.get(source=str(URL))
        site.say(b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: 600000\r\n\r\n" + HALF)
        lose(site.clients[-1], site.wires[-1], clean=True)
        assert isinstance(outcome.error, BrokenOffError)
        assert ("hello.part" in site.left) is kept
        for each in site.folder.iterdir():
            each.unlink()


def listed(site: Site, *answers: bytes) -> Outcome:
    """List a folder, with these answers."""

    async def collect() -> list[bytes]:
        folder = parse_url("http://192.0.2.9:7080/files")
        return [each.entry.name async for each in site.web.entries(folder)]

    outcome = Outcome(collect())
    for answer in answers:
        site.say(answer)
    return outcome


def answer(body: bytes, kind: bytes) -> bytes:
    """Return an answer with a body."""
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
        + body
    )


def page(name: str, following: str) -> bytes:
    """Return a page of a listing as JSON."""
    entry = f'{{"href": "./{name}", "size": 1, "mtime": 2}}'
    body = f'{{"entries": [{entry}], "next": {following}}}'
    return answer(body.encode(), b"application/json")


def test_a_listing_is_read_to_its_end(site: Site) -> None:
    """Page by page; but not in a circle."""
    outcome = listed(site, page("a", '"?json&after=a"'), page("b", "null"))
    assert outcome.result == [b"a", b"b"]
    assert "GET /files/?json HTTP/1.1\r\n" in site.asked()
    outcome = listed(site, page("a", '"?json&after=a"'), page("a", '"?json&after=a"'))
    assert "a listing without an end" in str(outcome.error)


SAID: list[tuple[Callable[[], bytes], str]] = [
    (lambda: answer(b"x", b"text/plain"), "not a folder that can be listed"),
    (lambda: answer(b"x" * 5_000_000, b"text/html"), "a listing of more than"),
    (lambda: answer(b"x", b"application/json; charset=utf-8"), "a listing that cannot be read"),
    (lambda: b"HTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found"),
]


@pytest.mark.parametrize(("said", "why"), SAID)
def test_what_is_no_listing_is_said_to_be_none(
    site: Site, said: Callable[[], bytes], why: str
) -> None:
    """In one line."""
    assert why in str(listed(site, said()).error)


def sent(site: Site, body: bytes = NOISE) -> Outcome:
    """Begin to put a file."""
    sha256 = hashlib.sha256(body).hexdigest()
    return Outcome(site.web.put(URL, Content(b"hello", body), sha256))


def test_a_file_is_put_with_its_digest(site: Site) -> None:
    """A server that knows RFC 9530 checks it before anybody sees the file."""
    putting = sent(site)
    asked, _, body = site.wires[-1].read_all().partition(b"\r\n\r\n")
    assert asked.startswith(b"PUT /files/hello HTTP/1.1\r\n")
    assert b"\r\nContent-Length: %d\r\n" % len(NOISE) in asked + b"\r\n"
    assert render_digest(hashlib.sha256(NOISE).hexdigest()) in asked
    assert body == NOISE
    site.say(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    assert putting.result.size == len(NOISE)
    again = sent(site)
    assert len(site.wires) == 1  # the connection is used again
    site.say(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
    site.wires[-1].read_all()
    assert again.result


def test_a_large_file_is_sent_when_the_server_wants_it(site: Site) -> None:
    """And not at all when it does not (RFC 9110, 10.1.1)."""
    large = NOISE * 2
    refused, wire = sent(site, large), site.wires[-1]
    assert b"Expect: 100-continue" in wire.read()
    site.say(
        b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 23\r\n\r\n",
        b"403 server is read-only",
    )
    assert wire.read_all() == wire.got
    assert NOISE[:100] not in wire.got
    assert str(refused.error) == f"'{URL}': 403 server is read-only"
    granted, wire = sent(site, large), site.wires[-1]
    site.say(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert wire.read_all().endswith(large)
    site.say(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    assert granted.result


def test_a_server_that_knows_no_question_gets_the_file_all_the_same(site: Site) -> None:
    """After a moment, as RFC 9110, 10.1.1 wants it."""
    putting = sent(site, NOISE * 2)
    site.reactor.advance(WAITED)
    assert site.wires[-1].read_all().endswith(NOISE * 2)
    site.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert putting.result


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"HTTP/1.1 405 Not Allowed\r\nContent-Length: 0\r\n\r\n", ClientError, "405 Not Allowed"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", BusyError, "503 Busy"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", BadAnswerError, "nobody asked for"),
        (b"SSH-2.0\r\n\r\n", BadAnswerError, "unexpected answer 'SSH-2.0'"),
    ],
)
def test_a_file_that_is_not_taken_is_one_line(
    site: Site, answer: bytes, kind: type[ClientError], words: str
) -> None:
    """Of the kind that says whether to try again."""
    putting = sent(site)
    site.wires[-1].read_all()
    site.say(answer)
    assert type(putting.error) is kind
    assert words in str(putting.error)
    assert "\n" not in str(putting.error)


def test_a_server_that_hangs_up_on_a_file_has_said_why(site: Site) -> None:
    """Its last words are read, though not all was sent."""
    putting, wire = sent(site), site.wires[-1]
    wire.read()
    site.say(b"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\n\r\n")
    lose(site.clients[-1], wire)
    assert "507 Insufficient Storage" in str(putting.error)


def test_a_server_that_takes_no_more_is_sent_no_more(site: Site) -> None:
    """What it says while a file is being sent can only be that."""
    putting, wire = sent(site), site.wires[-1]
    wire.read()
    site.say(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
    assert len(wire.read_all()) < len(NOISE)
    assert "413 Content Too Large" in str(putting.error)

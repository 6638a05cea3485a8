"""Tests of `twisted_net.web.again`: the same request again, to the byte."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.web.resource import Resource

from tests.web.browsers import Answer, Web, answers, request
from twisted_net.net.pages import Pages
from twisted_net.web.again import MOST, Again, Heads

HEAD = request("/wise/")


class Wise(Resource):
    """A page that can be asked again.

    :ivar read: how many requests it has read.
    :ivar given: how many answers it gave once more.
    :ivar word: what it says.
    """

    isLeaf = True

    def __init__(self, offers: bool = True) -> None:
        super().__init__()
        self.read = self.given = 0
        self.word: bytes | None = b"know thyself"
        self._offers = offers

    def render_GET(self, request: Any) -> bytes:
        """Say it, and offer to say it again."""
        self.read += 1
        request.setHeader(b"ETag", b'"1"')
        if self._offers:
            request.again(self._again)
        return self.word or b"nothing"

    def render_POST(self, request: Any) -> bytes:
        """Take something."""
        return bytes(reversed(request.content.read()))

    def _again(self, address: Any) -> bytes | None:
        self.given += 1
        return self.word


class Visited(Web):
    """A web door with that page."""

    def __init__(self, offers: bool = True) -> None:
        self.page = Wise(offers)
        super().__init__(self._add)

    def _add(self, pages: Pages, clock: Clock) -> None:
        pages.add("wise", "Wise", self.page)

    def told(self, *pieces: bytes) -> list[Answer]:
        """Return what one connection is answered."""
        protocol, wire = self.connect()
        for piece in pieces:
            protocol.dataReceived(piece)
        return answers(wire.read_all())


def test_the_same_request_is_answered_without_being_read_again() -> None:
    """By the same bytes, on this connection and on others."""
    web = Visited()
    first, *more = web.told(HEAD, HEAD, HEAD) + web.told(HEAD)
    assert (first.body, first.headers["etag"]) == (b"know thyself", '"1"')
    assert more == [first] * 3
    assert (web.page.read, web.page.given) == (1, 3)


def test_another_request_is_read() -> None:
    """One byte makes the difference."""
    web = Visited()
    web.told(HEAD, request("/wise/", A="b"), request("/wise/?c"), request("/wise/", "HEAD"))
    assert (web.page.read, web.page.given) == (4, 0)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_connection_that_was_to_end_ends_again(version: str) -> None:
    """As the request asks for."""
    web, head = Visited(), request("/wise/", version=version, Connection="close")
    for _ in range(3):
        protocol, wire = web.connect()
        protocol.dataReceived(head)
        assert len(answers(wire.read_all())) == 1
        assert wire.disconnecting
    assert web.page.given == 2


def test_what_is_answered_again_is_not_the_end_of_something_longer() -> None:
    """A request that comes in one piece behind another is not that piece."""
    first = request("/wise/", "POST", Content_Length="5", X_Netdemo="1") + b"hello"
    web = Visited()
    for _ in range(3):
        assert [each.body for each in web.told(first + HEAD)] == [b"olleh", b"know thyself"]
    assert web.page.given == 0


def test_what_changed_is_read_again() -> None:
    """The page says so; and then the new answer is given once more."""
    web = Visited()
    web.told(HEAD, HEAD)
    web.page.word = None
    assert [each.body for each in web.told(HEAD)] == [b"nothing"]
    web.page.word = b"nothing in excess"
    assert [each.body for each in web.told(HEAD, HEAD)] == [b"nothing in excess"] * 2
    assert web.page.read == 3


def test_a_page_that_breaks_once_more_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is said where it is always said."""
    web = Visited()
    web.told(HEAD)

    def breaks(head: bytes) -> Again:
        def reply(address: Any) -> bytes:
            raise ZeroDivisionError

        return Again(reply, b"", frozenset(), 0, last=False)

    with monkeypatch.context() as broken:
        broken.setattr(web.factory.heads, "find", breaks)
        assert [each.body for each in web.told(HEAD)] == [b"know thyself"]
    assert web.page.read == 2


def test_a_page_that_takes_the_place_of_another_is_the_one_that_is_asked() -> None:
    """Of a service that came later, say."""
    web = Visited()
    web.told(HEAD, HEAD)
    web.pages.add("wise", "Wiser", Wise(offers=False))
    assert web.told(HEAD) == web.told(HEAD)
    assert web.page.given == 1


@pytest.mark.parametrize("more", [{"Content_Length": "0"}, {"Expect": "100-continue"}])
def test_a_request_that_is_more_than_its_head_is_read_each_time(more: dict[str, str]) -> None:
    """Something may follow."""
    web, head = Visited(), request("/wise/", **more)
    web.told(head, head)
    assert (web.page.read, web.page.given) == (2, 0)


def test_a_peer_that_does_not_read_is_not_answered_again_meanwhile() -> None:
    """All that it asks for would wait in memory."""
    web = Visited()
    protocol, wire = web.connect()
    protocol.dataReceived(HEAD)
    wire.read_all()
    protocol.pauseProducing()
    for _ in range(5):
        protocol.dataReceived(HEAD)
    assert len(answers(wire.read_all())) == 2  # one more, as ever
    protocol.resumeProducing()
    assert len(answers(wire.read_all())) == 6


def test_a_connection_that_is_asked_again_and_again_is_still_given_up_when_it_falls_silent() -> (
    None
):
    """As every other."""
    web = Visited()
    protocol, wire = web.connect()
    for _ in range(4):
        protocol.dataReceived(HEAD)
        web.clock.pump([10.0])
    assert not wire.disconnecting
    web.clock.pump([10.0] * 3)
    assert wire.disconnecting


def test_only_so_many_requests_are_remembered() -> None:
    """Whoever asks differently each time fills no memory."""
    heads = Heads(Pages())
    again = Again(lambda address: b"", b"", frozenset(), 0, last=False)
    for number in range(MOST + 10):
        heads.keep(b"%d" % number, again)
    assert heads.find(b"9") is None
    assert heads.find(b"10") is again
    heads.forget(b"10")
    assert heads.find(b"10") is None


REQUESTS = [
    HEAD,
    HEAD,
    request("/wise/", A="b"),
    request("/wise/", "HEAD"),
    request("/wise/", version="1.0", Connection="keep-alive"),
    request("/wise/", "POST", Content_Length="5", X_Netdemo="1") + b"hello",
    request("/nobody"),
    request("/wise/", Host="evil.example"),
    b"\r\n" + HEAD,
    request("/wise/", Connection="close"),
    b"GET nonsense\r\n\r\n",
]


@given(st.lists(st.lists(st.sampled_from(REQUESTS), max_size=8), max_size=4), st.data())
def test_who_is_answered_again_cannot_tell(visits: list[list[bytes]], data: st.DataObject) -> None:
    """Whatever is asked, and however it is cut: the bytes and the ends are the same."""
    offers, reads = Visited(), Visited(offers=False)
    for visit in visits:
        stream = b"".join(visit)
        ends = [sum(map(len, visit[:count])) for count in range(len(visit) + 1)]
        some = data.draw(st.sets(st.sampled_from(ends) | st.integers(0, len(stream))))
        at = sorted({0, *some})
        pieces = [stream[i:j] for i, j in zip(at, [*at[1:], len(stream)], strict=True)]
        told = []
        for web in (offers, reads):
            protocol, wire = web.connect()
            for piece in pieces:
                if piece and not wire.disconnecting:
                    protocol.dataReceived(piece)
            told.append((wire.read_all(), wire.disconnecting))
        assert told[0] == told[1]

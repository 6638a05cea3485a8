"""Tests of `twisted_net.net.websocket.opening`: who gets a WebSocket, and what the others hear."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.net.websocket.clients import ACCEPT, BINARY, KEY, TEXT
from twisted_net.net.websocket.opening import NotOpenedError, opening

ASKED = {
    b"upgrade": [b"websocket"],
    b"connection": [b"keep-alive, Upgrade"],
    b"sec-websocket-version": [b"13"],
    b"sec-websocket-key": [KEY.encode()],
}


def test_the_example_of_the_specification_is_granted() -> None:
    """RFC 6455, 1.3."""
    agreed = opening(b"HTTP/1.1", ASKED, [])
    assert agreed.head.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nSec-WebSocket-Accept: " + ACCEPT + b"\r\n" in agreed.head
    assert b"Sec-WebSocket-Protocol" not in agreed.head
    assert agreed.head.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ([b"text.ircv3.net"], TEXT),
        ([b"binary.ircv3.net,text.ircv3.net"], BINARY),
        ([b"chat", b"text.ircv3.net, binary.ircv3.net"], TEXT),
        ([b"TEXT.ircv3.net"], ""),
        ([b"chat"], ""),
        ([b""], ""),
        ([b"\xff"], ""),
    ],
)
def test_the_client_prefers_and_the_server_knows(wanted: list[bytes], chosen: str) -> None:
    """And names none where it knows none (IRCv3, WebSocket)."""
    agreed = opening(b"HTTP/1.1", ASKED | {b"sec-websocket-protocol": wanted}, [BINARY, TEXT])
    assert agreed.protocol == chosen
    assert (b"Sec-WebSocket-Protocol: " in agreed.head) == bool(chosen)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({b"upgrade": []}, 426),
        ({b"upgrade": [b"h2c"]}, 426),
        ({b"connection": [b"keep-alive"]}, 400),
        ({b"sec-websocket-version": [b"8"]}, 426),
        ({b"sec-websocket-version": [b"13", b"13"]}, 426),
        ({b"sec-websocket-key": []}, 400),
        ({b"sec-websocket-key": [b"c2hvcnQ="]}, 400),
        ({b"sec-websocket-key": [b"!!!"]}, 400),
        ({b"sec-websocket-key": [KEY.encode()] * 2}, 400),
    ],
)
def test_what_opens_none_is_told_what_would(
    changed: Mapping[bytes, list[bytes]], code: int
) -> None:
    """426 says the version that is spoken here (RFC 6455, 4.4)."""
    with pytest.raises(NotOpenedError) as refused:
        opening(b"HTTP/1.1", {**ASKED, **changed}, [])
    assert refused.value.code == code
    assert (refused.value.headers.get(b"Sec-WebSocket-Version") == b"13") == (code == 426)


def test_http_1_0_has_no_upgrades() -> None:
    """Nor anything older."""
    with pytest.raises(NotOpenedError):
        opening(b"HTTP/1.0", ASKED, [])


@pytest.mark.fuzz
@given(st.dictionaries(st.sampled_from(list(ASKED)), st.lists(st.binary(), max_size=3)))
def test_any_head_is_granted_or_refused(changed: dict[bytes, list[bytes]]) -> None:
    """Nothing else is raised."""
    try:
        answer = opening(b"HTTP/1.1", {**ASKED, **changed}, [TEXT]).head
    except NotOpenedError as refused:
        answer = b"HTTP/1.1 %d" % refused.code
    assert answer[:12] in (b"HTTP/1.1 101", b"HTTP/1.1 400", b"HTTP/1.1 426")

"""Tests of `twisted_net.files.client.codec` and `urls`: URLs, and HTTP as clients read it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.files.client.codec import (
    Head,
    linked,
    parse_chunk,
    parse_content_range,
    parse_head,
    parse_html_listing,
    parse_json_listing,
    parse_retry_after,
    redirected,
)
from twisted_net.files.client.urls import Url, parse_url
from twisted_net.files.codec import Entry
from twisted_net.files.http.codec import Span, parse_digest, render_content_range, render_digest
from twisted_net.files.http.listing import Listing, render_json, render_page
from twisted_net.net.errors import RemoteProtocolError, SettingError

FOLDER = Url("http", "192.0.2.7", 7080, "/files/")


@pytest.mark.parametrize(
    ("text", "url", "name"),
    [
        ("http://h", Url("http", "h", 80, "/"), b""),
        ("https://h:1/a/b?c#d", Url("https", "h", 1, "/a/b?c"), b"b"),
        ("http://[::1]:5/a%20b", Url("http", "::1", 5, "/a%20b"), b"a b"),
        ("http://h/é\r\nX: y", Url("http", "h", 80, "/%C3%A9X:%20y"), "éX: y".encode()),
        ("http://h/..%2f..%2fx", Url("http", "h", 80, "/..%2f..%2fx"), b"../../x"),
        ("tcp://h/a b%25", Url("tcp", "h", 0, "a b%"), b"a b%"),
        ("tftp://h:69/a/b;mode=NetASCII", Url("tftp", "h", 69, "a/b", "netascii"), b"a/b"),
        ("tftp://h/a;mode=octet", Url("tftp", "h", 0, "a", "octet"), b"a"),
        ("tftp://h/a?b#c", Url("tftp", "h", 0, "a?b#c"), b"a?b#c"),
    ],
)
def test_a_url_is_read(text: str, url: Url, name: bytes) -> None:
    """In every scheme that files have; what no request may hold is quoted."""
    assert (parse_url(text), url.name) == (url, name)
    assert parse_url(str(url)) == parse_url(str(parse_url(str(url))))


@pytest.mark.parametrize(
    "text",
    ["", "a", "http:", "http://", "http:///x", "ftp://h/x", "http://h:0x/", "http://h:99999/",
     "http://a b/", "http://[::1/x", "tftp://h/a;mode=mail", "http://u:p@h/", "http://h\0/"],
)  # fmt: skip
def test_what_is_no_url_of_ours_is_refused(text: str) -> None:
    """In one line."""
    with pytest.raises(SettingError) as caught:
        parse_url(text)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_url_is_read_or_refused(text: str) -> None:
    """And what is read could be sent."""
    for start in ("http://h/", "http://", "tftp://h/", ""):
        try:
            url = parse_url(start + text)
        except SettingError:
            continue
        assert not url.web or (url.path.startswith("/") and url.path.isascii())
        assert not url.web or not any(each <= " " or each == "\x7f" for each in url.path)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        (b"../x", Url("http", "192.0.2.7", 7080, "/x")),
        (b"//h/y", Url("http", "h", 80, "/y")),
        (b"https://h/", Url("https", "h", 443, "/")),
        (b"./caf%E9/", Url("http", "192.0.2.7", 7080, "/files/caf%E9/")),
    ],
)
def test_a_redirection_leads_to_another_url(location: bytes, url: Url) -> None:
    """Relative to the one that was asked."""
    assert redirected(FOLDER, location) == url


@pytest.mark.parametrize("location", [b"file:///etc/passwd", b"tcp://h/x", b"tftp://h/x"])
def test_a_redirection_leads_nowhere_but_to_the_web(location: bytes) -> None:
    """A server must not make us speak something else to others; nor leave out TLS."""
    with pytest.raises(RemoteProtocolError):
        redirected(FOLDER, location)
    with pytest.raises(RemoteProtocolError, match="not followed"):
        redirected(parse_url("https://h/"), b"http://h/")


def head(*lines: bytes) -> Head:
    """Read a head."""
    return parse_head([b"HTTP/1.1 200 OK", *lines])


def test_the_head_of_an_answer_is_read() -> None:
    """Names in any case, values without the blanks around them."""
    found = head(b'ETag: "a" ', b"CONTENT-LENGTH: 5", b"x: 1", b"X: 2")
    assert (found.code, found.reason, found.length, found.tag) == (200, "OK", 5, '"a"')
    assert found.fields[b"x"] == b"1, 2"
    assert not found.last
    assert parse_head([b"HTTP/1.0 404"]).last
    assert head(b"Connection: keep-alive, Close").last
    assert head(b"Content-Length: 5", b"Content-Length: 5").length == 5
    assert head(b"Content-Length: 5", b"Transfer-Encoding: Chunked").length is None


def test_a_weak_tag_is_no_ground_to_go_on() -> None:
    """It stands for bytes that may differ (RFC 9110, 8.8.1); the date does better."""
    date = b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert head(b'ETag: W/"a"').tag == ""
    assert head(b'ETag: W/"a"', b"Last-Modified: " + date).tag == date.decode()


@pytest.mark.parametrize(
    "line",
    [b"Content-Length: -5", b"Content-Length: 5, 6", b"Content-Length: " + b"9" * 5000, b" folded",
     b"Transfer-Encoding: gzip, chunked", b"no colon", b"bad name: x", b"Content-Length: "],
)  # fmt: skip
def test_a_head_that_can_be_read_in_two_ways_is_refused(line: bytes) -> None:
    """What others take for the body would be the next answer."""
    with pytest.raises(RemoteProtocolError):
        head(line)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_any_head_is_read_or_refused(lines: list[bytes]) -> None:
    """With one error for all of it."""
    for before in ([], [b"HTTP/1.1 200 OK"]):
        try:
            found = parse_head([*before, *lines])
        except RemoteProtocolError:
            continue
        assert found.length is None or found.length >= 0


@given(st.integers(0, 10**12), st.integers(1, 10**12), st.integers(0, 10**12))
def test_a_content_range_is_what_our_server_says(offset: int, length: int, more: int) -> None:
    """There and back."""
    size = offset + length + more
    told = render_content_range(Span(offset, length), size)
    assert parse_content_range(told) == (offset, length, size)


@given(st.binary())
def test_any_field_is_read_or_refused(data: bytes) -> None:
    """Ranges, chunks, digests, waits."""
    for parse in (parse_content_range, parse_chunk):
        try:
            parse(data)
        except RemoteProtocolError as error:
            assert "\n" not in str(error)  # noqa: PT017
    assert len(parse_digest(data)) in (0, 64)
    assert parse_retry_after(data) >= 0


def test_the_right_digest_of_several_is_taken() -> None:
    """Where there is one."""
    sha256 = "ab" * 32
    ours = render_digest(sha256)
    md5 = b"md5=:%s:" % base64.b64encode(b"x" * 16)
    assert parse_digest(ours) == parse_digest(md5 + b", " + ours + b",x=1") == sha256
    assert parse_digest(md5) == parse_digest(b"x" + ours) == parse_digest(b"sha-256=:AA==:") == ""


NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)


@given(st.lists(st.tuples(NAMES, st.booleans()), unique_by=lambda each: each[0]), st.booleans())
def test_a_listing_of_our_server_is_read(names: list[tuple[bytes, bool]], more: bool) -> None:
    """As JSON with sizes and times, as a page without; names of any bytes are the same again."""
    entries = [
        Entry("folder", 0, 7, b"sub/" + name + b"/")
        if folder
        else Entry("file", 5, 7, b"sub/" + name)
        for name, folder in names
    ]
    listing = Listing(b"sub/", "files", entries, more and bool(entries))
    folder = Url("http", "h", 80, "/files/sub/")
    found, following = parse_json_listing(render_json(listing), folder)
    shown = [(each.kind, each.size, each.name.removeprefix(b"sub/")) for each in entries]
    assert [(each.entry.kind, each.entry.size, each.entry.name) for each in found] == shown
    assert (following is not None) is listing.more
    page = parse_html_listing(render_page(listing), folder)
    assert {each.entry.name for each in page} == {name for _, _, name in shown}


NGINX = b"""<html><head><title>Index of /files/</title></head><body><h1>Index of /files/</h1>
<hr><pre><a href="../">../</a>
<a href="sub/">sub/</a>      20-Nov-2026 10:00   -
<a href="a%20b.txt">a b.txt</a>   20-Nov-2026 10:00   5
<a href="?C=N;O=D">Name</a> <a href="http://elsewhere/files/x">x</a> <a href="/etc/passwd">y</a>
<a href="sub/deep">z</a> <a href="..%2fup">up</a> <a href="%2e%2e/">up</a> <a href="a%20b.txt">b</a>
<a name="none">n</a> <a href="javascript:x">j</a> <a href="">e</a> <a href="http://[">f</a>"""


def test_a_page_of_others_is_read() -> None:
    """Each name once; nothing that leads out of the folder, or to another server."""
    found = parse_html_listing(NGINX, FOLDER)
    assert [(each.entry.kind, each.entry.name, each.path) for each in found] == [
        ("folder", b"sub/", "/files/sub/"),
        ("file", b"a b.txt", "/files/a%20b.txt"),
    ]


@given(st.text())
def test_no_link_leads_out_of_the_folder(href: str) -> None:
    """Its name is one step."""
    for start in ("", "./", "%2e%2e/", "/files/", "http://192.0.2.7:7080/files/"):
        found = linked(FOLDER, start + href)
        if found is not None:
            name = found.entry.name.removesuffix(b"/")
            assert name not in (b"", b".", b"..")
            assert b"/" not in name
            assert b"\0" not in name


@given(st.binary())
def test_any_listing_is_read_or_refused(data: bytes) -> None:
    """With one error for all of it."""
    parse_html_listing(data, FOLDER)
    parse_html_listing(b"<a href='" + data, FOLDER)
    with pytest.raises(RemoteProtocolError):
        parse_json_listing(b"\x00" + data, FOLDER)


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b'{"entries": 5, "next": null}', b'{"entries": [{}], "next": null}',
     b"[" * 10**5, b'{"entries": [], "next": 5}', b'{"entries": [], "next": "tcp://h/x"}',
     b'{"entries": [{"href": "x", "size": -1, "mtime": 0}], "next": null}'],
)  # fmt: skip
def test_a_listing_that_makes_no_sense_is_refused(body: bytes) -> None:
    """In one line."""
    with pytest.raises(RemoteProtocolError):
        parse_json_listing(body, FOLDER)

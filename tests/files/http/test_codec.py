"""Tests of `twisted_net.files.http.codec` and `types`: fields of HTTP, one by one."""

import base64
import hashlib
from urllib.parse import unquote, unquote_to_bytes, urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.files.http.codec import (
    MOST_RANGES,
    Span,
    etag,
    href,
    parse_date,
    parse_ranges,
    parse_tags,
    render_attachment,
    render_content_range,
    render_date,
    render_digest,
    wants_digest,
)
from twisted_net.files.http.types import content_type, is_active

SIZES = st.integers(0, 50)
NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: b"/" not in name and name not in (b".", b"..")
)


@pytest.mark.parametrize(
    ("field", "parts"),
    [
        (b"bytes=0-0", [(0, 1)]),
        (b"bytes=5-", [(5, 5)]),
        (b"bytes=5-999", [(5, 5)]),
        (b"bytes=-3", [(7, 3)]),
        (b"bytes=-99", [(0, 10)]),
        (b"BYTES=0-4", [(0, 5)]),
        (b"bytes= 0-1 ,, 4-5 ", [(0, 2), (4, 2)]),
        (b"bytes=4-5,0-3", [(0, 6)]),
        (b"bytes=0-5,2-3", [(0, 6)]),
        (b"bytes=0-,-1", [(0, 10)]),
        (b"bytes=10-,0-0", [(0, 1)]),
        (b"bytes=10-", []),
        (b"bytes=-0", []),
        (b"bytes=9999999999999999999-", []),
    ],
)
def test_ranges_become_parts(field: bytes, parts: list[tuple[int, int]]) -> None:
    """In order, within the file, put together where they touch."""
    assert parse_ranges(field, 10) == [Span(*part) for part in parts]


@pytest.mark.parametrize(
    "field",
    [
        b"",
        b"bytes",
        b"bytes=",
        b"bytes=,",
        b"bytes=-",
        b"bytes=a-b",
        b"bytes=5-2",
        b"bytes=0-1,5-2",
        b"bytes=--1",
        b"bytes=1--2",
        b"bytes=+1-2",
        b"bytes=1.5-2",
        b"bytes=0x1-2",
        b"lines=1-2",
        b"bytes 0-1",
        b"bytes=" + b"9" * 5000 + b"-",
        b"bytes=" + b"0-0," * (MOST_RANGES + 1),
        b"bytes=\xd9\xa1-\xd9\xa2",  # digits, but not ASCII
    ],
)
def test_what_is_no_range_is_ignored(field: bytes) -> None:
    """The whole file answers it."""
    assert parse_ranges(field, 10) is None


@given(st.lists(st.tuples(SIZES, SIZES), min_size=1, max_size=5), SIZES)
def test_the_parts_are_the_bytes_that_were_asked_for(
    asked: list[tuple[int, int]], size: int
) -> None:
    """Every one once, and none beside them."""
    ranges = [(first, first + more) for first, more in asked]
    field = b"bytes=" + b",".join(b"%d-%d" % each for each in ranges)
    wanted = {at for first, last in ranges for at in range(first, last + 1) if at < size}
    spans = parse_ranges(field, size)
    assert spans is not None
    got = [at for span in spans for at in range(span.offset, span.offset + span.length)]
    assert got == sorted(wanted)


@given(st.binary(max_size=60), SIZES)
def test_whatever_stands_in_range_stays_within_the_file(field: bytes, size: int) -> None:
    """And never raises."""
    for span in parse_ranges(b"bytes=" + field, size) or []:
        assert 0 <= span.offset < span.offset + span.length <= size


def test_a_part_says_where_it_belongs() -> None:
    """And a 416 how large the file is."""
    assert render_content_range(Span(5, 5), 10) == b"bytes 5-9/10"
    assert render_content_range(None, 10) == b"bytes */10"


def test_a_tag_stands_for_one_state_of_one_file() -> None:
    """It is strong, and of no use to who would like to know inodes."""
    tags = {etag((1, 2, 3, 4)), etag((1, 2, 3, 5)), etag((1, 2, 4, 4)), etag((1, 3, 3, 4))}
    assert len(tags) == 4
    assert parse_tags(b", ".join(sorted(tags))) == sorted(tags)
    assert etag(None) == b""


def test_tags_are_read_from_a_list() -> None:
    """Commas may stand in them."""
    assert parse_tags(b'"a", W/"b,c" ,"",bad, "d') == [b'"a"', b'W/"b,c"', b'""']
    assert parse_tags(b" * ") == [b"*"]


@pytest.mark.parametrize(
    "field",
    [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
    ],
)
def test_a_date_is_read_in_all_its_forms(field: bytes) -> None:
    """A server has to take the old ones too."""
    assert parse_date(field) == 784111777


@given(st.integers(0, 250_000_000_000))
def test_a_date_is_read_as_it_was_written(when: int) -> None:
    """To the second."""
    assert parse_date(render_date(when)) == when


@given(st.binary(max_size=40))
def test_what_is_no_date_is_none(field: bytes) -> None:
    """And raises nothing."""
    found = parse_date(field)
    assert found is None or isinstance(found, int)


@pytest.mark.parametrize("when", [-1, 10**12, 10**18])
def test_a_time_that_no_calendar_has_is_left_out(when: int) -> None:
    """Disks have such times."""
    assert render_date(when) == b""


def test_a_digest_is_a_structured_field() -> None:
    """RFC 9530's own example of SHA-256."""
    content = b'{"hello": "world"}\n'
    sha256 = hashlib.sha256(content).hexdigest()
    field = render_digest(sha256)
    assert base64.b64decode(field.removeprefix(b"sha-256=:").removesuffix(b":")).hex() == sha256


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        (b"sha-256=1", True),
        (b"sha-256", True),
        (b"sha-512=10, sha-256=3;q", True),
        (b"sha-256=0", False),
        (b"sha-2560=1", False),
        (b"md5=5", False),
        (b"", False),
        (b"\xff", False),
    ],
)
def test_who_wants_a_digest_is_understood(field: bytes, wanted: bool) -> None:
    """Zero means no."""
    assert wants_digest(field) == wanted


@given(NAMES)
def test_a_link_leads_to_its_name(name: bytes) -> None:
    """Whatever bytes it has, from wherever the listing is, and to no other server."""
    found = urljoin("http://h/files/sub/", href(b"sub/" + name))
    assert found.startswith("http://h/files/sub/")
    assert unquote_to_bytes(found.removeprefix("http://h/files/sub/")) == name


@given(NAMES)
def test_a_name_to_save_under_is_plain_in_the_old_form(name: bytes) -> None:
    """One header line, no folder, and whole in the new form."""
    field = render_attachment(b"sub/" + name)
    assert all(0x20 <= byte <= 0x7E for byte in field)
    assert field.count(b'"') == 2
    text = name.decode("utf-8", "replace")
    if field.endswith(b'"'):
        assert field[22:-1].decode() == text
    else:
        assert unquote(field.rpartition(b"''")[2].decode()) == text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"a.HTML", "text/html; charset=utf-8"),
        (b"x/a.md", "text/plain; charset=utf-8"),
        (b"a.json", "application/json"),
        (b"a.js", "text/plain; charset=utf-8"),
        (b"a.MJS", "text/plain; charset=utf-8"),
        (b"a.css", "text/css; charset=utf-8"),
        (b"a.iso", "application/octet-stream"),
        (b"a.txt.gz", "application/gzip"),
        (b"a.tar.bz2", "application/x-bzip2"),
        (b"a.Z", "application/octet-stream"),
        (b"caf\xe9.png", "image/png"),
        (b"data:text/html,x", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_type_follows_the_name(name: bytes, kind: str) -> None:
    """By a table that is the same everywhere; what is packed is not unpacked on the way."""
    assert content_type(name) == kind


def test_content_that_may_bring_scripts_is_known() -> None:
    """By its type, however it is written."""
    assert all(is_active(content_type(name)) for name in (b"a.html", b"a.svg", b"a.xml"))
    assert not any(
        is_active(content_type(name)) for name in (b"a.txt", b"a.png", b"a.pdf", b"a.js")
    )

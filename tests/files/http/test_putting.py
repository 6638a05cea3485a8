"""Tests of PUT to `twisted_net.files.http`: uploads over HTTP, without a socket."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent

from tests.files.http.test_resource import Shared
from tests.files.wires import NOISE, Later, Wire, lose
from tests.web.browsers import Answer, answers, request
from twisted_net.files.http.codec import render_digest
from twisted_net.files.http.receiving import WRITTEN
from twisted_net.files.store import Folder
from twisted_net.files.uploads import Writes
from twisted_net.web.channel import MOVED

QUOTA = 10 << 20
SHA = render_digest(hashlib.sha256(NOISE).hexdigest()).decode()


def writable(root: Path, overwrite: bool = False, **options: Any) -> Shared:
    """Return a web door to a folder that may be written to."""
    shelf = Folder(str(root), writes=Writes(QUOTA, overwrite))
    return Shared(shelf, write=True, **options)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an empty folder to share."""
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


def begun(web: Shared, name: str = "new", **headers: str) -> tuple[Any, Wire]:
    """Send the head of a PUT."""
    protocol, wire = web.connect()
    protocol.dataReceived(request(f"/files/{name}", "PUT", **headers))
    return protocol, wire


def put(web: Shared, name: str = "new", body: bytes = NOISE, **headers: str) -> Answer:
    """Put a file, and return the answer."""
    headers.setdefault("Content_Length", str(len(body)))
    protocol, wire = begun(web, name, **headers)
    protocol.dataReceived(body)
    (answer,) = answers(wire.read_all())
    return answer


def seen(root: Path) -> dict[str, bytes]:
    """Return what everybody sees in the folder."""
    return {
        str(each.relative_to(root)): each.read_bytes()
        for each in root.rglob("*")
        if each.is_file() and not each.name.startswith(".")
    }


def test_a_file_is_put_and_fetched(root: Path) -> None:
    """Into folders that are not there yet, too."""
    web = writable(root)
    answer = put(web, "sub/deep/a%20b", Repr_Digest=SHA)
    assert (answer.code, answer.body) == (201, b"201 stored\n")
    assert seen(root) == {"sub/deep/a b": NOISE}
    assert web.get("sub/deep/a%20b").body == NOISE


def test_the_page_offers_to_send_files_where_that_is_granted(root: Path) -> None:
    """And nowhere else."""
    assert b"<body data-put>" in writable(root).get("").body
    assert b"<body>" in Shared(Folder(str(root))).get("").body


@given(cuts=st.lists(st.integers(1, 50_000), max_size=20))
def test_it_does_not_matter_how_the_stream_is_cut(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    """Nor that the next request follows at once."""
    root = tmp_path_factory.mktemp("cut")
    web = writable(root)
    head = request("/files/new", "PUT", Content_Length="200000")
    stream = head + NOISE[:200_000] + request("/files/new?sha256")
    protocol, wire = web.connect()
    at = 0
    for count in [*cuts, len(stream)]:
        protocol.dataReceived(stream[at : at + count])
        at += count
    stored, digest = answers(wire.read_all())
    assert stored.code == 201
    assert digest.body.decode().strip() == hashlib.sha256(NOISE[:200_000]).hexdigest()


def test_a_body_may_come_in_chunks_of_unknown_number(root: Path) -> None:
    """As of ``curl -T -``."""
    chunks = [NOISE[at : at + 70_000] for at in range(0, len(NOISE), 70_000)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks) + b"0\r\n\r\n"
    protocol, wire = begun(writable(root), Transfer_Encoding="chunked")
    protocol.dataReceived(body)
    assert [each.code for each in answers(wire.read_all())] == [201]
    assert seen(root) == {"new": NOISE}


def test_an_empty_file_is_put_too(root: Path) -> None:
    """There is no body, but a file."""
    assert put(writable(root), body=b"").code == 201
    assert seen(root) == {"new": b""}


@pytest.mark.parametrize(
    ("headers", "code", "words"),
    [
        ({"Repr_Digest": f"sha-256=:{'A' * 43}=:"}, 409, "digest mismatch, nothing stored"),
        ({"Content_Digest": f"sha-256=:{'A' * 43}=:"}, 409, "digest mismatch, nothing stored"),
        ({"Content_Range": "bytes 0-9/20"}, 400, "a part of a file cannot be put"),
        ({"Content_Encoding": "gzip"}, 415, "put the file itself"),
        ({"If_Match": '"x"'}, 412, "what is there is not what the request wants there"),
        ({"Content_Length": str(QUOTA + 1)}, 413, f"more than {QUOTA} bytes"),
        ({"Origin": "http://evil.example"}, 403, "the page of another server may not ask"),
        ({"Sec_Fetch_Site": "cross-site"}, 403, "the page of another server may not ask"),
        ({"Host": "evil.example"}, 421, "this server is not 'evil.example'"),
    ],
)
def test_what_is_not_granted_is_one_line_and_leaves_nothing(
    root: Path, headers: dict[str, str], code: int, words: str
) -> None:
    """The connection ends, for what follows would be read for nothing."""
    answer = put(writable(root), "new", NOISE, **headers)
    assert answer.code == code
    assert answer.body.decode().startswith(f"{code} {words}")
    assert seen(root) == {}


@pytest.mark.parametrize(
    "name", ["../out", "%2e%2e/out", "..%2fout", "", "sub/", "a%00b", "/etc/passwd", ".%2e/x"]
)
def test_no_name_leads_out_of_the_folder(root: Path, name: str) -> None:
    """However it is written."""
    answer = put(writable(root), name)
    assert answer.code in (400, 403)
    assert [each.name for each in root.parent.iterdir()] == ["share"]


def test_nothing_is_put_unless_somebody_said_so(root: Path) -> None:
    """A shelf that could is not enough."""
    web = Shared(Folder(str(root), writes=Writes(QUOTA)))
    answer = put(web)
    assert (answer.code, "--files-write yes" in answer.body.decode()) == (403, True)
    assert put(web, body=b"").code == 403
    assert seen(root) == {}


def test_what_is_there_is_replaced_only_if_somebody_said_so(root: Path) -> None:
    """And never when the client says that nothing may be there."""
    (root / "new").write_bytes(b"old")
    assert put(writable(root)).code == 409
    assert seen(root) == {"new": b"old"}
    web = writable(root, overwrite=True)
    assert put(web, If_None_Match="*").code == 412
    tag = web.get("new").headers["etag"]
    assert put(web, If_Match=tag).code == 201
    assert seen(root) == {"new": NOISE}
    assert put(web, If_Match=tag).code == 412


def test_a_client_is_told_to_go_on_only_when_its_file_is_granted(root: Path) -> None:
    """Else a large file would be sent for nothing (RFC 9110, 10.1.1)."""
    later = Later()
    web = writable(root, aside=later)
    protocol, wire = begun(web, Content_Length=str(len(NOISE)), Expect="100-continue")
    assert wire.read() == b""
    later.do()
    assert wire.read() == b"HTTP/1.1 100 Continue\r\n\r\n"
    protocol.dataReceived(NOISE)
    while later.waiting:
        later.do()
    (answer,) = answers(wire.read())
    assert (answer.code, seen(root)) == (201, {"new": NOISE})
    _, wire = begun(web, Content_Length="9", Expect="100-continue")
    later.do()
    assert wire.read().startswith(b"HTTP/1.1 409 ")


def test_a_slow_disk_makes_the_sender_wait(root: Path) -> None:
    """What has come and is not written has a bound, and is no reason to be late."""
    later = Later()
    web = writable(root, aside=later)
    protocol, wire = begun(web, Content_Length=str(3 * WRITTEN))
    assert wire.producerState == "paused"  # the folder is being looked through
    later.do()
    assert wire.producerState == "producing"
    body = (NOISE * 6)[: 3 * WRITTEN]
    protocol.dataReceived(body[:WRITTEN])
    later.waiting.clear()  # the disk hangs
    protocol.dataReceived(body[WRITTEN : 2 * WRITTEN])
    assert wire.producerState == "paused"
    web.clock.pump([10.0] * 20)
    assert not wire.value()


def test_an_upload_that_does_not_move_is_given_up(root: Path) -> None:
    """Single bytes now and then do not count; whoever sends some more has time again."""
    web = writable(root)
    protocol, wire = begun(web, Content_Length=str(len(NOISE)))
    for at in range(10):
        protocol.dataReceived(NOISE[at * MOVED : (at + 1) * MOVED])
        web.clock.advance(29.0)
    assert not wire.value()
    protocol.dataReceived(b"x")
    web.clock.advance(2.0)
    assert wire.read().startswith(b"HTTP/1.1 408 ")
    lose(protocol, wire)
    assert seen(root) == {}


def test_a_client_that_leaves_leaves_nothing_visible(root: Path) -> None:
    """And its place is free for others."""
    web = writable(root, transfers=1)
    for _ in range(3):
        protocol, wire = begun(web, Content_Length=str(len(NOISE)))
        protocol.dataReceived(NOISE[:1000])
        assert put(web, "other").code == 503
        lose(protocol, wire)
    assert (seen(root), web.refusals["transfer_stopped"]) == ({}, 3)
    assert put(web).code == 201


def test_a_half_close_too_early_stores_nothing(root: Path) -> None:
    """The length was announced."""
    protocol, wire = begun(writable(root), Content_Length=str(len(NOISE)))
    protocol.dataReceived(NOISE[:-1])
    protocol.readConnectionLost()
    assert wire.disconnecting
    lose(protocol, wire, clean=True)
    assert seen(root) == {}


def test_no_room_is_told_before_all_is_sent(root: Path) -> None:
    """Chunks tell nobody how many there will be."""
    protocol, wire = begun(writable(root), Transfer_Encoding="chunked")
    for _ in range(2 * QUOTA // len(NOISE)):
        protocol.dataReceived(b"%x\r\n%s\r\n" % (len(NOISE), NOISE))
    assert wire.read().startswith(b"HTTP/1.1 507 ")
    lose(protocol, wire)
    assert seen(root) == {}


def test_a_stopping_server_finishes_an_upload(root: Path) -> None:
    """And closes behind it."""
    web = writable(root)
    protocol, wire = begun(web, Content_Length=str(len(NOISE)))
    protocol.dataReceived(NOISE[:1000])
    protocol.drain()
    assert not wire.disconnecting
    protocol.dataReceived(NOISE[1000:])
    (answer,) = answers(wire.read_all())
    assert (answer.code, wire.disconnecting) == (201, True)


def test_each_upload_is_one_line_and_one_count(root: Path) -> None:
    """Whether it went well or not."""
    web = writable(root)
    with capturedLogs() as captured:
        put(web)
        put(web)
    lines = [formatEvent(each) or "" for each in captured]
    assert sum("stored 'new' from" in line for line in lines) == 1
    assert sum("409 exists" in line for line in lines) == 1
    assert web.refusals == {"refused_409": 1}
    assert web.dropped == {}

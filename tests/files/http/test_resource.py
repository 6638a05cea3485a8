"""Tests of `twisted_net.files.http`: a shelf in a browser, without a socket."""

import base64
import hashlib
import io
import json
import os
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from tests.files.wires import NOISE, Later, Wire, at_once, lose
from tests.web.browsers import Answer, Web, answers, request
from twisted_net.files.codec import RefusedError
from twisted_net.files.digests import Aside, Digests
from twisted_net.files.http import ShelfResource
from twisted_net.files.http.archive import MOST_ENTRIES
from twisted_net.files.http.codec import render_digest
from twisted_net.files.shelf import Content, Shelf, Source
from twisted_net.files.store import Folder, OpenFile
from twisted_net.net.pages import Pages
from twisted_net.net.sendfile import COPIED

HELLO = b"hello, world\n"
THEN = "Tue, 14 Nov 2023 22:13:20 GMT"


class Shared(Web):
    """A web door with one shelf on it.

    :param shelf: a folder, or a shelf of one's own.
    """

    def __init__(self, shelf: Path | Shelf, aside: Aside = at_once, **options: Any) -> None:
        self.shelf = Folder(str(shelf)) if isinstance(shelf, Path) else shelf
        self._aside, self._options = aside, options
        super().__init__(self._add)

    def _add(self, pages: Pages, clock: Clock) -> None:
        self.resource = ShelfResource(
            self.shelf, clock, digests=Digests(self._aside), **self._options
        )
        pages.add("files", "Files", self.resource)

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for something of the shelf."""
        return self.ask(f"/files/{path}", **headers)

    def begin(self, path: str, **headers: str) -> tuple[Any, Wire]:
        """Ask, and leave it to the caller to read."""
        protocol, wire = self.connect()
        protocol.dataReceived(request(f"/files/{path}", **headers))
        return protocol, wire

    @property
    def refusals(self) -> dict[str, int]:
        """What the shelf's counters say was refused or cut off."""
        return self.resource.journal.counters.dropped


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a small and a large file, and a folder."""
    folder = tmp_path / "share"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "hello.txt").write_bytes(HELLO)
    (folder / "large.bin").write_bytes(NOISE)
    (folder / "empty").write_bytes(b"")
    (folder / "page.html").write_bytes(b"<script>alert(1)</script>")
    (folder / "sub" / "in side & <out>.txt").write_bytes(b"inner")
    (folder / "sub" / "deep" / "naïve 猫.txt").write_bytes(b"cat")
    (folder / os.fsdecode(b"caf\xe9")).write_bytes(b"latin")
    for each in folder.rglob("*"):
        os.utime(each, (1700000000, 1700000000))
    return folder


@pytest.fixture
def web(root: Path) -> Shared:
    """Return a web door to it."""
    return Shared(root)


def test_a_file_comes_whole_and_says_what_it_is(web: Shared) -> None:
    """So that it can be cached, resumed, and checked."""
    answer = web.get("hello.txt")
    assert (answer.code, answer.body) == (200, HELLO)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-length"] == "13"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["last-modified"] == THEN
    assert re.fullmatch('"[0-9a-f]{24}"', answer.headers["etag"])
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["large.bin", "empty", "caf%E9", "sub/in%20side%20%26%20%3Cout%3E.txt"]
)
def test_every_file_comes_byte_by_byte_as_it_is(web: Shared, root: Path, path: str) -> None:
    """Large and empty, with names of all kinds."""
    name = {"caf%E9": os.fsdecode(b"caf\xe9")}.get(path, path.replace("%20", " "))
    name = name.replace("%26", "&").replace("%3C", "<").replace("%3E", ">")
    assert web.get(path).body == (root / name).read_bytes()


def test_head_tells_all_but_the_content(web: Shared) -> None:
    """Of a large file, too, and of a folder."""
    for path in ("hello.txt", "large.bin", "", "sub/?json"):
        got, head = web.get(path), web.ask(f"/files/{path}", "HEAD")
        assert (head.code, head.headers, head.body) == (200, got.headers, b"")


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("bytes=7-11", slice(7, 12)),
        ("bytes=100000-", slice(100000, None)),
        ("bytes=-100000", slice(-100000, None)),
        ("bytes=599999-", slice(599999, None)),
        ("bytes=1-99999999", slice(1, None)),
    ],
)
def test_a_part_is_the_part_that_was_asked_for(web: Shared, field: str, part: slice) -> None:
    """As a download that goes on asks."""
    answer = web.get("large.bin", Range=field)
    assert (answer.code, answer.body) == (206, NOISE[part])
    first, last, _ = part.indices(len(NOISE))
    assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/{len(NOISE)}"


def test_a_part_behind_the_end_is_refused(web: Shared) -> None:
    """With the size, so that a client that has all of it knows."""
    answer = web.get("hello.txt", Range="bytes=13-")
    assert (answer.code, answer.body) == (416, b"416 offset past end (size 13)\n")
    assert answer.headers["content-range"] == "bytes */13"
    assert web.refusals == {"refused_416": 1}


def test_several_parts_are_answered_with_the_whole(web: Shared) -> None:
    """Nobody's downloader asks so; RFC 9110 lets a server ignore it."""
    assert web.get("hello.txt", Range="bytes=0-0,5-5").body == HELLO


def test_who_has_it_already_is_told_so(web: Shared) -> None:
    """With the fields that keep a cache fresh, and without any content."""
    tag = web.get("hello.txt").headers["etag"]
    for headers in ({"If_None_Match": tag}, {"If_Modified_Since": THEN}):
        answer = web.get("hello.txt", **headers)
        assert (answer.code, answer.body, answer.headers["etag"]) == (304, b"", tag)
    assert web.get("hello.txt", If_None_Match='"other"').code == 200
    assert web.get("hello.txt", If_Match='"other"').code == 412


def test_a_resumed_download_of_another_version_starts_anew(web: Shared, root: Path) -> None:
    """If-Range: half of the old and half of the new would be neither."""
    tag = web.get("hello.txt").headers["etag"]
    assert web.get("hello.txt", Range="bytes=7-", If_Range=tag).body == HELLO[7:]
    (root / "hello.txt").write_bytes(b"HELLO, WORLD\n")
    answer = web.get("hello.txt", Range="bytes=7-", If_Range=tag)
    assert (answer.code, answer.body) == (200, b"HELLO, WORLD\n")


def test_the_digest_is_told_when_it_is_known_or_wanted(web: Shared) -> None:
    """RFC 9530; of the whole file, whatever part is sent."""
    assert "repr-digest" not in web.get("hello.txt").headers
    wanted = web.get("hello.txt", Want_Repr_Digest="sha-256=10", Range="bytes=0-1")
    sha256 = base64.b64encode(hashlib.sha256(HELLO).digest()).decode()
    assert wanted.headers["repr-digest"] == f"sha-256=:{sha256}:"
    assert web.get("hello.txt").headers["repr-digest"] == f"sha-256=:{sha256}:"


def test_the_digest_can_be_asked_for_alone(web: Shared) -> None:
    """In hex, as sha256sum has it."""
    assert web.get("hello.txt?sha256").body == hashlib.sha256(HELLO).hexdigest().encode() + b"\n"


def test_a_client_that_leaves_while_a_digest_is_made_is_forgotten(root: Path) -> None:
    """Its file is closed, and its place is free."""
    later = Later()
    web = Shared(root, later, transfers=1)
    protocol, wire = web.begin("large.bin?sha256")
    assert web.get("hello.txt").code == 503
    lose(protocol, wire)
    assert web.get("hello.txt").code == 200
    later.do()


def opened(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the names of the files that are opened from now on."""
    names: list[bytes] = []
    real = Folder.open

    def open_(self: Folder, name: bytes, peer: str = "") -> OpenFile:
        names.append(name)
        return real(self, name, peer)

    monkeypatch.setattr(Folder, "open", open_)
    return names


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {}),
        ("", {"Range": "bytes=7-"}),
        ("", {"Range": "bytes=13-"}),
        ("", {"If_None_Match": "*"}),
        ("", {"If_Modified_Since": THEN}),
        ("", {"If_Match": '"other"'}),
        ("", {"Want_Repr_Digest": "sha-256=10"}),
        ("?sha256", {}),
        ("?download", {}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_small_file_is_opened_once_and_every_answer_is_the_same(
    root: Path, method: str, query: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked of it, and by whoever."""
    first = Shared(root).ask(f"/files/hello.txt{query}", method, **headers)
    names, web = opened(monkeypatch), Shared(root)
    web.get("hello.txt")
    again = [web.ask(f"/files/hello.txt{query}", method, **headers) for _ in range(4)]
    assert again == [first] * 4
    assert names == [b"hello.txt"]


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b"HELLO, WORLD\n"),
        lambda path: os.utime(path, (1700000000, 1700000001)),
        lambda path: path.chmod(0o600),
        lambda path: os.replace(path.with_name("empty"), path),
    ],
    ids=["written", "touched", "closed to others", "replaced"],
)
def test_a_small_file_that_was_changed_is_opened_again(
    web: Shared, root: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever way."""
    names = opened(monkeypatch)
    before = [web.get("hello.txt") for _ in range(3)][-1]  # by then without being asked
    change(root / "hello.txt")
    after = web.get("hello.txt")
    assert (before.body, after.body) == (HELLO, (root / "hello.txt").read_bytes())
    assert names == [b"hello.txt", b"hello.txt"]


def test_what_is_gone_or_a_link_is_not_shown_from_memory(web: Shared, root: Path) -> None:
    """It could lead anywhere."""
    for _ in range(3):
        web.get("hello.txt")
    (root / "hello.txt").unlink()
    assert web.get("hello.txt").code == 404
    (root / "hello.txt").symlink_to("large.bin")
    assert web.get("hello.txt").code == 403


def test_a_small_file_that_is_asked_for_again_is_not_even_looked_up(
    web: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent, and logged and counted as ever."""
    first, _ = web.get("hello.txt"), web.get("hello.txt")
    monkeypatch.setattr(web.resource, "render_GET", None)
    with capturedLogs() as events:
        assert web.get("hello.txt") == first
    (line,) = [formatEvent(event) for event in events]
    assert line.startswith("web: sent 'hello.txt' to '192.0.2.1:40000': 13 bytes in")


def test_a_digest_that_is_known_by_now_is_told(web: Shared) -> None:
    """Also to who asked before."""
    before = [web.get("hello.txt") for _ in range(3)][-1]
    assert "repr-digest" not in before.headers
    web.get("hello.txt", Want_Repr_Digest="sha-256=10")
    after = [web.get("hello.txt").headers["repr-digest"] for _ in range(3)]
    assert after == [render_digest(hashlib.sha256(HELLO).hexdigest()).decode()] * 3


def test_who_asks_again_is_one_of_those_that_are_served_at_one_time(
    web: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While all places are taken, there is none."""
    for _ in range(3):
        assert web.get("hello.txt").code == 200
    with web.resource.one_of("transfers"):
        monkeypatch.setitem(web.resource._free, "transfers", 0)
        assert web.get("hello.txt").code == 503
    assert web.get("hello.txt").code == 200


def test_a_file_that_was_just_written_is_opened_each_time(
    web: Shared, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may change again within a tick of the file system's clock, and show nothing of it."""
    names = opened(monkeypatch)
    (root / "hello.txt").write_bytes(b"new")
    soon = time.time() + 3600
    os.utime(root / "hello.txt", (soon, soon))
    web.resource.digests = Digests(at_once, now=lambda: soon)
    assert [web.get("hello.txt").body for _ in range(2)] == [b"new", b"new"]
    assert names == [b"hello.txt", b"hello.txt"]


def test_a_small_file_that_cannot_be_read_is_an_error_each_time(
    web: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is well again when the disk is."""

    def fails(self: OpenFile, offset: int, count: int) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(OpenFile, "read", fails)
        assert [web.get("hello.txt").code for _ in range(2)] == [500, 500]
    assert web.get("hello.txt").body == HELLO


@pytest.mark.parametrize(
    ("path", "code", "why"),
    [
        ("nope", 404, "no such file"),
        ("nope/", 404, "no such file"),
        ("..%2fsecret", 403, "outside the shared folder"),
        ("../secret", 403, "outside the shared folder"),
        ("%2e%2e/secret", 403, "outside the shared folder"),
        ("%2e%2e/share-evil/x", 403, "outside the shared folder"),
        ("sub/../../secret", 403, "outside the shared folder"),
        ("..%5csecret", 404, "no such file"),
        ("..\\secret", 404, "no such file"),
        ("....//secret", 404, "no such file"),
        ("/etc/passwd", 403, "outside the shared folder"),
        ("%2Fetc%2Fpasswd", 403, "outside the shared folder"),
        ("hello.txt%00.png", 403, "not a regular file"),
        ("..%00", 403, "not a regular file"),
        ("link", 403, "a link; links are not followed"),
        ("out/passwd", 403, "a link; links are not followed"),
        ("proc/self/environ", 404, "no such file"),
        ("fifo", 403, "not a regular file"),
        ("hello.txt/", 404, "no such file"),
        (".hidden", 404, "no such file"),
        (".git/", 404, "no such file"),
        ("x" * 300, 403, "outside the shared folder"),
        ("CON", 404, "no such file"),
        ("hello.txt.", 404, "no such file"),
        ("hello.txt%20", 404, "no such file"),
        ("%ED%B2%80", 404, "no such file"),
        ("%E2%80%AEtxt.exe", 404, "no such file"),
        ("../?zip", 403, "outside the shared folder"),
        ("out/?zip", 403, "a link; links are not followed"),
        ("?after=../../etc/", 200, ""),
    ],
)
def test_there_is_no_way_out(web: Shared, root: Path, path: str, code: int, why: str) -> None:
    """R14: the answers of the line door, and not a byte from outside."""
    (root.parent / "secret").write_bytes(b"secret")
    (root.parent / "share-evil").mkdir()
    (root.parent / "share-evil" / "x").write_bytes(b"secret")
    (root / "link").symlink_to("/etc/passwd")
    (root / "out").symlink_to("/etc")
    (root / ".hidden").write_bytes(b"secret")
    os.mkfifo(root / "fifo")
    with capturedLogs() as events:
        answer = web.get(path)
    assert answer.code == code
    assert b"secret" not in answer.body
    assert b"root:" not in answer.body
    if why:
        assert answer.body == f"{code} {why}\n".encode()
        assert len(events) == 1


def test_a_folder_is_shown_as_a_page(web: Shared) -> None:
    """Folders first; names are text and lead to what they name."""
    answer = web.get("")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = answer.body.decode()
    assert re.findall('<a href="([^"?]*)">', page) == [
        "./sub/",
        "./caf%E9",
        "./empty",
        "./hello.txt",
        "./large.bin",
        "./page.html",
    ]
    assert "caf\\xe9" in page
    assert "600 KB" in page
    assert "2023-11-14 22:13" in page


def test_a_page_holds_no_script_and_no_markup_of_a_stranger(web: Shared, root: Path) -> None:
    """A name is whatever somebody called a file."""
    (root / "sub" / "<script>alert(1)<").write_bytes(b"")
    (root / "sub" / '" onclick="x').write_bytes(b"")
    (root / "sub" / "\x1b[31m\u202egnp.exe").write_bytes(b"")
    page = web.get("sub/").body.decode()
    assert "<script>" not in page
    assert page.count("<script ") == 1
    assert not re.search(r"onclick=\"|\x1b|\u202e", page)
    assert "&lt;script&gt;alert(1)&lt;" in page


def test_a_page_leads_back_up(web: Shared) -> None:
    """By links that are right wherever the shelf is mounted."""
    page = web.get("sub/deep/").body.decode()
    heading = '<h1><a href="./../../">files</a> / <a href="./../">sub</a> / deep</h1>'
    assert heading in page


def test_what_a_page_needs_is_there(web: Shared) -> None:
    """From here, and of the right type."""
    css, js = web.get("?css"), web.get("sub/?js")
    assert css.headers["content-type"].startswith("text/css")
    assert b"color-scheme: light dark" in css.body
    assert js.headers["content-type"].startswith("text/javascript")
    assert b"filter" in js.body


def test_a_folder_is_json_for_programs(web: Shared) -> None:
    """Every name can be asked for by its link."""
    entries = json.loads(web.get("?json").body)["entries"]
    assert entries[0] == {
        "name": "caf\\xe9",
        "kind": "file",
        "size": 5,
        "mtime": 1700000000,
        "href": "./caf%E9",
    }
    assert [entry["name"] for entry in entries if entry["kind"] == "folder"] == ["sub"]


def test_a_long_folder_comes_in_pages(web: Shared, root: Path) -> None:
    """Each leads to the next, and no name is left out."""
    for number in range(2100):
        (root / "sub" / "deep" / f"{number:04}&").touch()
    names, path = [], "sub/deep/?json"
    while path:
        found = json.loads(web.get(path).body)
        names += [entry["name"] for entry in found["entries"]]
        path = f"sub/deep/{found['next']}" if found["next"] else ""
    assert names == [*(f"{number:04}&" for number in range(2100)), "naïve 猫.txt"]
    page = web.get("sub/deep/").body.decode()
    assert '<a href="?after=sub%2Fdeep%2F0999%26">more</a>' in page


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/files", "./files/"),
        ("/files?zip", "./files/?zip"),
        ("/files/sub", "./sub/"),
        ("/files/sub?zip", "./sub/?zip"),
        ("/files/sub/deep", "./deep/"),
    ],
)
def test_a_folder_without_its_slash_is_led_to_it(web: Shared, path: str, where: str) -> None:
    """Its links would lead elsewhere otherwise; and never to another server."""
    answer = web.ask(path)
    assert (answer.code, answer.headers["location"]) == (301, where)


def unzipped(content: bytes) -> dict[str, bytes]:
    """Return what is in a zip file, once it is known to be sound."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_a_folder_comes_as_a_zip_file(web: Shared) -> None:
    """Under its own name, with all that is below it."""
    answer = web.get("sub/?zip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="sub.zip"'
    assert unzipped(answer.body) == {
        "sub/deep/": b"",
        "sub/deep/naïve 猫.txt": b"cat",
        "sub/in side & <out>.txt": b"inner",
    }
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.infolist()[1].date_time == (2023, 11, 14, 22, 13, 20)


def test_the_whole_shelf_comes_as_a_zip_file(web: Shared, root: Path) -> None:
    """Names that are not UTF-8 too, as far as zip can say them; two of one name are kept apart."""
    (root / "caf%E9").write_bytes(b"percent")
    files = unzipped(web.get("?zip").body)
    assert files["files/large.bin"] == NOISE
    assert files["files/empty"] == b""
    assert {files["files/caf%E9"], files["_files/caf%E9"]} == {b"latin", b"percent"}


def test_no_name_in_a_zip_file_leads_out_of_it(web: Shared, root: Path) -> None:
    """Not even where a backslash stands between folders."""
    (root / "sub" / "x\\..\\..\\evil").write_bytes(b"evil")
    files = unzipped(web.get("sub/?zip").body)
    assert files["sub/x%5C..%5C..%5Cevil"] == b"evil"
    assert not any("\\" in name for name in files)


def test_a_zip_file_is_never_whole_in_memory(root: Path) -> None:
    """However large the folder is: one piece waits for the client."""
    for number in range(8):
        (root / f"more{number}").write_bytes(NOISE)
    web = Shared(root)
    _, wire = web.begin("?zip")
    assert 0 < wire.waiting < 2 * COPIED
    most = 0
    while wire.read():
        most = max(most, wire.waiting)
    assert most < 2 * COPIED
    (answer,) = answers(wire.got)
    assert len(unzipped(answer.body)) > 8


def test_too_many_entries_are_refused_before_a_zip_file_begins(
    web: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of each is kept until the end."""
    monkeypatch.setattr("twisted_net.files.http.archive.MOST_ENTRIES", 5)
    answer = web.get("?zip")
    assert (answer.code, answer.body) == (413, b"413 a zip may hold 5 files and folders\n")
    assert MOST_ENTRIES == 10_000


@pytest.mark.parametrize("spoil", ["shorter", "changed", "gone"])
def test_a_zip_file_whose_folder_changes_is_cut_off(web: Shared, root: Path, spoil: str) -> None:
    """A file left out would be a silent loss."""
    _protocol, wire = web.begin("?zip")
    wire.read()
    target = root / "sub" / "in side & <out>.txt"
    if spoil == "gone":
        target.unlink()
    else:
        target.write_bytes(b"in" if spoil == "shorter" else b"INNER+")
    wire.read_all()
    assert wire.aborted
    assert web.refusals == {"transfer_stopped": 1}


@pytest.mark.parametrize("spoil", [b"", NOISE[:300_000], NOISE[::-1], NOISE + b"more"])
def test_a_file_that_changes_while_it_is_sent_ends_in_a_reset(
    web: Shared, root: Path, spoil: bytes
) -> None:
    """And the client lacks its end: it can neither think that it has all, nor keep a mixture."""
    _protocol, wire = web.begin("large.bin")
    wire.read()
    (root / "large.bin").write_bytes(spoil)
    wire.read_all()
    assert wire.aborted
    head, _, body = wire.got.partition(b"\r\n\r\n")
    assert b"Content-Length: 600000" in head
    assert len(body) < 600_000
    assert web.refusals == {"transfer_stopped": 1}


def test_a_small_file_that_changes_in_that_moment_is_an_error(
    web: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing had been said yet."""
    monkeypatch.setattr(OpenFile, "changed", lambda _: True)
    answer = web.get("hello.txt")
    assert (answer.code, answer.body) == (500, b"500 the file changed\n")
    assert "etag" not in answer.headers


def test_a_disk_that_fails_is_an_error_or_a_reset(
    web: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a short file."""

    def broken(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(OpenFile, "read", broken)
    assert web.get("hello.txt").body == b"500 cannot read: input/output error\n"
    _, wire = web.begin("large.bin")
    assert wire.aborted
    _, wire = web.begin("?zip")
    assert wire.aborted


def test_a_slow_reader_costs_one_piece(web: Shared) -> None:
    """R5: however large the file is, and however often it asks."""
    protocol, wire = web.connect()
    protocol.dataReceived(request("/files/large.bin") * 20)
    assert wire.waiting < COPIED + 2000
    most = 0
    while wire.read():
        most = max(most, wire.waiting)
    assert most < 2 * COPIED
    assert [answer.body == NOISE for answer in answers(wire.got)] == [True] * 20


def test_a_connection_is_kept_between_small_and_large_files(web: Shared) -> None:
    """The channel takes its place as the transport's producer again."""
    protocol, wire = web.connect()
    for path in ("large.bin", "hello.txt", "?zip", "large.bin", "nope", "hello.txt"):
        protocol.dataReceived(request(f"/files/{path}"))
    codes = [answer.code for answer in answers(wire.read_all())]
    assert codes == [200, 200, 200, 200, 404, 200]
    assert wire.producer is not None
    assert not wire.disconnecting


@pytest.mark.parametrize("path", ["large.bin", "?zip"])
def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(root: Path, path: str) -> None:
    """One line in the log, and its place is free."""
    web = Shared(root, transfers=1, archives=1)
    protocol, wire = web.begin(path)
    wire.read()
    assert web.get(path).code == 503
    lose(protocol, wire)
    assert web.refusals == {"refused_503": 1, "transfer_stopped": 1}
    assert web.get(path).code == 200


def test_a_half_close_gets_its_file(web: Shared) -> None:
    """``printf ... | nc -N``."""
    protocol, wire = web.begin("large.bin")
    protocol.readConnectionLost()
    assert answers(wire.read_all())[0].body == NOISE
    assert wire.disconnecting


def test_a_stopping_server_finishes_its_file(web: Shared) -> None:
    """R9: all bytes, then the close."""
    protocol, wire = web.begin("large.bin")
    wire.read()
    protocol.drain()
    assert answers(wire.read_all())[0].body == NOISE
    assert wire.disconnecting


def test_an_old_client_gets_its_file_and_a_close(web: Shared) -> None:
    """HTTP/1.0 has no chunks and keeps no connections."""
    protocol, wire = web.connect()
    protocol.dataReceived(request("/files/sub/?zip", version="1.0"))
    head, _, body = wire.read_all().partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert "sub/deep/" in unzipped(body)
    assert wire.disconnecting


@pytest.mark.parametrize("method", ["POST", "DELETE", "PROPFIND", "OPTIONS"])
def test_nothing_but_reading_is_allowed(web: Shared, method: str) -> None:
    """And the answer says what is."""
    answer = web.ask("/files/hello.txt", method)
    assert (answer.code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_page_that_is_shared_may_not_run_scripts_here(web: Shared) -> None:
    """It would be of one origin with every other page of this server."""
    assert web.get("page.html").headers["content-security-policy"].startswith("sandbox;")
    assert web.get("hello.txt").headers["content-security-policy"].startswith("default-src 'self'")
    assert web.get("page.html").headers["x-content-type-options"] == "nosniff"


def test_a_download_has_its_name_in_any_script(web: Shared) -> None:
    """For whoever would rather save than look."""
    field = web.get("sub/deep/na%C3%AFve%20%E7%8C%AB.txt?download").headers["content-disposition"]
    assert field == (
        "attachment; filename=\"na_ve _.txt\"; filename*=UTF-8''na%C3%AFve%20%E7%8C%AB.txt"
    )


def test_the_log_tells_of_each_file(web: Shared) -> None:
    """Once, with its rate; and of what was refused."""
    with capturedLogs() as events:
        web.get("hello.txt")
        web.get("large.bin", Range="bytes=100000-")
        web.get("a%0Ab")
    lines = [formatEvent(event) for event in events]
    assert lines == [
        "web: sent 'hello.txt' to '192.0.2.1:40000': 13 bytes in 0.00 s, 13.0 MB/s",
        "web: sent 'large.bin' to '192.0.2.1:40000': 500000 bytes in 0.00 s, 500 GB/s",
        "web: refused 'a\\nb' for '192.0.2.1:40000': 404 no such file",
    ]


class Made(Shelf):
    """Content on the fly: of a size that is known, or not."""

    def open(self, name: bytes, peer: str = "") -> Source:
        """Make it, for whoever asks."""
        content = Content(name, b"for " + peer.encode() + b" " * 100_000)
        if name == b"endless":
            content.size = None
        elif name != b"known":
            raise RefusedError(404, "no such file")
        return content


def test_content_made_on_the_fly_is_sent(tmp_path: Path) -> None:
    """In chunks where nobody knows how long it will be; and it depends on who asks."""
    web = Shared(Made())
    known, endless = web.get("known"), web.get("endless")
    assert known.body == endless.body == b"for 192.0.2.1" + b" " * 100_000
    assert "etag" not in known.headers
    assert endless.headers["transfer-encoding"] == "chunked"
    assert "accept-ranges" not in endless.headers
    assert web.get("known", Range="bytes=4-6").body == b"192"
    assert web.get("endless", Range="bytes=4-6").code == 200
    assert web.get("nothing").code == 404


def test_the_digest_of_content_made_on_the_fly_is_made_in_turns() -> None:
    """What is Python need not be safe in a thread."""
    web = Shared(Made())
    _, wire = web.begin("known?sha256")
    assert wire.value() == b""
    web.clock.pump([0.0] * 5)
    content = b"for 192.0.2.1" + b" " * 100_000
    assert answers(wire.value())[0].body == hashlib.sha256(content).hexdigest().encode() + b"\n"

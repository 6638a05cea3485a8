"""The pages in a real browser: a person enters, talks, looks at files, and is tricked by nobody."""

import json
import re
import signal
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.blackbox.browsing import Browser, Page, find
from tests.blackbox.conftest import Bench, unused_port
from tests.blackbox.test_chat_store import member

pytestmark = pytest.mark.slow  # a browser starts; `make test-slow` runs them

Start = Callable[..., Bench]

HOSTILE = (
    "<img src=x onerror=window.hurt=1>",
    "<script>window.hurt=1</script>",
    "javascript:window.hurt=1",
    "</li></ol><h1>hurt</h1>",
    "${window.hurt=1} {{7*7}} &lt;b&gt;",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Start a browser for all tests here."""
    started = Browser(find(), tmp_path_factory.mktemp("profile"))
    yield started
    started.ends()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a tab; nothing in it may have gone wrong, or been forbidden."""
    with browser.page() as opened:
        yield opened
        assert not opened.complaints


def enter(page: Page, server: Bench, name: str) -> None:
    """Go from the top to the chat, and take a name."""
    page.opens(f"http://127.0.0.1:{server.port('web')}/")
    page.clicks("a[href='/chat/']")
    page.waits("document.activeElement?.name === 'name'")
    page.types(name)
    page.waits("document.querySelector('#room').textContent === 'lobby'")
    page.reads(name)


def says(page: Page, text: str) -> None:
    """Say something."""
    page.clicks("#say input")
    page.types(text)


def test_a_person_enters_and_talks_with_who_has_nc(page: Page, bench: Start) -> None:
    """Both ways, in two rooms, and in private."""
    server = bench()
    with member(server, "NICK blue", "before you came") as blue:
        blue.hears("OK JOIN lobby .*")
        enter(page, server, "red")
        blue.hears("JOINED lobby red")
        page.reads("before you came")
        says(page, "hello nc")
        blue.hears("SAID lobby red hello nc")
        page.reads("hello nc")
        page.sees("getSelection().selectAllChildren(document.querySelector('#log li'))")
        selected = page.sees("getSelection().toString()")
        assert selected
        blue.says("hello browser")
        page.reads("hello browser")
        assert page.sees("getSelection().toString()") == selected
        says(page, "/msg blue psst")
        blue.hears("TOLD red psst")
        says(page, "/me waves")
        blue.hears("ACTED lobby red waves")
        says(page, "/msg nobody lost?")
        page.reads("nobody is called 'nobody'")
        page.waits("document.querySelector('#say input').value === '/msg nobody lost?'")
        page.complains("404")
        page.clicks("#join input")
        page.types("den")
        page.waits("document.querySelector('#room').textContent === 'den'")
        blue.says("JOIN den", "TELL red in private", "in the den")
        page.reads("in the den")
        page.clicks("#leave")
        blue.hears("LEFT red quit")
        page.waits("!document.querySelector('#enter').hidden")


def test_nothing_that_others_say_is_markup(page: Page, bench: Start) -> None:
    """Not their words, topics or reasons; it can be read as it was written."""
    server = bench()
    with member(server, "NICK blue") as blue:
        blue.hears("OK JOIN lobby .*")
        enter(page, server, "red")
        blue.hears("JOINED lobby red")
        for text in HOSTILE:
            blue.says(
                f"SAY lobby {text}", f"TELL red {text}", f"TOPIC lobby {text}", f"AWAY {text}"
            )
            page.waits(f"document.querySelector('#topic').textContent === {json.dumps(text)}")
            page.reads(text)
        blue.says(f"PART lobby {HOSTILE[0]}", "JOIN lobby", "last words")
        page.reads("last words")
        assert page.sees("window.hurt === undefined")
        assert (
            page.sees("document.querySelectorAll('#log img, #log script, #log a, h1').length") == 1
        )


def test_a_small_screen_shows_the_last_line_and_where_the_next_one_goes(
    page: Page, bench: Start
) -> None:
    """A telephone's; the rooms are there, too."""
    server = bench()
    page.small()
    enter(page, server, "red")
    for n in range(50):
        says(page, f"line {n}")
    page.reads("line 49")
    page.waits(
        "['#log li:last-child', '#say input', '#rooms button'].every((each) => {"
        " const box = document.querySelector(each).getBoundingClientRect();"
        " return box.height && box.top >= 0 && box.bottom <= innerHeight; })"
    )


def test_a_page_goes_on_when_its_server_was_started_anew(
    browser: Browser, bench: Start, tmp_path: Path
) -> None:
    """By itself, under its name, in its rooms, in each tab; and with what was said before."""
    options = [f"--web=tcp:{unused_port()}", "--chat-store", str(tmp_path / "chat.db")]
    server = bench(*options)
    with browser.page() as page, browser.page(again=True) as other:
        enter(page, server, "red")
        page.clicks("#join input")
        page.types("den")
        page.waits("document.querySelector('#room').textContent === 'den'")
        says(page, "before")
        page.waits("document.querySelector('#log').innerText.includes('before')")
        other.opens(f"http://127.0.0.1:{server.port('web')}/chat/")
        other.clicks("#rooms li:nth-child(2) button")
        other.waits("document.querySelector('#log').innerText.includes('before')")
        server.stop(signal.SIGTERM)
        page.reads("connection lost")
        other.reads("connection lost")
        server = bench(*options)
        with member(server, "NICK blue", "JOIN den") as blue:
            for each in (page, other):
                each.waits("document.querySelector('#members').innerText.includes('blue')")
                each.waits("document.querySelector('#status').textContent === ''")
            blue.says("welcome back")
            page.reads("welcome back")
            other.reads("welcome back")
            says(page, "after")
            blue.hears("SAID den red after")
            page.waits("document.querySelector('#log').innerText.match(/before[^]*after/)")
        for each in (page, other):
            others = [why for why in each.complaints if not re.search("net::ERR|401|409", why)]
            assert not others


HELLO = """new Promise((done) => {
  const socket = new WebSocket("ws://127.0.0.1:%d/irc", ["text.ircv3.net"]);
  socket.onopen = () => { socket.send("NICK red"); socket.send("USER red 0 * :Red"); };
  socket.onmessage = ({ data }) => {
    if (data.includes(" 001 ")) socket.send("QUIT");
    if (data.startsWith("ERROR")) socket.last = data;
  };
  socket.onclose = ({ code }) => done([socket.protocol, code, socket.last]);
})"""

WELCOME = ["text.ircv3.net", 1000, "ERROR :Closing link: 127.0.0.1 (Quit)"]


class Empty(BaseHTTPRequestHandler):
    """Show an empty page."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def other() -> Iterator[str]:
    """Return the origin of another server, whose pages may do what they like."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_scripts_of_ours_and_of_friends_speak_irc_and_no_others(
    page: Page, bench: Start, other: str
) -> None:
    """The browser itself says where a page is from (R24)."""
    server, friend = bench(), bench("--irc-web-origins", other)
    port = server.port("web")
    page.opens(f"http://127.0.0.1:{port}/")
    assert page.sees(HELLO % port) == WELCOME
    page.opens(f"{other}/")
    assert page.sees(HELLO % friend.port("web")) == WELCOME
    assert not page.complaints
    assert page.sees(HELLO % port)[:2] == ["", 1006]
    page.complains("403")


def test_a_folder_is_looked_at_and_files_are_sent_into_it(
    page: Page, bench: Start, tmp_path: Path
) -> None:
    """Sorted and filtered; names are names, a download is whole, a refusal says why."""
    root, mine = tmp_path / "root", tmp_path / "mine"
    for folder in (root, root / "sub", mine):
        folder.mkdir()
    names = [name.replace("/", "_") for name in HOSTILE] + ["a10.txt", "a9.txt", "100% #?.txt"]
    for name in names:
        (root / "sub" / name).write_text(name)
    large = mine / "large.bin"
    large.write_bytes(bytes(range(256)) * (1 << 14))
    other, hidden = mine / "caf\u00e9 #1%.txt", mine / ".hidden"
    other.write_text("coffee")
    hidden.write_text("no")
    server = bench("--files-root", str(root), "--files-write", "yes")
    page.opens(f"http://127.0.0.1:{server.port('web')}/")
    page.clicks("a[href='/files/']")
    page.reads("sub/")
    page.clicks("tbody a")
    page.reads("a9.txt")
    cells = "document.querySelectorAll('tbody tr:not([hidden]) td:first-child')"
    shown = f"[...{cells}].map((cell) => cell.innerText)"
    assert sorted(page.sees(shown)) == sorted(names)
    page.clicks("th button")
    assert page.sees(shown).index("a9.txt") < page.sees(shown).index("a10.txt")
    page.clicks("input[type=search]")
    page.types("a1", enter=False)
    page.waits(f"JSON.stringify({shown}) === '[\"a10.txt\"]'")
    assert page.sees("window.hurt === undefined && !document.querySelector('td img, td script')")
    page.chooses("input[type=file]", large, other)
    page.reads("large.bin")
    page.waits(f"{shown}.includes('caf\u00e9 #1%.txt')")
    assert (root / "sub" / large.name).read_bytes() == large.read_bytes()
    assert (root / "sub" / other.name).read_text() == "coffee"
    size = "fetch('large.bin').then(got => got.arrayBuffer()).then(got => got.byteLength)"
    assert page.sees(size) == large.stat().st_size
    assert not page.complaints
    page.chooses("input[type=file]", other, hidden)
    page.reads("exists, and may not be overwritten")
    page.reads(".hidden: 4")
    page.complains("caf%C3%A9")
    page.complains(".hidden")

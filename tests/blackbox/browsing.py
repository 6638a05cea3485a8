"""A real browser, driven as a person would: clicks, types and looks (Chrome DevTools protocol)."""

import json
import os
import re
import shutil
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.conftest import PATIENCE, Bench
from tests.net.websocket.clients import Client, asking

#: What a Chromium is called; the first can only be driven, and is the smallest.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")

_OPTIONS = (
    "--headless",
    "--no-sandbox",  # tests may be root's
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-port=0",
)


class Page:
    """One tab.

    :ivar complaints: what its console said of errors, and of what the page's rules forbade.
    """

    def __init__(self, url: str) -> None:
        host, port, path = re.fullmatch(r"ws://([^:/]+):(\d+)(/.*)", url).groups()  # type: ignore[union-attr]
        self.complaints: list[str] = []
        self._client = Client()
        self._socket = socket.create_connection((host, int(port)), PATIENCE)
        self._socket.sendall(asking(path, Host=f"{host}:{port}"))
        self._answers: dict[int, Any] = {}
        self._asked = 0
        while not self._client.head:
            self._take(self._socket.recv(65536))
        for domain in ("Runtime", "Log", "Page"):
            self.asks(f"{domain}.enable")

    def asks(self, method: str, **params: Any) -> Any:
        """Ask for something; return the answer."""
        self._asked += 1
        ask = {"id": self._asked, "method": method, "params": params}
        self._socket.sendall(self._client.says(json.dumps(ask)))
        while self._asked not in self._answers:
            self._take(self._socket.recv(1 << 20))
        answer = self._answers.pop(self._asked)
        assert "error" not in answer, answer
        return answer["result"]

    def opens(self, url: str) -> None:
        """Go somewhere."""
        self.asks("Page.navigate", url=url)
        self.waits("document.readyState === 'complete'")

    def sees(self, script: str) -> Any:
        """Return what an expression is."""
        answer = self.asks(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def waits(self, script: str) -> None:
        """Wait until an expression is true; while a page changes it may not even be one."""
        over = time.monotonic() + PATIENCE
        while True:
            answer = self.asks(
                "Runtime.evaluate", expression=f"Boolean({script})", returnByValue=True
            )
            if answer["result"].get("value") is True:
                return
            assert time.monotonic() < over, f"never {script}; it shows {self.text()}"
            time.sleep(0.05)

    def text(self) -> str:
        """Return all that can be read."""
        return str(self.sees("document.body.innerText"))

    def reads(self, text: str) -> None:
        """Wait until this can be read."""
        self.waits(f"document.body.innerText.includes({json.dumps(text)})")

    def complains(self, of: str) -> None:
        """Wait until its console has said something of this, as is right here; forget that."""
        over = time.monotonic() + PATIENCE
        while not any(of in each for each in self.complaints):
            assert time.monotonic() < over, f"no {of!r} in {self.complaints}"
            self.sees("1")
            time.sleep(0.05)
        self.complaints = [each for each in self.complaints if of not in each]

    def clicks(self, selector: str) -> None:
        """Click in the middle of something, whatever lies there."""
        one = f"document.querySelector({json.dumps(selector)})"
        self.waits(f"{one}?.getClientRects().length")
        x, y = self.sees(
            f"(() => {{ const one = {one}; one.scrollIntoView({{block: 'nearest'}});"
            " const box = one.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.asks("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def types(self, text: str, enter: bool = True) -> None:
        """Type something where the cursor is, and press Enter."""
        self.asks("Input.insertText", text=text)
        if enter:
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
            self.asks("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
            self.asks("Input.dispatchKeyEvent", type="keyUp", **key)

    def chooses(self, selector: str, *files: Path) -> None:
        """Choose files."""
        root = self.asks("DOM.getDocument")["root"]["nodeId"]
        node = self.asks("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.asks("DOM.setFileInputFiles", nodeId=node, files=[str(each) for each in files])

    def small(self) -> None:
        """Be as small as a telephone."""
        size = {"width": 360, "height": 640, "deviceScaleFactor": 1, "mobile": True}
        self.asks("Emulation.setDeviceMetricsOverride", **size)

    def closes(self) -> None:
        """Close the tab."""
        try:
            self.asks("Page.close")
        finally:
            self._socket.close()

    def _take(self, data: bytes) -> None:
        assert data, "the browser is gone"
        messages, answer = self._client.hears(data)
        self._socket.sendall(answer)
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
                continue
            params = message["params"]
            if message["method"] == "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            elif message["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url')}")


class Browser:
    """A running browser.

    :param folder: where it keeps what it keeps.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self._bench = Bench(
            [program, *_OPTIONS, f"--user-data-dir={folder}", "about:blank"], start_new_session=True
        )
        try:
            found = self._bench.wait_for(r"DevTools listening on ws://([^/]+)/", 3 * PATIENCE)
        except AssertionError:
            code = self._bench.process.poll()
            self.ends()
            if code is None:
                raise
            pytest.skip(f"{program} does not start here (exit code {code})")
        self._address = found[1]

    @contextmanager
    def page(self, again: bool = False) -> Iterator[Page]:
        """Open a tab.

        :param again: whether it is of the same person as the one before: cookies are shared.
        """
        ask = urllib.request.Request(f"http://{self._address}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(ask, timeout=PATIENCE) as answer:  # noqa: S310
            page = Page(json.load(answer)["webSocketDebuggerUrl"])
        if not again:
            page.asks("Network.clearBrowserCookies")
        try:
            yield page
        finally:
            page.closes()

    def ends(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            os.killpg(self._bench.process.pid, signal.SIGKILL)  # it is many processes
        self._bench.wait()


def find() -> str:
    """Return the path of a browser that can be driven, or skip the test."""
    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip("no Chromium is installed (package chromium-headless-shell)")

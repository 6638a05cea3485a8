"""iptux, the LAN messenger of Debian, beside the server on a network of two machines."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, Bench, free_ports, peer, run
from tests.blackbox.talkers import Talker

pytestmark = pytest.mark.slow  # it starts a display, and a program with windows

#: The server's end of a cable. It has no way out, as on a network without a router.
NEAR = (
    "ip link add near type veth peer name far",
    "ip link set lo up",
    "ip addr add 10.77.0.1/24 brd + dev near",
    "ip link set near up",
)

#: The other end: it is taken from the server's network into this one, which is open as 9.
FAR = (
    "exec 9</proc/self/ns/net",
    'nsenter --net="/proc/$0/ns/net" ip link set far netns /proc/self/fd/9',
    "ip link set lo up",
    "ip addr add 10.77.0.2/24 brd + dev far",
    "ip link set far up",
)


class Machines:
    """Two machines on one cable: one has the server, the other one iptux on a display."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Bench] = []
        display = ["-displayfd", "1", "-screen", "0", "1024x768x16", "-nolisten", "tcp"]
        script = " && ".join((*NEAR, "echo ready", "exec sleep infinity"))
        try:
            self._screen = ":" + self._start("Xvfb", *display).wait_for(r"^(\d+)$")[1]
            self._near = self._start("unshare", "--net", "sh", "-c", script)
            self._near.wait_for("ready")
        except AssertionError:
            self.end()
            raise

    def inside(self, *words: str) -> list[str]:
        """Return a command as it runs on the server's machine."""
        return ["nsenter", f"--net=/proc/{self._near.process.pid}/ns/net", *words]

    def server(self) -> Bench:
        """Start the server, with the messenger's door on all addresses."""
        twistd = [str(BIN / "twistd"), "-n", "--pidfile=", "netdemo", *free_ports()]
        door = ["--ipmsg=udp:2425:interface=0.0.0.0", "--ipmsg-room=lobby"]
        made = self._start(*self.inside(*twistd, *door))
        made.wait_for("netdemo is listening")
        return made

    def iptux(self) -> Bench:
        """Start iptux; all that it starts ends with it, for its processes are a world of theirs."""
        home = self._folder / "home"
        home.mkdir(mode=0o700)
        own = [f"HOME={home}", f"XDG_RUNTIME_DIR={home}", f"DISPLAY={self._screen}"]
        own += ["LC_ALL=C.UTF-8", "NO_AT_BRIDGE=1"]
        script = " && ".join((*FAR, 'exec "$@"'))
        world = ["unshare", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", script]
        words = ["env", *own, "dbus-run-session", "--", "iptux", "--log=DEBUG"]
        made = self._start(*world, str(self._near.process.pid), *words)
        made.wait_for("send udp message to 10.77.0.255:2425")
        return made

    def types(self, window: str, *actions: str) -> None:
        """Do something with the mouse and the keyboard in a window, as soon as it is there."""
        search = ["search", "--sync", "--onlyvisible", "--name", window, "windowfocus"]
        done = run("env", f"DISPLAY={self._screen}", "xdotool", *search, *actions)
        assert done.returncode == 0, done

    def end(self) -> None:
        """End everything."""
        for each in reversed(self._started):
            each.process.kill()
            each.wait()

    def _start(self, *words: str) -> Bench:
        self._started.append(Bench([*words]))
        return self._started[-1]


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """Make two machines; not without root, for a network is made for them."""
    programs = {
        "iptux": "iptux", "Xvfb": "xvfb", "dbus-run-session": "dbus-daemon", "xdotool": "xdotool",
        "unshare": "util-linux", "nsenter": "util-linux", "ip": "iproute2",
    }  # fmt: skip
    for program, package in programs.items():
        peer(program, package)
    if os.geteuid() or run("unshare", "--net", "--pid", "--fork", "ip", "link").returncode:
        pytest.skip("making networks needs root")
    made = Machines(tmp_path)
    yield made
    made.end()


def test_iptux_and_the_chat_see_and_hear_each_other(
    machines: Machines, talker: Callable[..., Talker]
) -> None:
    """Both notice who is there, each acknowledges what the other says, and who goes is missed."""
    from_server = r"received udp message from 10\.77\.0\.1:2425.*\n"
    server = machines.server()
    port = str(server.port("chat-tcp"))
    red = talker(*machines.inside(peer("nc", "netcat-openbsd"), "-N", "127.0.0.1", port))
    red.says("NICK red")
    red.hears("OK NICK red")
    iptux = machines.iptux()
    red.hears("JOINED lobby root@ipmsg")
    iptux.wait_for(from_server + r".*:netdemo:.*\n.* ANSENTRY")
    red.says("hello")
    iptux.wait_for(from_server + r".*:red: hello.*\n.* SENDMSG")

    # Its window opens by a double click on who is there, and says something with Ctrl-Return.
    machines.types("^Iptux$", "mousemove", "80", "110", "click", "--repeat", "2", "1")
    machines.types("^Talk with netdemo", "type", "--delay", "30", "hello to you")
    machines.types("^Talk with netdemo", "key", "ctrl+Return")
    red.hears("SAID lobby root@ipmsg hello to you")
    iptux.wait_for(from_server + r".*\n.* RECVMSG")

    # The server goes, and another one comes.
    assert red.ends() == (0, "")
    server.stop()
    iptux.wait_for(from_server + r".*\n.* BR_EXIT")
    assert "undelivered" not in server.text, "it acknowledged what it was told"
    assert "Traceback" not in server.text
    machines.server()
    iptux.wait_for(from_server + r".*:netdemo:.*\n.* BR_ENTRY")

"""Who uses the server in a soak: threads with dice of their own, doing one thing after another."""

import hashlib
import random
import socket
import subprocess
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.blackbox.conftest import BIN
from tests.blackbox.safety.soak.faults import BAD_CUTS, cut, dice, end
from twisted_net.files.codec import quoted

#: Seconds that one step may take: then the server is stuck, and that is a failure.
PATIENCE = 120.0

#: Mean seconds between two steps of one user: the soak looks for growth, not for speed.
PAUSE = 0.05


@dataclass
class World:
    """What all users know.

    :ivar ports: of the server's doors, by name; those of datagram doors lead through bad links.
    :ivar files: name and SHA-256 of what can be fetched.
    :ivar done: what was done, how often.
    :ivar wrong: what should not have happened.
    """

    seed: int
    ports: dict[str, int]
    files: dict[str, str]
    folder: Path
    ended: threading.Event = field(default_factory=threading.Event)
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def connected(self, door: str) -> socket.socket:
        """Return a connection to a door."""
        return socket.create_connection(("127.0.0.1", self.ports[door]), PATIENCE)


Step = Callable[[World, random.Random], None]


def echo_stream(world: World, rolls: random.Random) -> None:
    """Send a stream in pieces; what comes back is the same."""
    data = rolls.randbytes(rolls.choice((1, 1000, 200_000)))
    with world.connected("echo-tcp") as connection:
        sending = threading.Thread(
            target=_send, args=(connection, data, rolls.random()), daemon=True
        )
        sending.start()
        wanted = len(data) if rolls.random() < 0.7 else rolls.randint(0, len(data))
        got = bytearray()
        while len(got) < wanted and (piece := connection.recv(min(65536, wanted - len(got)))):
            got += piece
        if got != data[:wanted]:
            world.wrong.append(f"echo: {len(got)} bytes of {wanted}, or others")
        end(connection, rolls)
        sending.join(PATIENCE)
        world.done["echoes"] += 1


def _send(connection: socket.socket, data: bytes, seed: float) -> None:
    try:
        for piece in cut(data, BAD_CUTS, dice(seed)):
            connection.sendall(piece)
    except OSError:
        pass  # it was ended meanwhile, on purpose


def echo_datagrams(world: World, rolls: random.Random) -> None:
    """Send some; what comes back was sent."""
    with socket.socket(type=socket.SOCK_DGRAM) as port:
        port.settimeout(0.2)
        sent = [rolls.randbytes(rolls.randint(0, 1400)) for _ in range(20)]
        for each in sent:
            port.sendto(each, ("127.0.0.1", world.ports["echo-udp"]))
        try:
            while True:
                if port.recv(65536) not in sent:
                    world.wrong.append("echo: a datagram that nobody sent")
        except TimeoutError:
            world.done["datagrams"] += len(sent)


def talk(world: World, rolls: random.Random) -> None:
    """Come into the chat, say something, hear it acknowledged, and leave in some way."""
    with world.connected("chat-tcp") as connection:
        lines = connection.makefile("rb")
        name = f"u{rolls.getrandbits(32):x}"
        words = [f"NICK {name}", "JOIN games", *(f"line {n}" for n in range(rolls.randint(0, 10)))]
        words += ["/nonsense", "WHO games", "PING over"]
        for piece in cut("".join(f"{each}\n" for each in words).encode(), BAD_CUTS, rolls):
            connection.sendall(piece)
        if rolls.random() < 0.8:
            for line in lines:
                if line == b"PONG over\n":
                    world.done["talks"] += 1
                    break
            else:
                world.wrong.append("chat: closed before it answered")
        lines.close()
        end(connection, rolls)


def talk_by_datagrams(world: World, rolls: random.Random) -> None:
    """Do so with our own client, over a bad link."""
    words = ["chat", "--udp", "--nick", f"d{rolls.getrandbits(32):x}", "--timeout=20"]
    server = ("-s", f"127.0.0.1:{world.ports['chat-udp']}")
    said = "".join(f"word {n}\n" for n in range(5)).encode()
    done = subprocess.run(
        [str(BIN / "netdemo"), *words, *server],
        input=said,
        capture_output=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    world.done["talks by datagrams" if done.returncode == 0 else "given up on a bad link"] += 1
    if b"Traceback" in done.stderr:
        world.wrong.append(f"chat client: {done.stderr.decode()}")
    world.ended.wait(2)


def fetch(world: World, rolls: random.Random) -> None:
    """Fetch a file over TCP, whole or not."""
    name = rolls.choice([*world.files])
    with world.connected("files-tcp") as connection:
        connection.sendall(b"GET %b\n" % quoted(name.encode()))
        answer = connection.makefile("rb")
        head = answer.readline().split()
        if head[:1] != [b"OK"]:
            world.wrong.append(f"GET: {head!r}")
        elif rolls.random() < 0.7:
            got = answer.read(int(head[1]))
            if hashlib.sha256(got).hexdigest() != world.files[name]:
                world.wrong.append(f"GET {name}: another digest")
            world.done["transfers"] += 1
        answer.close()
        end(connection, rolls)


def fetch_by_web(world: World, rolls: random.Random) -> None:
    """Fetch a part of a file from the web door, or a page, or what is not there."""
    name = rolls.choice([*world.files])
    path = rolls.choice(
        (f"/files/{name}", f"/files/{name}?sha256", "/files/", "/files/?zip", "/no")
    )
    ranged = rolls.choice(("", "Range: bytes=100-\r\n"))
    with world.connected("web") as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{ranged}Connection: close\r\n\r\n"
        for piece in cut(request.encode(), BAD_CUTS, rolls):
            connection.sendall(piece)
        if rolls.random() < 0.7:
            head = connection.recv(65536)
            if not head.startswith(b"HTTP/1.1 "):
                world.wrong.append(f"web: {head[:50]!r}")
            while connection.recv(1 << 20):
                pass
            world.done["transfers"] += 1
        end(connection, rolls)


def store(world: World, rolls: random.Random) -> None:
    """Put a file there, whole or not, over another or not."""
    data = rolls.randbytes(rolls.choice((0, 10, 100_000)))
    name = f"put{rolls.randrange(20)}"
    with world.connected("files-tcp") as connection:
        connection.sendall(f"PUT {name} {len(data)} {hashlib.sha256(data).hexdigest()}\n".encode())
        answer = connection.makefile("rb")
        if answer.readline() == b"OK send\n":
            whole = rolls.random() < 0.7
            connection.sendall(data if whole else data[: len(data) // 2])
            if whole and answer.readline() != b"OK stored\n":
                world.done["stores refused"] += 1  # somebody else was quicker
            world.done["transfers"] += whole
        answer.close()
        end(connection, rolls)


def fetch_by_tftp(world: World, rolls: random.Random) -> None:
    """Fetch a file with our own client, over a bad link; what comes whole is the same."""
    name = rolls.choice([*world.files])
    to = world.folder / f"tftp{rolls.getrandbits(32):x}"
    url = f"tftp://127.0.0.1:{world.ports['tftp']}/{name}"
    done = subprocess.run(
        [str(BIN / "netdemo"), "get", url, "-o", str(to), "--quiet", "--timeout=20"],
        capture_output=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    if b"Traceback" in done.stderr:
        world.wrong.append(f"get: {done.stderr.decode()}")
    if done.returncode == 0:
        if hashlib.sha256(to.read_bytes()).hexdigest() != world.files[name]:
            world.wrong.append(f"tftp {name}: another digest")
        world.done["transfers"] += 1
    else:
        world.done["given up on a bad link"] += 1
    to.unlink(missing_ok=True)
    world.ended.wait(2)


def linger(world: World, rolls: random.Random) -> None:
    """Connect, say half of something or nothing, stay for a while, and vanish."""
    doors = ("echo-tcp", "chat-tcp", "irc", "irc-legacy", "files-tcp", "web")
    door = rolls.choice([each for each in doors if each in world.ports])
    with world.connected(door) as connection:
        connection.sendall(
            rolls.choice(
                (b"", b"GE", b"NICK x", b"USER a 0 * :a\r\n", bytes(rolls.randrange(2000)))
            )
        )
        world.ended.wait(rolls.uniform(0, 2))
        end(connection, rolls)
        world.done["lingerers"] += 1


USERS: tuple[Step, ...] = (
    echo_stream,
    echo_datagrams,
    talk,
    talk,
    talk_by_datagrams,
    fetch,
    fetch_by_web,
    store,
    fetch_by_tftp,
    linger,
    linger,
)


def use(world: World, step: Step, number: int) -> None:
    """Do one thing after another, until the end."""
    rolls = dice(f"{world.seed} {step.__name__} {number}")
    while not world.ended.is_set():
        try:
            step(world, rolls)
        except ConnectionError:
            world.done["resets"] += 1
        except Exception:
            world.wrong.append(f"{step.__name__}: {traceback.format_exc(limit=-1)}")
        world.ended.wait(rolls.expovariate(1 / PAUSE))


def started(world: World) -> list[threading.Thread]:
    """Let all of them begin."""
    threads = [
        threading.Thread(target=use, args=(world, step, number), daemon=True)
        for number, step in enumerate(USERS)
    ]
    for each in threads:
        each.start()
    return threads


def stopped(world: World, threads: list[threading.Thread]) -> None:
    """Let them finish what they do."""
    world.ended.set()
    over = time.monotonic() + 5 * PATIENCE
    for each in threads:
        each.join(max(0.0, over - time.monotonic()))
        if each.is_alive():
            world.wrong.append(f"{each.name} is stuck")

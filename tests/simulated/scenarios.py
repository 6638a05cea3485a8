"""What is played on the network: each takes it, with whatever faults it has, and checks promises.

Tests run them under a few seeds, ``make simulate`` under thousands.
"""

import os
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Literal

from tests.simulated.bench import SERVER, dice, serving, together
from tests.simulated.chatters import Door, Member, Visit
from tests.simulated.fetching import Fetch, Fetcher, stored_or_failed, whole_or_failed
from tests.simulated.promises import chat_keeps_its_word
from twisted_net.chat.client.datagram import ANEW, RESUMED, SILENT
from twisted_net.chat.codec.messages import Announced
from twisted_net.testing import Chunking, Link, SimNetwork

#: A link that does to datagrams all that one can do.
STORM = Link(latency=0.02, loss=0.3, duplicate=0.05, reorder=0.1)

#: A link that does the same, but more gently.
GALE = Link(latency=0.02, loss=0.05, duplicate=0.05, reorder=0.1)

#: A link on which TCP gets through, and has to work for it.
ROUGH = Link(latency=0.02, jitter=0.01, loss=0.03, duplicate=0.02, reorder=0.05)

#: The same, and so slow that a file is on its way for some seconds.
NARROW = replace(ROUGH, bandwidth=100_000, queue=60_000)

#: Reads that return too little, and segments that stick together.
CUT = Chunking(split=0.5, merge=0.3)

#: What may befall a server.
Disaster = Literal["power_off", "kill", "stall", "cut"]

#: Disasters a second, of each kind and for each link.
RATE = 0.07

#: Virtual seconds within which disasters strike.
DISASTERS_UNTIL = 20.0

#: Virtual seconds within which members move: about as long as a conversation in a storm lasts.
MOVES_UNTIL = 60.0


@dataclass(frozen=True, slots=True)
class Chat:
    """Members in one room, some by lines and some by datagrams, each saying so many things.

    :ivar doors: by which door each comes.
    :ivar disasters: what befalls the server, and for ``cut`` its links: words of `chaos`.
    :ivar moves: how often each member on datagrams gets another address.
    """

    doors: tuple[Door, ...] = ("udp", "udp", "udp")
    texts: int = 10
    disasters: tuple[Disaster, ...] = ()
    moves: int = 0

    @property
    def _pause(self) -> float:
        return DISASTERS_UNTIL / self.texts if self.disasters else 0.0

    def __call__(self, net: SimNetwork) -> None:
        """Play it."""
        serving(net)
        members = [Member(net.host(f"c{n}"), door) for n, door in enumerate(self.doors)]
        if self.disasters:
            _befall(net, self.disasters, [member.name for member in members])
            self._look_out(net, [member.visits for member in members])
        if self.moves:
            self._move(net, members)
        net.run(self._conversation(net, members))
        chat_keeps_its_word(members)

    def _move(self, net: SimNetwork, members: list[Member]) -> None:
        when = Random(f"{net.seed}/moves")  # noqa: S311
        for member in members:
            for _ in range(self.moves):
                net.at(when.uniform(0.0, MOVES_UNTIL), member.move)
        net.sometimes("somebody moves", lambda: any(member.moves for member in members))

    def _look_out(self, net: SimNetwork, visits: list[list[Visit]]) -> None:
        if "tcp" in self.doors:
            net.sometimes("a session ends", lambda: any(v.ended for each in visits for v in each))
            net.sometimes("somebody comes again", lambda: any(len(each) > 1 for each in visits))
        if "udp" in self.doors:
            for notice in (SILENT, RESUMED, ANEW):
                net.sometimes(notice.text, partial(_told, visits, notice))

    async def _conversation(self, net: SimNetwork, members: list[Member]) -> None:
        await together(*(member.enter(tries=20) for member in members))
        await together(*(member.say(self.texts, self._pause) for member in members))
        if self.disasters:
            await net.sleep(max(0.0, DISASTERS_UNTIL - net.seconds()))
            net.heal()
        await together(*(member.answer_the_roll() for member in members))


@dataclass(frozen=True, slots=True)
class Files:
    """Several fetch files at one time.

    :ivar root: what is shared.
    :ivar by_line: what each fetches over lines; ``by_tftp``, over datagrams.
    :ivar disasters: what befalls the server, and for ``cut`` its links: words of `chaos`.
    :ivar must_work: whether the network is so good that a failure is one of ours.
    """

    root: Path
    by_line: tuple[tuple[str, ...], ...] = ()
    by_tftp: tuple[tuple[str, ...], ...] = ()
    disasters: tuple[Disaster, ...] = ()
    must_work: bool = False

    def __call__(self, net: SimNetwork) -> None:
        """Play it."""
        serving(net, files_root=str(self.root))
        with TemporaryDirectory() as folder:
            fetchers: list[Fetcher] = []
            work: list[Coroutine[Any, Any, None]] = []
            for names in self.by_line:
                fetchers.append(self._fetcher(net, len(fetchers), folder))
                work.append(fetchers[-1].by_line(*names))
            for names in self.by_tftp:
                fetchers.append(self._fetcher(net, len(fetchers), folder))
                work.append(fetchers[-1].by_tftp(*names))
            if self.disasters:
                _befall(net, self.disasters, [fetcher.host.name for fetcher in fetchers])
                net.sometimes("a fetch works", lambda: any(each.worked for each in _all(fetchers)))
                net.sometimes("a fetch fails", lambda: any(each.error for each in _all(fetchers)))
            net.run(together(*work))
            fetches = _all(fetchers)
            whole_or_failed(fetches)
            assert all(fetch.done for fetch in fetches)
            if self.must_work:
                failed = [str(fetch.error) for fetch in fetches if fetch.error is not None]
                assert not failed, failed

    @staticmethod
    def _fetcher(net: SimNetwork, number: int, folder: str) -> Fetcher:
        return Fetcher(net.host(f"c{number}"), Path(folder), patience=30.0)


#: What TFTP clients ask for: nothing, what boot loaders do, and what is fast.
_ASKED: tuple[dict[str, str], ...] = (
    {},
    {"tsize": "0", "blksize": "1428"},
    {"windowsize": "4", "tsize": "0"},
    {"windowsize": "16", "blksize": "1428"},
    {"windowsize": "64", "timeout": "1", "rollover": "1"},
)


#: The files that are small enough to be fetched ten thousand times.
_SMALL = ("empty", "note", "block", "page")


@dataclass(frozen=True, slots=True)
class Tftp:
    """Several fetch and send files over TFTP, each one after the other, with options as they fall.

    :ivar each: transfers of one client.
    :ivar disasters: what befalls the server, and for ``cut`` its links: words of `chaos`.
    """

    root: Path
    clients: int = 4
    each: int = 5
    disasters: tuple[Disaster, ...] = ()

    @property
    def transfers(self) -> int:
        """Transfers in all."""
        return self.clients * self.each

    def __call__(self, net: SimNetwork) -> None:
        """Play it."""
        with TemporaryDirectory() as shared, TemporaryDirectory() as folder:
            for file in self.root.iterdir():
                os.link(file, Path(shared) / file.name)
            serving(net, files_root=shared, tftp_write="yes", tftp_single_port=_either(net))
            fetchers = [
                Fetcher(net.host(f"c{n}"), Path(folder), 30.0, Path(shared))
                for n in range(self.clients)
            ]
            if self.disasters:
                _befall(net, self.disasters, [fetcher.host.name for fetcher in fetchers])
                net.sometimes("one works", lambda: any(one.worked for one in _all(fetchers)))
                net.sometimes("one fails", lambda: any(one.error for one in _all(fetchers)))
            net.run(together(*(self._transfers(fetcher) for fetcher in fetchers)))
            every = _all(fetchers)
            stored = [one for one in every if one.path.parent == Path(shared)]
            whole_or_failed([one for one in every if one not in stored])
            stored_or_failed(stored)
            assert all(one.done for one in every)

    async def _transfers(self, fetcher: Fetcher) -> None:
        roll = dice(fetcher.host)
        for _ in range(self.each):
            name, options = roll.choice(_SMALL), roll.choice(_ASKED)
            mode = roll.choice(("octet", "octet", "netascii"))
            way = fetcher.send_by_tftp if roll.random() < 0.25 else fetcher.by_tftp_with
            await way(name, options, mode)


def _either(net: SimNetwork) -> str:
    return "yes" if Random(f"{net.seed}/port").random() < 0.2 else "no"  # noqa: S311


def _told(visits: list[list[Visit]], notice: Announced) -> bool:
    return any(notice in visit.heard for each in visits for visit in each)


def _befall(net: SimNetwork, disasters: tuple[Disaster, ...], clients: list[str]) -> None:
    things: dict[str, Any] = {kind: [SERVER] for kind in disasters if kind != "cut"}
    if "cut" in disasters:
        things["cut"] = [(SERVER, client) for client in clients]
    net.chaos(**things, rate=RATE, until=DISASTERS_UNTIL)


def _all(fetchers: list[Fetcher]) -> list[Fetch]:
    return [fetch for fetcher in fetchers for fetch in fetcher.fetches]

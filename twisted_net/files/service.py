"""Files as a service: its settings, its two doors to one shelf, and a page of it."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from twisted.plugin import IPlugin
from zope.interface import implementer

from twisted_net.files.desk import Limits
from twisted_net.files.digests import Digests, aside_of
from twisted_net.files.doors import FileFactory
from twisted_net.files.http import ShelfResource
from twisted_net.files.journal import Journal
from twisted_net.files.store import Folder
from twisted_net.files.tftp.codec import LARGEST_BLKSIZE, SMALLEST_BLKSIZE
from twisted_net.files.tftp.core import Terms
from twisted_net.files.tftp.core.options import WIDEST, WINDOWSIZE
from twisted_net.files.tftp.doors import Policy, TftpDatagramProtocol
from twisted_net.files.uploads import Writes
from twisted_net.net import endpoints, pages
from twisted_net.net.errors import StartError
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.settings import YES_NO, Reading, seconds, setting, size, whole

#: What is shared unless a folder is named: small files of every kind, to try things out.
DEMO = str(Path(__file__).with_name("demo"))


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """How to share files."""

    tcp: str = setting(
        "tcp:7009", "Files over TCP listen here; empty closes it.", endpoints.reading("stream")
    )
    tftp: str = setting(
        "udp:7069",
        "Files over TFTP listen here; empty closes it.",
        endpoints.reading("datagram"),
        option="tftp",
    )
    http: bool = setting(True, "Show the files on the web door too, under /files/.", YES_NO)
    root: str = setting(
        "",
        "The folder to share; empty: a few files to try it with.",
        Reading("FOLDER", os.path.expanduser),  # no shell does it behind a "="
    )
    hidden: bool = setting(
        False, "Share also what has a dot at the beginning of its name, as .ssh.", YES_NO
    )
    write: bool = setting(
        False, "Let everybody who reaches the TCP door put files into --files-root.", YES_NO
    )
    quota: int = setting(
        1 << 30, "Bytes that the whole folder may take, with what is put there.", size(0, 1 << 60)
    )
    overwrite: bool = setting(
        False, "Let files that are there be replaced by those that are put there.", YES_NO
    )
    transfers: int = setting(
        64, "Files on their way at one time, through each door.", whole(1, 100_000)
    )
    first_request: float = setting(
        30.0, "Seconds that a client of the TCP door has for its first line.", seconds(0.1, 86400)
    )
    tftp_blksize: int = setting(
        LARGEST_BLKSIZE,
        "Largest block that TFTP agrees to; 1428 fits one Ethernet frame.",
        size(SMALLEST_BLKSIZE, LARGEST_BLKSIZE),
        option="tftp-blksize",
    )
    tftp_windowsize: int = setting(
        WINDOWSIZE,
        "Widest window, in blocks, that TFTP agrees to (RFC 7440).",
        whole(1, WIDEST),
        option="tftp-windowsize",
    )
    tftp_rollover: int = setting(
        0,
        "TFTP's block number after 65535, where the client names none: 0 or 1.",
        whole(0, 1),
        option="tftp-rollover",
    )
    tftp_per_peer: int = setting(
        32, "TFTP transfers of one address at one time.", whole(1, 100_000), option="tftp-per-peer"
    )
    tftp_write: bool = setting(
        False,
        "Let everybody who reaches the TFTP door put files into --files-root.",
        YES_NO,
        option="tftp-write",
    )
    tftp_require_options: bool = setting(
        False,
        "Refuse TFTP requests without options: their first answer is larger than they are.",
        YES_NO,
        option="tftp-require-options",
    )
    tftp_single_port: bool = setting(
        False,
        "Answer all of TFTP from the one port, for networks that let nothing else through.",
        YES_NO,
        option="tftp-single-port",
    )


@implementer(IPlugin, INetService)
class FilesService:
    """The service that `registry` lists."""

    name = "files"
    summary = "a folder over TCP (lines), UDP (TFTP) and HTTP"
    settings = FilesSettings
    commands: ClassVar = {
        "get": "twisted_net.files.commands:get",
        "put": "twisted_net.files.commands:put",
        "ls": "twisted_net.files.commands:ls",
    }

    def doors(self, settings: FilesSettings, runtime: Runtime) -> list[Door]:
        """Make a line door and a TFTP door to one shelf, and a page of it for the web door.

        :raises StartError: the folder is not there, or is nothing to share or to write to.
        """
        if not (settings.tcp or settings.tftp or settings.http):
            return []  # nobody will ask, so nobody cares whether the folder is there
        writing = settings.write or settings.tftp_write
        if writing and not settings.root:
            option = "--files-write" if settings.write else "--tftp-write"
            raise StartError(f"{option} yes: needs a folder of your own: --files-root FOLDER")
        writes = Writes(settings.quota, settings.overwrite) if writing else None
        shelf = Folder(settings.root or DEMO, hidden=settings.hidden, writes=writes)
        example = (shelf.first() or b"NAME") if settings.root else b"hello.txt"
        digests = Digests(aside_of(runtime.reactor))
        if settings.http:
            journal = _journal(pages.DOOR, runtime)
            shown = ShelfResource(shelf, runtime.reactor, journal, digests, settings.transfers)
            runtime.pages.add("files", "Files", shown, "the shared folder, with downloads")
        return [
            Door(
                "files-tcp",
                "stream",
                settings.tcp,
                FileFactory(
                    shelf,
                    runtime.reactor,
                    Limits(settings.transfers, settings.first_request, settings.write),
                    _journal("files-tcp", runtime),
                    digests,
                ),
                paste=f"netdemo get --server {{address}} {_word(example)}",
                spreads=True,
            ),
            Door(
                "tftp",
                "datagram",
                settings.tftp,
                TftpDatagramProtocol(
                    shelf, runtime.reactor, _journal("tftp", runtime), _policy(settings)
                ),
                paste=f"curl -o {_word(example)} tftp://{{address}}/{quote(example)}",
                spreads=True,
            ),
        ]


def _policy(settings: FilesSettings) -> Policy:
    terms = Terms(settings.tftp_blksize, settings.tftp_windowsize, settings.tftp_rollover)
    return Policy(
        terms,
        settings.transfers,
        settings.tftp_per_peer,
        settings.tftp_write,
        settings.tftp_require_options,
        settings.tftp_single_port,
    )


def _journal(door: str, runtime: Runtime) -> Journal:
    return Journal(door, runtime.counters.door(door), runtime.reactor.seconds)


def _word(name: bytes) -> str:
    """Return a name as a shell wants it, in a line that is still to be filled in."""
    return shlex.quote(os.fsdecode(name)).replace("{", "{{").replace("}", "}}")


files = FilesService()

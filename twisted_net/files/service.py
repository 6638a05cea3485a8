"""Files as a service: its two doors to one shelf, and a page of it."""

import os
import shlex
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
from twisted_net.files.settings import FilesSettings
from twisted_net.files.store import Folder
from twisted_net.files.tftp.core import Terms
from twisted_net.files.tftp.doors import Policy, TftpDatagramProtocol
from twisted_net.files.uploads import Writes
from twisted_net.net import pages
from twisted_net.net.errors import StartError
from twisted_net.net.service import Door, INetService, Runtime

#: What is shared unless a folder is named: small files of every kind, to try things out.
DEMO = str(Path(__file__).with_name("demo"))


@implementer(IPlugin, INetService)
class FilesService:
    """The service that `registry` lists."""

    name = "files"
    summary = "a folder over TCP (lines), UDP (TFTP) and HTTP"
    settings = FilesSettings
    commands: ClassVar = {
        "get": "twisted_net.files.commands.get:get",
        "put": "twisted_net.files.commands.put:put",
        "ls": "twisted_net.files.commands.ls:ls",
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
        shelf = Folder(
            settings.root or DEMO,
            hidden=settings.hidden,
            writes=writes,
            everything=settings.i_know,
        )
        example = (shelf.first() or b"NAME") if settings.root else b"hello.txt"
        digests = Digests(aside_of(runtime.reactor))
        if settings.http:
            journal = _journal(pages.DOOR, runtime)
            shown = ShelfResource(
                shelf,
                runtime.reactor,
                journal,
                digests,
                settings.transfers,
                write=settings.write,
            )
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
                first=settings.first_request,
                keeps_first=True,
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

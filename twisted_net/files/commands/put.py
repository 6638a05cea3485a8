"""``netdemo put``: files to servers."""

import os
import random
import sys
from typing import Any
from urllib.parse import quote, urljoin

import click

from twisted_net.files.client.core import exit_code
from twisted_net.files.client.sending import Sending, parcels
from twisted_net.files.commands.shared import (
    errors_shown,
    jobs_option,
    quiet_option,
    retries_option,
    server_option,
    tftp_option,
)
from twisted_net.files.progress import screen
from twisted_net.files.telling import Teller
from twisted_net.files.wanted import Servers
from twisted_net.files.words import Asked, over_tls, read_words, target_of
from twisted_net.net import console, options
from twisted_net.net.clients import Trust, has_scheme
from twisted_net.net.errors import ClientError, SettingError


@click.command()
@click.argument(
    "words",
    nargs=-1,
    metavar="FILE... [TARGET]",
    required=True,
    shell_complete=options.files,
)
@server_option
@tftp_option
@click.option(
    "--name", default="", metavar="NAME", help="What a single FILE is to be called there."
)
@click.option("--recursive", "-r", is_flag=True, help="Send folders, with all that is in them.")
@jobs_option
@retries_option
@console.trust
@console.as_json
@console.patience
@console.debug
@quiet_option
def put(
    words: tuple[str, ...],
    server: str | None,
    use_tftp: bool,
    name: str,
    recursive: bool,
    jobs: int,
    retries: int,
    trust: Trust | None,
    as_json: bool,
    patience: float,
    debug: bool,
    quiet: bool,
) -> None:
    """Send files to a server that takes them.

    TARGET is tcp:HOST[:PORT] or tftp:HOST[:PORT]; or tcp://HOST/FOLDER/, to put them into a
    folder there; or tcp://HOST/NAME, to give a single file another name; or http:// and https://
    of any web server that takes PUT. A server that netdemo runs takes files with --files-write
    yes, at /files/ of its web door too, and over TFTP with --tftp-write yes.

    A file appears there when it is whole, and over TCP and at netdemo's web door when its SHA-256
    is right as well. Over TCP what was broken off is gone on with by the same command, within a
    day.

    \b
      netdemo put notes.txt
      netdemo put *.jpg tcp://192.0.2.7/photos/
      netdemo put -r site tcp:192.0.2.7
      netdemo put image.bin tftp://192.0.2.7/boot/image.bin
      netdemo put notes.txt http://192.0.2.7:7080/files/
    """
    with errors_shown():
        paths, asked = _paths_and_target(words, server, use_tftp)
        asked = over_tls(asked, trust)
        folder = asked.name if asked.name.endswith("/") else ""
        name = name or (asked.name if not folder else "")
        if asked.web and folder and name:
            folder, name = "", urljoin(folder, quote(os.fsencode(name)))
        if name and (len(paths) > 1 or recursive):
            raise SettingError(f"{name!r}: is for one file; for a folder write {name + '/'!r}")
    failures: list[ClientError] = []

    async def main(reactor: Any) -> None:
        servers = Servers(reactor, patience)
        with screen(not quiet and not as_json) as shown:
            listener = Teller(shown, as_json, quiet)
            dice = random.Random()  # noqa: S311 - no secret
            sending = Sending(reactor, servers[asked], retries, listener, dice, failures)
            try:
                await sending.run(parcels(paths, folder, name, recursive, asked.web), jobs)
                await servers.left()
            finally:
                servers.close()

    console.run(main, debug)
    if failures:
        sys.exit(exit_code(failures))


def _paths_and_target(
    words: tuple[str, ...], server: str | None, use_tftp: bool
) -> tuple[tuple[str, ...], Asked]:
    """Tell files from the server: it is the option, or a last word with a scheme."""
    last = words[-1]
    if server is None and (has_scheme(last) or "://" in last):
        (asked,) = read_words((last,), None, use_tftp)
        words = words[:-1]
    else:
        asked = Asked(target_of(server or "127.0.0.1", use_tftp), "")
    if not words:
        raise SettingError(f"{last!r}: a server without a FILE; say what to send there")
    return words, asked

"""``netdemo ls``: what a server has."""

from typing import Any

import click

from twisted_net.files.client.servers import NO_LISTING
from twisted_net.files.commands.shared import errors_shown, server_option
from twisted_net.files.telling import hinted, record, row
from twisted_net.files.wanted import Servers
from twisted_net.files.words import over_tls, read_words
from twisted_net.net import console
from twisted_net.net.clients import Trust
from twisted_net.net.errors import ClientError, SettingError


@click.command()
@click.argument("words", nargs=-1, metavar="[SERVER] [FOLDER]")
@server_option
@click.option("--tftp", "use_tftp", is_flag=True, hidden=True)
@console.trust
@console.as_json
@console.patience
@console.debug
def ls(
    words: tuple[str, ...],
    server: str | None,
    use_tftp: bool,
    trust: Trust | None,
    as_json: bool,
    patience: float,
    debug: bool,
) -> None:
    """List the files of a server.

    A line is size, time of the last change, and name. SERVER is tcp:HOST[:PORT]; it may also
    be given by -s. A FOLDER may be a URL: tcp://HOST/FOLDER, or http:// and https:// of a web
    server that shows its folders. Folders end in a slash. TFTP knows no listings.

    \b
      netdemo ls
      netdemo ls poems
      netdemo ls tcp:192.0.2.7:7009 --json
      netdemo ls http://192.0.2.7:7080/files/
    """
    with errors_shown():
        found = [over_tls(each, trust) for each in read_words(words or ("",), server, use_tftp)]
        asked = found[0]
        if asked.target.scheme == "tftp":
            raise SettingError(NO_LISTING)
        if len(found) > 1:
            raise SettingError(f"{found[1].name!r}: want one FOLDER")

    async def main(reactor: Any) -> None:
        servers = Servers(reactor, patience)
        try:
            async for each in servers[asked].entries(asked.name):
                console.say(row(each.entry), record(each.entry), as_json)
        except ClientError as error:
            if error.exit_code != ClientError.exit_code:
                raise
            raise ClientError(hinted(asked.name, error)) from error
        finally:
            servers.close()

    console.run(main, debug)

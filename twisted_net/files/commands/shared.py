"""What ``get``, ``put`` and ``ls`` have in common: options, and how a wrong word is shown."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from twisted_net.files.words import target_of
from twisted_net.net import console
from twisted_net.net.errors import SettingError
from twisted_net.net.settings import whole

server_option = click.option(
    "--server",
    "-s",
    metavar="HOST[:PORT]",
    help=f"Where to ask.  [default: {target_of('127.0.0.1', False)}; with --tftp port"
    f" {target_of('127.0.0.1', True).port}]",
)
tftp_option = click.option(
    "--tftp", "use_tftp", is_flag=True, help="Over TFTP (UDP), not over TCP."
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
jobs_option = click.option(
    "--jobs",
    "-j",
    type=console.Read(whole(1, 64)),
    default=4,
    show_default=True,
    metavar="N",
    help="Files at one time.",
)
retries_option = click.option(
    "--retries",
    type=console.Read(whole(0, 1000)),
    default=5,
    show_default=True,
    metavar="N",
    help="Further tries for a transfer that was broken off, or of a server that is busy.",
)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show a word of no use in one line, and exit."""
    try:
        yield
    except SettingError as error:
        console.fail(error)

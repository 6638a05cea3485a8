"""``netdemo``: one command with a verb for everything; each verb is loaded when it is called."""

import sys
from importlib import import_module

import click

from twisted_net.net.console import INTERRUPTED, USAGE, fail
from twisted_net.net.errors import NetError

#: The verbs that belong to no service.
OWN = {
    "serve": "twisted_net.serve:serve",
    "doctor": "twisted_net.doctor:doctor",
    "break": "twisted_net.faults.commands:break_",
    "limits": "twisted_net.limits:limits",
}

#: The verbs of our own services, as these name them: a client that asked them would import every
#: server first.
CLIENTS = {
    "echo": "twisted_net.echo.commands:echo",
    "ping": "twisted_net.echo.ping:ping",
    "chat": "twisted_net.chat.commands:chat",
    "get": "twisted_net.files.commands:get",
    "put": "twisted_net.files.commands:put",
    "ls": "twisted_net.files.commands:ls",
}


class Verbs(click.Group):
    """A group that imports the module of a verb only when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all verbs, those of third parties too."""
        return list(_verbs())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one verb."""
        place = OWN.get(cmd_name) or CLIENTS.get(cmd_name) or _verbs().get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        try:
            command: click.Command = getattr(import_module(module), name)
        except Exception as error:  # a third party's module may raise anything
            fail(NetError(f"{cmd_name!r} cannot be loaded from {place}: {error}"))
        return command


def _verbs() -> dict[str, str]:
    from twisted_net import registry

    verbs = OWN | CLIENTS
    for service in registry.services():
        for verb, place in service.commands.items():
            verbs.setdefault(verb, place)
    return verbs


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="twisted_net", prog_name="netdemo")
def cli() -> None:
    """Echo, chat and files over TCP and UDP: a server and its clients.

    Start a server with "netdemo serve", then use it from another terminal. Every command says
    more about itself with --help.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 cannot connect, 4 timed out, 5 the other side
    broke the protocol, 130 interrupted, 129 and 143 ended by SIGHUP and SIGTERM.
    """


def main() -> None:
    """Run the command line; `twisted_net.__main__` is what is installed as ``netdemo``."""
    try:
        sys.exit(cli.main(prog_name="netdemo", standalone_mode=False))
    except click.UsageError as error:
        message = error.format_message()
        if "\n" not in message:  # else it is the help of a command that was called with nothing
            path = error.ctx.command_path if error.ctx else "netdemo"
            message = f"netdemo: {message[0].lower()}{message[1:].rstrip('.')}; see {path} --help"
        click.echo(message, err=True)
        sys.exit(USAGE)
    except click.ClickException as error:
        fail(NetError(error.format_message()))
    except click.Abort:
        sys.exit(INTERRUPTED)

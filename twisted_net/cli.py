"""``netdemo``: one command with a verb for everything; each verb is loaded when it is called."""

import difflib
import sys
from importlib import import_module
from typing import NoReturn

import click

from twisted_net.net.errors import INTERRUPTED, NetError

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
    "get": "twisted_net.files.commands.get:get",
    "put": "twisted_net.files.commands.put:put",
    "ls": "twisted_net.files.commands.ls:ls",
}

#: What ``netdemo --help`` says of them. The commands say it themselves, but only once each has
#: imported its half of the package, which takes as long as starting a server.
SUMMARIES = {
    "serve": "Serve echo, chat and files until Ctrl-C.",
    "doctor": "Say what would keep the server from starting.",
    "break": "Pass everything on to a server, and break it on the way.",
    "limits": "Show the limits of every door, as they would hold.",
    "echo": "Send TEXT to an echo server and print what comes back.",
    "ping": "Measure latency and loss with an echo server.",
    "chat": "Talk on a chat server.",
    "get": "Fetch files from servers, and check what came.",
    "put": "Send files to a server that takes them.",
    "ls": "List the files of a server.",
}


class Verbs(click.Group):
    """A group that imports the module of a verb only when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all verbs, those of third parties too."""
        return list(_verbs())

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what there is, a line a verb."""
        said = dict(SUMMARIES)
        for verb in [each for each in _verbs() if each not in SUMMARIES]:
            command = self.get_command(ctx, verb)
            if command is not None and not command.hidden:
                said[verb] = command.get_short_help_str(formatter.width)
        with formatter.section("Commands"):
            formatter.write_dl(list(said.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one verb."""
        place = OWN.get(cmd_name) or CLIENTS.get(cmd_name) or _verbs().get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        try:
            command: click.Command = getattr(import_module(module), name)
        except Exception as error:  # a third party's module may raise anything
            _fail(NetError(f"{cmd_name!r} cannot be loaded from {place}: {error}"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which ones are called nearly so."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"no such command {args[0]!r}{_meant(args[0])}", ctx) from error


def _meant(word: str) -> str:
    """Return what somebody may have meant by a word, as the end of a line."""
    near = difflib.get_close_matches(word, _verbs(), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _verbs() -> dict[str, str]:
    from twisted_net import offers

    verbs = OWN | CLIENTS
    if not any(offers.found()):
        return verbs
    from twisted_net import registry  # imports every service: only it knows which offers are good

    for service in registry.services():
        for verb, place in service.commands.items():
            verbs.setdefault(verb, place)
    return verbs


#: Columns of a help text at most: longer lines than these are hard to read on any terminal.
WIDTH = 100


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH},
)
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
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(NetError(error.format_message()))
    except click.Abort:
        sys.exit(INTERRUPTED)
    except OSError as error:
        _fail(error)


def _fail(error: NetError | OSError) -> NoReturn:
    from twisted_net.net import console  # with Twisted, which --help and --version do without

    if isinstance(error, OSError):
        console.fail_to_print(error)
        raise error
    console.fail(error)

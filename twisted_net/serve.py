"""``netdemo serve``: the same server as ``twistd netdemo``, in the foreground."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from twisted.logger import globalLogBeginner

from twisted_net import announce, registry, workers
from twisted_net.net import loading, signals, steady
from twisted_net.net.console import fail
from twisted_net.net.errors import NetError, StartError
from twisted_net.net.fast import installing
from twisted_net.net.log import FORMATS, LineObserver
from twisted_net.net.notifying import Manager
from twisted_net.net.options import Sectioned, setting_options
from twisted_net.net.printing import printed
from twisted_net.net.service import Runtime
from twisted_net.net.settings import load_chosen
from twisted_net.settings import groups

_found = registry.services()


@click.command(cls=Sectioned)
@setting_options(groups(_found))
@click.option(
    "--reactor",
    "reactor_name",
    metavar="NAME",
    help="Twisted reactor: netdemo, epoll, asyncio…  [default: netdemo, where epoll is]",
)
@click.option(
    "--log-format",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="How the log on standard error looks: one line an event.",
)
@click.option("--quiet", "-q", is_flag=True, help="Do not log; the table of doors is still shown.")
def serve(
    config: Path | None,
    given: Mapping[str, str],
    reactor_name: str | None,
    log_format: str,
    quiet: bool,
) -> None:
    """Serve echo, chat and files until Ctrl-C.

    Every door takes an endpoint string, as tcp:7007 or udp:7007:interface=192.0.2.1; an empty
    string closes it. What is not given here is looked for in the environment (NETDEMO_ECHO_TCP
    for --echo-tcp), then in the file given by --config.

    \b
      netdemo serve --interface 0.0.0.0 --files-root ~/share
      netdemo serve --echo-mode dialog --tftp ""
    """
    try:
        settings, texts = load_chosen(groups(_found), given, os.environ, config)
    except NetError as error:
        fail(error)
    _install(reactor_name)
    _run(settings, texts, None if quiet else LineObserver(sys.stderr, FORMATS[log_format]))


def _install(name: str | None) -> None:
    from twisted.application.reactors import NoSuchReactor, getReactorTypes, installReactor
    from twisted.internet.error import ReactorAlreadyInstalledError

    if name is None:
        if "twisted.internet.reactor" not in sys.modules:  # whoever installed one has chosen
            installing.install()
        return
    try:
        installReactor(name)
    except (ImportError, ReactorAlreadyInstalledError) as error:
        raise click.UsageError(f"--reactor {name!r}: cannot be used here: {error}") from error
    except NoSuchReactor as error:
        there = ", ".join(sorted({each.shortName for each in getReactorTypes()}))
        raise click.UsageError(f"--reactor {name!r}: no such reactor; there are {there}") from error


def _run(
    settings: dict[type[Any], Any], texts: dict[str, str], observer: LineObserver | None
) -> None:
    from twisted.internet import reactor as installed

    reactor: Any = installed
    steady.keep(reactor)
    manager = Manager(reactor, os.environ, os.getpid())

    def announced(made: workers.Server) -> None:
        _show(made)
        manager.ready()

    made = workers.server(_found, settings, texts, Runtime(reactor), announced, quiet=True)
    signals.obey(reactor, made.report, made.force)
    try:
        made.startService()
    except StartError as error:
        fail(error)  # one line: what would have been logged until here is not shown
    # Before anybody connects: what is logged while nobody observes is kept, with its sockets.
    observers = [] if observer is None else [observer]
    globalLogBeginner.beginLoggingTo(observers, redirectStandardIO=False)
    reactor.addSystemEventTrigger("before", "shutdown", made.stopService)
    loading.end()
    reactor.run()
    if observer is not None:
        observer.close()


def _show(made: workers.Server) -> None:
    printed(announce.show(made.opened, notes=made.notes), sys.stdout)

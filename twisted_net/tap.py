"""``twistd netdemo``: its options, and the service made from them."""

import os
import sys
from pathlib import Path
from typing import Any

from twisted.application.service import IService
from twisted.logger import Logger
from twisted.python import usage

from twisted_net import announce, registry, workers
from twisted_net.net import signals, steady
from twisted_net.net.errors import SettingError
from twisted_net.net.notifying import Manager
from twisted_net.net.printing import printed
from twisted_net.net.service import INetService, Runtime
from twisted_net.net.settings import CONFIG_VARIABLE, Described, load_chosen
from twisted_net.settings import groups

_log = Logger("netdemo")


class _Options(usage.Options):
    """The options of ``twistd netdemo``; `Options` adds those of the services there are.

    :ivar settings: settings class -> its instance, once the options were parsed.
    :ivar chosen: what they were made of, option -> text.
    """

    longdesc = (
        "Echo, chat and files over TCP and UDP. Every door takes an endpoint string, as tcp:7007 or"
        " udp:7007:interface=192.0.2.1; an empty string closes it. What is not on the command line"
        " is looked for in the environment (NETDEMO_ECHO_TCP for --echo-tcp), then in the file"
        " given by --config. SIGTERM stops, SIGUSR2 writes the counters to the log."
    )
    found: tuple[INetService, ...]
    settings: dict[type[Any], Any]
    chosen: dict[str, str]

    def getSynopsis(self) -> str:
        """Return the first line of the help."""
        return "Usage: twistd [twistd options] netdemo [options]"

    def parseOptions(self, options: list[str] | None = None) -> None:
        """Parse; under twistd a wrong option is one line, not a page that ends in one."""
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except usage.UsageError as error:
            if getattr(self, "parent", None) is None:
                raise
            why = str(error).rstrip(".")
            why = why[:1].lower() + why[1:]
            raise SystemExit(f"twistd netdemo: {why}; see twistd netdemo --help") from error

    def postOptions(self) -> None:
        """Put options, environment and file together."""
        described = groups(self.found)
        options = [each.option for group in described for each in group]
        given = {option: self[option] for option in options if self[option] is not None}
        config = Path(self["config"]) if self["config"] else None
        try:
            self.settings, self.chosen = load_chosen(described, given, os.environ, config)
        except SettingError as error:
            raise usage.UsageError(str(error)) from error


def _help(each: Described) -> str:
    """Return the help, with the words that may be chosen: twistd shows no metavar."""
    metavar = each.reading.metavar
    return f"{each.help} One of: {metavar.replace('|', ', ')}." if "|" in metavar else each.help


def Options() -> _Options:  # noqa: N802 - the name that twistd looks for
    """Make the options of the services that there are now."""
    found = registry.services()
    rows: list[list[Any]] = [
        ["config", "c", None, f"Read settings from this TOML file (or {CONFIG_VARIABLE})."]
    ]
    for group in groups(found):
        rows += [
            [each.option, None, None, f"{_help(each)} [default: {each.shown_default or 'empty'}]"]
            for each in group
        ]
    made = type("Options", (_Options,), {"optParameters": rows, "found": found})
    options: _Options = made()
    return options


def makeService(options: _Options) -> IService:
    """Make the service, closed; twistd opens it."""
    from twisted.internet import reactor

    steady.keep(reactor)
    foreground = _in_foreground(options)
    manager = Manager(reactor, os.environ, os.getpid())

    def announced(made: workers.Server) -> None:
        (_show if foreground else _log_doors)(made)
        manager.ready()

    made = workers.server(
        options.found,
        options.settings,
        options.chosen,
        Runtime(reactor),
        announced,
        quiet=foreground,
    )
    signals.obey(reactor, made.report, made.force)
    return made


def _in_foreground(options: _Options) -> bool:
    """Say whether a person sees our standard output: no daemon, no log file."""
    parent: Any = getattr(options, "parent", None) or {}
    if "nodaemon" in parent:
        return bool(parent["nodaemon"] and parent["logfile"] in (None, "-"))
    return sys.__stdout__ is not None and sys.__stdout__.isatty()  # twist logs JSON into a pipe


def _show(made: workers.Server) -> None:
    if sys.__stdout__ is not None:  # not sys.stdout: twistd makes log lines of that
        printed(announce.show(made.opened, notes=made.notes), sys.__stdout__)


def _log_doors(made: workers.Server) -> None:
    for line in (*announce.table(made.opened), *made.notes):
        _log.info("{line}", line=line.strip())

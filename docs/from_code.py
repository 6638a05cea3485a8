"""Writes what the code knows into the pages: the settings, and the help of each command.

A page holds ``<!-- settings -->`` or ``<!-- commands -->`` where it wants them.
"""

from collections.abc import Iterator

import click
from sphinx.application import Sphinx

from twisted_net import registry
from twisted_net.cli import cli
from twisted_net.net.settings import Described, Group
from twisted_net.settings import groups

#: Columns of a help text; wider, and a page would have to be scrolled.
WIDTH = 88


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx that we are here."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Write what the page asks for."""
    for mark, lines in (("settings", settings), ("commands", commands)):
        comment = f"<!-- {mark} -->"
        if comment in source[0]:
            source[0] = source[0].replace(comment, "\n".join(lines()))


def settings() -> Iterator[str]:
    """Yield a table of settings for each group of them."""
    summaries = {service.name: f"{service.summary}." for service in registry.BUILT_IN}
    for group in groups(registry.BUILT_IN):
        yield f"## {group.heading}"
        yield ""
        yield summaries.get(group.table, (group.settings.__doc__ or "").partition("\n")[0])
        yield ""
        yield from _table(group)
        yield ""


def _table(group: Group) -> Iterator[str]:
    yield "| option, variable, key | value | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for each in group:
        names = f"`--{each.option}` `{each.variable}` `{each.path}`"
        value = each.reading.metavar.replace("|", "`, `")
        yield f"| {names} | `{value}` | {_default(each)} | {_escaped(each.help)} |"


def _default(each: Described) -> str:
    return f"`{each.shown_default}`" if each.shown_default else "empty"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def commands() -> Iterator[str]:
    """Yield the help of ``netdemo`` and of each of its verbs."""
    above = click.Context(cli, info_name="netdemo", terminal_width=WIDTH, **cli.context_settings)
    yield from _help("netdemo", cli, above)
    for verb in cli.list_commands(above):
        command = cli.get_command(above, verb)
        if command is not None:
            yield from _help(f"netdemo {verb}", command, click.Context(command, above, verb))


def _help(title: str, command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "```text"
    yield command.get_help(context)
    yield "```"
    yield ""

"""Every setting as an option of a command, under a heading for each service."""

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from twisted_net.net.settings import YES_NO, Described, Group, Reading

F = TypeVar("F", bound=Callable[..., Any])


def setting_options(groups: Sequence[Group]) -> Callable[[F], F]:
    """Give a command every setting as an option, and ``--config``; a `Sectioned` one, to be read.

    The command is called with ``config``, a path or None, and ``given``: option name -> text, only
    those that were on the command line; `settings.load` wants them so.
    """
    described = [(group, each) for group in groups for each in group]

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def called(config: Path | None, **arguments: Any) -> Any:
            texts = {each.option: arguments.pop(_parameter(each)) for _, each in described}
            given = {option: text for option, text in texts.items() if text is not None}
            return command(config=config, given=given, **arguments)

        decorated: Any = called
        for group, each in reversed(described):
            decorated = _option(group, each)(decorated)
        return click.option(  # type: ignore[no-any-return]  # what click returns is Any
            "--config",
            "-c",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Read settings from this TOML file.",
        )(decorated)

    return decorate


def _option(group: Group, each: Described) -> Callable[[F], F]:
    # A "yes" may be left out, as everybody expects of an option that is a yes or a no.
    alone: dict[str, Any] = {}
    if each.reading is YES_NO:
        alone = {"is_flag": False, "flag_value": "yes"}
    return click.option(
        f"--{each.option}",
        _parameter(each),
        cls=SettingOption,
        heading=group.heading,
        type=Completed(each.reading),
        metavar=each.reading.metavar,
        help=f"{each.help}  [default: {each.shown_default or 'empty'}]",
        **alone,
    )


def _parameter(each: Described) -> str:
    return "setting_" + each.option.replace("-", "_")


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete a file's name."""
    return [CompletionItem(incomplete, type="file")]


def folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete a folder's name."""
    return [CompletionItem(incomplete, type="dir")]


class Completed(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """A setting's text as it stands, which a shell can complete: `settings.load` reads it."""

    def __init__(self, reading: Reading) -> None:
        self.name = reading.metavar

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the words of a closed list, or ask the shell for its files."""
        if self.name == "FILE":
            return files(ctx, param, incomplete)
        if self.name == "FOLDER":
            return folders(ctx, param, incomplete)
        words = self.name.split("|") if "|" in self.name else []
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]


class SettingOption(click.Option):
    """An option made of a setting.

    :ivar heading: under which it stands in a help text.
    """

    def __init__(self, *arguments: Any, heading: str, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.heading = heading


class Sectioned(click.Command):
    """A command whose help has a heading for each group of settings, below its own options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of the command first."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for heading, row in self._rows(ctx):
            sections.setdefault(heading, []).append(row)
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)

    def _rows(self, ctx: click.Context) -> Iterator[tuple[str, tuple[str, str]]]:
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None:
                yield getattr(parameter, "heading", "Options"), row

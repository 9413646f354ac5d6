"""Command-line flags made from the dataclass of a verb."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import Field, fields
from typing import Any, NoReturn, TypeVar

from esmgo.errors import UsageError, shown
from esmgo.options import kind_of

__all__ = ["parse"]

Config = TypeVar("Config")


class _Parser(argparse.ArgumentParser):
    """Complains in one line, as every error of ours."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{shown(message, 150)} (--help lists the flags)")


def parse(
    config: type[Config], arguments: Sequence[str], *, prog: str, description: str
) -> tuple[Config, frozenset[str]]:
    """Read the flags of a verb.

    Unambiguous prefixes are accepted, and ``--batch-size`` for ``--batch_size``.

    Returns
    -------
    config : Config
        An instance of the dataclass, checked.
    given : frozenset of str
        The fields that the user set.

    Raises
    ------
    UsageError
        Naming the flag and what is wrong with it.
    """
    parser = _Parser(prog=prog, description=description, argument_default=argparse.SUPPRESS)
    for each in fields(config):  # type: ignore[arg-type]
        _add(parser, each, kind_of(config, each.name))
    values = vars(parser.parse_args([_underscored(word) for word in arguments]))
    return config(**values), frozenset(values)


def _underscored(word: str) -> str:
    if not word.startswith("--"):
        return word
    flag, equals, value = word[2:].partition("=")
    return "--" + flag.replace("-", "_") + equals + value


def _add(parser: argparse.ArgumentParser, each: Field[Any], kind: type) -> None:
    rules = each.metadata
    names = [f"--{each.name}"] + ([f"--{rules['alias']}"] if rules.get("alias") else [])
    text = rules["text"].replace("%", "%%")
    if kind is bool:
        parser.add_argument(*names, dest=each.name, action="store_true", help=text)
        return
    default = "none" if each.default is None else repr(each.default).replace("'", '"')
    parser.add_argument(
        *names,
        dest=each.name,
        type=kind,
        metavar=rules.get("metavar") or kind.__name__.upper(),
        help=f"{text} (default: {default})",
    )

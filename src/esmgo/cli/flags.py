"""Command-line flags made from the dataclass of a verb."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import Field
from typing import Any, NoReturn, TypeVar

from esmgo.errors import UsageError, printable
from esmgo.options import flags_of, kind_of

Config = TypeVar("Config")

_FLAGS = {"min_precision": "precision"}
"""Flags that are not named as their fields."""

_SETTING = re.compile(r"`([a-z]\w*)((?:=[^`]*)?)`")


class _Parser(argparse.ArgumentParser):
    """Complains in one line, as every error of ours."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{printable(message, 150)} (--help lists the flags)")


def flag_of(field: str) -> str:
    """Return the flag of a field."""
    return f"--{_FLAGS.get(field, field)}"


def typed(message: object) -> str:
    """Return a message, or a help text, with settings written as flags.

    Examples
    --------
    >>> typed("use `device=cpu`")
    'use --device=cpu'
    >>> typed(UsageError("must be above 0", field="dropout"))
    '--dropout must be above 0'
    """
    if isinstance(message, UsageError) and message.field:
        message = f"`{message.field}` {message.reason}"
    return _SETTING.sub(lambda found: flag_of(found[1]) + found[2], str(message))


def parse(
    config: type[Config], arguments: Sequence[str], *, prog: str, description: str
) -> tuple[Config, frozenset[str]]:
    """Read the flags of a verb.

    Unambiguous prefixes are accepted, and ``--batch-size`` for ``--batch_size``. Raises
    UsageError naming the flag and what is wrong with it.

    Returns
    -------
    config : Config
        An instance of the dataclass, checked.
    given : frozenset of str
        The fields that the user set.
    """
    parser = _Parser(prog=prog, description=description, argument_default=argparse.SUPPRESS)
    flags = flags_of(config)
    for each in flags:
        _add(parser, each, kind_of(config, each.name))
    aliases = {f"--{each.metadata['alias']}": flag_of(each.name) for each in flags}
    found = vars(parser.parse_args([_spelt_out(word, aliases) for word in arguments]))
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}
    return config(**values), frozenset(values)


def _spelt_out(word: str, aliases: dict[str, str]) -> str:
    """Write a flag as it is declared: underscores for hyphens, the name for its alias."""
    if not word.startswith("--"):
        return word
    flag, equals, value = word[2:].partition("=")
    flag = "--" + flag.replace("-", "_")
    return aliases.get(flag, flag) + equals + value


def _add(parser: argparse.ArgumentParser, each: Field[Any], kind: type) -> None:
    rules = each.metadata
    text = typed(rules["text"]).replace("%", "%%")
    if rules["is_rest"]:
        parser.add_argument(each.name, type=kind, nargs="*", metavar="FILE", help=text)
        return
    names = [*(f"-{letter}" for letter in rules["short"] or ""), flag_of(each.name)]
    if kind is bool:
        parser.add_argument(*names, dest=each.name, action="store_true", help=text)
        return
    default = typed(rules["default_text"] or repr(each.default).replace("'", '"'))
    parser.add_argument(
        *names,
        dest=each.name,
        type=kind,
        metavar=kind.__name__.upper(),
        help=f"{text} (default: {default})",
    )

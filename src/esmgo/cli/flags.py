"""Command-line flags, defined by the dataclass of a verb."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import Field
from typing import Any, NoReturn, TypeVar

from esmgo.errors import UsageError, printable
from esmgo.options import flags_of, kind_of

Config = TypeVar("Config")

_FLAGS = {"min_precision": "precision"}
"""Flags whose names differ from their fields."""

_FIRST = "first argument"

_SETTING = re.compile(r"`([a-z]\w*)((?:=[^`]*)?)`")


class _Parser(argparse.ArgumentParser):
    """Reports a wrong argument as a `UsageError` of one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{printable(message, 150)} (--help lists the flags)")


def flag_of(field: str) -> str:
    """Return the flag of a field."""
    return f"--{_FLAGS.get(field, field)}"


def names_of(each: Field[Any]) -> list[str]:
    """Return the names of a flag: a letter, if it has one, its own name, and its alias."""
    short, alias = each.metadata["short"], each.metadata["alias"]
    return [f"-{short}"] * bool(short) + [flag_of(each.name)] + [f"--{alias}"] * bool(alias)


def typed(message: object) -> str:
    """Return a message or help text in which settings in backticks are written as flags.

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
    config: type[Config], arguments: Sequence[str], *, prog: str, description: str, first: str = ""
) -> tuple[Config, frozenset[str]]:
    """Parse the flags of a verb; return its configuration, and the fields that the user set.

    ``first`` is the field that an argument without a flag sets.

    Unambiguous prefixes of flags are accepted, and ``--batch-size`` for ``--batch_size``. Raises
    UsageError, which names the flag and what is wrong with it.
    """
    parser = _Parser(prog=prog, description=description, argument_default=argparse.SUPPRESS)
    flags = flags_of(config)
    for each in flags:
        _add(parser, each, kind_of(config, each.name))
    named = [each for each in flags if not each.metadata["is_rest"]]
    names = {name: flag_of(each.name) for each in named for name in names_of(each)}
    if first:
        text = f"Another way to give {flag_of(first)}."
        name = "METHOD" if first == "method" else "FILE"
        parser.add_argument(_FIRST, nargs="?", metavar=name, help=text)
    words = [_declared(word, names) for word in arguments]
    found = vars(parser.parse_intermixed_args(words) if first else parser.parse_args(words))
    if _FIRST in found:
        if first in found:
            raise UsageError("is given twice", field=first)
        found[first] = found.pop(_FIRST)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}
    return config(**values), frozenset(values)


def _declared(word: str, names: Mapping[str, str]) -> str:
    """Return an argument with underscores for hyphens, and a flag for its alias or its prefix.

    ``names`` maps names and aliases to flags. A prefix of both is that of the flag.
    """
    if not word.startswith("--"):
        return word
    name, equals, value = word[2:].partition("=")
    name = "--" + name.replace("-", "_")
    flags = {"--help", *names.values()}
    if name not in {*flags, *names}:
        begun = {each for each in flags if each.startswith(name)}
        begun = begun or {names[each] for each in names if each.startswith(name)}
        name = begun.pop() if len(begun) == 1 else name
    return names.get(name, name) + equals + value


def _add(parser: argparse.ArgumentParser, each: Field[Any], kind: type) -> None:
    rules = each.metadata
    text = typed(rules["text"]).replace("%", "%%")
    if rules["is_rest"]:
        parser.add_argument(each.name, type=kind, nargs="*", metavar="FILE", help=text)
        return
    names = names_of(each)
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

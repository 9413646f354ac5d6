"""Options of verbs. Each verb has a frozen dataclass; its fields define flags, help and checks.

This module knows no particular verb and does not parse the command line.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import Field, field, fields
from inspect import get_annotations
from textwrap import wrap
from typing import Any, TypeVar, get_args, get_type_hints

from esmgo.errors import UsageError, brief, printable
from esmgo.files.source import is_folder
from esmgo.files.uses import Use, Uses, refuse_clashes

Config = TypeVar("Config")

_BOUNDS = (
    ("minimum", operator.ge, "at least"),
    ("maximum", operator.le, "at most"),
    ("above", operator.gt, "above"),
    ("below", operator.lt, "below"),
)


def option(
    default: Any,
    text: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Sequence[str] | None = None,
    alias: str | None = None,
    short: str | None = None,
    is_rest: bool = False,
    default_text: str | None = None,
    uses: Uses | None = None,
) -> Any:
    """Declare one option of a verb: a dataclass field with its help text and its bounds.

    Parameters
    ----------
    default : object
        The value when the option is not given.
    text : str
        What the option does, in one sentence.
    minimum, maximum : float, optional
        Inclusive bounds.
    above, below : float, optional
        Exclusive bounds.
    choices : sequence of str, optional
        The only values allowed.
    alias : str, optional
        A second name of the flag.
    short : str, optional
        A one-letter name of the flag.
    is_rest : bool
        Not a flag: collects all positional arguments. The field is a tuple.
    default_text : str, optional
        Description of a default of None in the help.
    uses : callable, optional
        For an option that names a path: `reads`, `writes`, `replaces`, or another function of
        `esmgo.files.uses`. `check` compares the paths of all options.
    """
    bounds = {"minimum": minimum, "maximum": maximum, "above": above, "below": below}
    metadata = {
        "text": text,
        "choices": choices,
        "alias": alias,
        "short": short,
        "is_rest": is_rest,
        "default_text": default_text or (default is None and "none"),
        "uses": uses,
    } | bounds
    return field(default=default, metadata=metadata)


def documented(config: type[Config]) -> type[Config]:
    """Describe the fields of a configuration in its docstring, for ``help``; shorten its repr.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @documented
    ... @dataclass(frozen=True)
    ... class Drawing:
    ...     'Settings.'
    ...     width: int = option(10, "The width in boxes.")
    >>> print(Drawing.__doc__)
    Settings.
    <BLANKLINE>
    Parameters
    ----------
    width : int, default 10
        The width in boxes.
    >>> Drawing(width=20), Drawing()
    (Drawing(width=20), Drawing())
    """
    rows = [f"{(config.__doc__ or '').strip()}", "", "Parameters", "----------"]
    for each in flags_of(config):
        text, default = each.metadata["text"], each.metadata["default_text"]
        more = f" ({default})" if default and default != "none" else ""
        rows.append(f"{each.name} : {each.type}, default {each.default!r}{more}")
        rows += [f"    {line}" for line in wrap(text, 92, break_on_hyphens=False)]
    config.__doc__ = "\n".join(rows)
    config.__repr__ = brief  # type: ignore[method-assign]
    return config


def overwrite_option(text: str = "Replace the output file if there is one.") -> Any:
    """Declare ``overwrite``, an option of all verbs that write new files."""
    return option(False, text, alias="override")


def device_option() -> Any:
    """Declare ``device``, an option of all verbs that run the network."""
    return option(
        None,
        'The device to run the computation on ("cuda", "cuda:1", "mps", "cpu", etc); when not'
        " given cuda, else mps, else cpu.",
        default_text="cuda",
    )


def dtype_option(alias: str = "precision") -> Any:
    """Declare ``dtype``, an option of all verbs that run the network."""
    return option(
        "auto",
        "bf16, fp32, or auto: bf16 where the hardware multiplies it faster.",
        choices=("auto", "bf16", "fp32"),
        alias=alias,
    )


def threads_option() -> Any:
    """Declare ``threads``, an option of all verbs that run DIAMOND."""
    return option(
        None,
        "CPU threads of DIAMOND.",
        minimum=1,
        maximum=1024,
        default_text="all that this process may use",
    )


def flags_of(config: type) -> list[Field[Any]]:
    """Return the fields of a verb's configuration: its own first, then those of its bases."""
    names = [name for kind in config.__mro__ for name in get_annotations(kind)]
    return sorted(fields(config), key=lambda each: names.index(each.name))


def kind_of(config: type, name: str) -> type:
    """Return the plain type of a field: ``int`` for ``int | None``."""
    hint = get_type_hints(config)[name]
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] or [hint]
    return kinds[0]  # type: ignore[no-any-return]


def check(config: Any) -> None:
    """Check type and range of every field of ``config``; call it from ``__post_init__``.

    Raises UsageError naming the field, the value and what is allowed; also if a path is written
    that another field reads or writes, see `refuse_clashes`.
    """
    for each in fields(config):
        value = getattr(config, each.name)
        if value is None and each.default is None:
            continue
        for item in value if isinstance(value, tuple) else (value,):
            _check_kind(each, item, kind_of(type(config), each.name))
            _check_range(each, item)
            if item == "" and each.default is None and each.metadata["uses"] is not None:
                raise UsageError("is empty: give a path, or leave it out", field=each.name)
    refuse_clashes(uses_of(config))


def refuse_unused(config: Any, names: Iterable[str], reason: str) -> None:
    """Raise UsageError with a reason if one of the named fields is not at its default."""
    defaults = {each.name: each.default for each in fields(config)}
    for name in names:
        if getattr(config, name) != defaults[name]:
            raise UsageError(reason, field=name)


def uses_of(config: Any) -> Iterator[tuple[str, Use]]:
    """Yield the flag, empty for positional arguments, and the use of every path of ``config``."""
    for each in fields(config):
        value, uses = getattr(config, each.name), each.metadata["uses"]
        if uses is not None:
            for item in value if isinstance(value, tuple) else (value,):
                for use in uses(config, item):
                    if use.how != "read":
                        _check_output(each, item, use)
                    yield "" if each.metadata["is_rest"] else each.name, use


def _check_kind(each: Field[Any], value: Any, kind: type) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = is_number if kind is float else isinstance(value, kind)
    if kind is int and isinstance(value, bool):
        fits = False
    if not fits:
        raise UsageError(
            f"must be {kind.__name__}, not {printable(repr(value), 40)}", field=each.name
        )
    if kind is float and not math.isfinite(value):
        raise UsageError(f"must be a finite number, not {value}", field=each.name)


def _check_output(each: Field[Any], path: str | None, use: Use) -> None:
    name = printable(path, 90)
    if "\0" in use.path:
        raise UsageError(f"{name} is not a path: it contains a NUL character", field=each.name)
    if use.how == "write" and path is not None and path.endswith("/") and not is_folder(path):
        raise UsageError(f"{name} is a folder; name a file in it", field=each.name)


def _check_range(each: Field[Any], value: Any) -> None:
    rules = each.metadata
    choices = rules.get("choices")
    if choices is not None and value not in choices:
        raise UsageError(
            f"must be one of {', '.join(choices)}, not {printable(repr(value), 40)}",
            field=each.name,
        )
    for rule, holds, text in _BOUNDS:
        bound = rules.get(rule)
        if bound is not None and not holds(value, bound):
            raise UsageError(f"must be {text} {bound:g}, not {value}", field=each.name)

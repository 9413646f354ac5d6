"""Writes files of `tests/golden` again: ``python tests/write_golden.py flags.tsv signatures.txt``.

``flags.tsv`` and ``signatures.txt`` are made from the code; a change of them is a change of what
users type and import, and belongs into CHANGELOG.md. ``logits.json`` is made by transformers.
"""

import enum
import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from oracles import SIZES, configuration, drawn, sequence
from transformers import EsmConfig, EsmForSequenceClassification

import esmgo
from esmgo.cli.flags import flag_of
from esmgo.cli.verbs import VERBS
from esmgo.model.tokens import encode
from esmgo.options import kind_of

GOLDEN = Path(__file__).with_name("golden")

_PLAIN = (str, int, float, bool, tuple, type(None))
"""Defaults that are printed; others, as an array, are three dots."""


def flags() -> str:
    """Every flag of every verb: a line each, in the order of the help."""
    head = ("verb", "flag", "short", "alias", "default", "type", "choices")
    rows = ["\t".join(head)]
    for verb in VERBS:
        config = getattr(esmgo, f"{verb.capitalize()}Config")
        for each in fields(config):
            rules = each.metadata
            flag = each.name if rules["is_rest"] else flag_of(each.name)
            kind, default = kind_of(config, each.name).__name__, json.dumps(each.default)
            short, alias = (rules[name] or "" for name in ("short", "alias"))
            aliases = alias if isinstance(alias, str) else " ".join(alias)
            choices = " ".join(rules["choices"] or ())
            rows.append("\t".join((verb, flag, short, aliases, default, kind, choices)))
    return "\n".join(rows) + "\n"


def signatures() -> str:
    """Every public name with its signature; of a class, its public fields and methods."""
    blocks = ("\n".join(_described(name, getattr(esmgo, name))) for name in esmgo.__all__)
    return "\n".join(blocks) + "\n"


def _described(name: str, what: Any) -> Iterator[str]:
    if not inspect.isclass(what):
        yield f"def {name}{_signature(what)}"
        return
    ours = [each for each in what.__mro__ if each.__module__.startswith("esmgo")]
    bases = [each.__name__ for each in what.__bases__ if each is not object]
    has_init = not is_dataclass(what) and any("__init__" in vars(each) for each in ours)
    title = f"class {name}" + (f"({', '.join(bases)})" if bases else "")
    yield title + (f": __init__{_signature(what.__init__, bound=True)}" if has_init else "")
    if issubclass(what, enum.Enum):
        yield from (f"    {member.name} = {member.value!r}" for member in what)
    elif is_dataclass(what):
        yield from (f"    {_field(each)}" for each in fields(what) if each.name[0] != "_")
    found = {key: value for each in reversed(ours) for key, value in vars(each).items()}
    for key, value in sorted(found.items()):
        if key[0] == "_":
            continue
        if isinstance(value, classmethod | staticmethod):
            kind = type(value).__name__
            yield f"    {kind} {key}{_signature(value.__func__, bound=kind == 'classmethod')}"
        elif isinstance(value, property):
            yield f"    property {key}{_signature(value.fget, bound=True).removeprefix('()')}"
        elif hasattr(value, "func"):  # functools.cached_property
            yield f"    property {key}{_signature(value.func, bound=True).removeprefix('()')}"
        elif inspect.isfunction(value):
            yield f"    def {key}{_signature(value, bound=True)}"


def _field(each: Field[Any]) -> str:
    if each.default is not MISSING:
        return f"{each.name}: {each.type} = {each.default!r}"
    return f"{each.name}: {each.type}" + (" = ..." if each.default_factory is not MISSING else "")


def _signature(function: Any, *, bound: bool = False) -> str:
    """The signature as `inspect` prints it, without quotes around annotations and without self."""
    found = inspect.signature(function)
    every = [
        each if each.default is each.empty or isinstance(each.default, _PLAIN)
        else each.replace(default=...)
        for each in found.parameters.values()
    ]  # fmt: skip
    found = found.replace(parameters=every[bound:])
    return re.sub(r"""((?:: |-> ))(['"])(.*?)\2(?=[,)=]| =|$)""", r"\1\3", str(found)).replace(
        "Ellipsis", "..."
    )


@torch.inference_mode()
def logits() -> str:
    """Logits of random ESM2 models of the true sizes, by transformers in fp32, each alone."""
    lengths, found = (5, 64, 129, 300), {}
    for name, sizes in SIZES.items():
        model = EsmForSequenceClassification(EsmConfig(**configuration(*sizes))).eval()
        for key, parameter in model.named_parameters():
            parameter.copy_(drawn(key, tuple(parameter.shape)))
        rows = (torch.from_numpy(encode(sequence(n), 1026).astype(int)[None]) for n in lengths)
        found[name] = [[round(x, 6) for x in model(row).logits[0].tolist()] for row in rows]
    return json.dumps({
        "what": "logits of oracles.sequence(n) by EsmForSequenceClassification, fp32, CPU; weights"
        " by oracles.drawn",
        "command": "python tests/write_golden.py logits.json",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "lengths": lengths,
        "logits": found,
    }, indent=1) + "\n"  # fmt: skip


if __name__ == "__main__":
    makers = {"flags.tsv": flags, "signatures.txt": signatures, "logits.json": logits}
    for name in sys.argv[1:]:
        (GOLDEN / name).write_text(makers[name](), encoding="utf-8")

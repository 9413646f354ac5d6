"""Reference of all flags of all verbs: ``python -m esmgo.cli.reference > docs/flags.md``."""

from __future__ import annotations

from pkgutil import resolve_name
from textwrap import fill
from typing import Any

from esmgo.cli.flags import names_of, typed
from esmgo.cli.verbs import VERBS
from esmgo.options import flags_of, kind_of

_HEAD = """# Flags

Made from the code by `python -m esmgo.cli.reference`. Unambiguous prefixes of a flag work,
and so does `--batch-size` for `--batch_size`. In Python the same names are the fields of
"""


def page() -> str:
    """Return the page, in Markdown."""
    configs = {name: resolve_name(verb.config) for name, verb in VERBS.items()}
    names = ", ".join(f"`{config.__name__}`" for config in configs.values())
    parts = [f"{_HEAD}{fill(names, 96)}.\n"]
    for name, config in configs.items():
        rows = ["| Flag | Default | Type | Description |", "|---|---|---|---|"]
        rows += [_row(config, each) for each in flags_of(config)]
        table = "\n".join(rows) if len(rows) > 2 else "It takes no flags."
        script = f", `{VERBS[name].script}`" if VERBS[name].script else ""
        parts.append(f"## `esmgo {name}`{script}\n\n{table}\n")
    return "\n".join(parts)


def _row(config: type, each: Any) -> str:
    default = f'"{each.default}"' if isinstance(each.default, str) else each.default
    if default is None:
        default = typed(each.metadata["default_text"])
    text = typed(each.metadata["text"]).replace("|", "\\|")
    names = [each.name] if each.metadata["is_rest"] else names_of(each)
    return f"| {', '.join(names)} | {default} | {kind_of(config, each.name).__name__} | {text} |"


if __name__ == "__main__":
    print(page(), end="")

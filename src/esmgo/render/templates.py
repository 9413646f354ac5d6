"""Pages and pictures from Jinja2 templates, which escape every value that is not markup."""

from __future__ import annotations

import textwrap
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from esmgo.errors import printable

if TYPE_CHECKING:
    from jinja2 import Environment


def filled(template: str, **values: Any) -> str:
    """Return a template of this package, filled with values.

    Text that others wrote is to be made printable first: by `esmgo.errors.printable`, in a
    template the filter of that name.
    """
    return _environment().get_template(template).render(values)


def resource(name: str) -> Markup:
    """Return a style or script of this package as it is stored."""
    return Markup((files("esmgo.render") / name).read_bytes().decode())  # noqa: S704 (our own)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # 50 ms: where a page is made

    found = Environment(
        loader=PackageLoader("esmgo", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"printable": printable, "wrap": textwrap.wrap}
    found.policies["json.dumps_kwargs"] = {"allow_nan": False}
    return found

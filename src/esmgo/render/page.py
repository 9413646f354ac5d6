"""A subgraph as one self-contained HTML file: it loads nothing and needs no program.

The page holds the picture and a table of the terms, which need no script. One small script lets
the reader move and zoom the picture. The content security policy allows exactly this script and
the style, by their hashes, and no loading.
"""

from __future__ import annotations

import base64
import hashlib

from markupsafe import Markup

from esmgo.errors import printable
from esmgo.render.boxes import TITLES, link_of
from esmgo.render.colours import fill_of, ink_on
from esmgo.render.picture import to_svg
from esmgo.render.subgraph import Subgraph
from esmgo.render.templates import filled, resource


def to_html(subgraph: Subgraph) -> str:
    """Return the page, the same text for the same subgraph."""
    script, style = map(resource, ("page.js", "page.css"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; "
        f"style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    return filled(
        "render/page.html",
        policy=policy,
        title=printable(subgraph.protein_id, 80) or "(no id)",
        subgraph=subgraph,
        names={node.term.id: node.term.name for node in subgraph.nodes},
        titles=TITLES,
        picture=Markup(to_svg(subgraph, in_page=True)),  # noqa: S704 (escaped)
        style=style,
        script=script,
        fill_of=fill_of,
        ink_on=ink_on,
        link_of=link_of,
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

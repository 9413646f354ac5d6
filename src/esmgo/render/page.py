"""A subgraph as one self-contained HTML file: it loads nothing and needs no program.

The page holds the picture, drawn by the `dot` program of Graphviz, and a table of the terms.
Where `dot` is missing or fails, it holds viz-js instead (Graphviz as WebAssembly, 1.3 MB), which
lays out the same DOT in the browser. Its content security policy allows exactly its own scripts
and its style, by their hashes, and no loading.
"""

from __future__ import annotations

import base64
import hashlib

from markupsafe import Markup

from esmgo.errors import MachineError, printable
from esmgo.render.colours import fill_of, ink_on
from esmgo.render.dot import TITLES, link_of, to_dot
from esmgo.render.graphviz import inline
from esmgo.render.subgraph import Subgraph
from esmgo.render.templates import filled, resource


def to_html(subgraph: Subgraph) -> str:
    """Return the page, the same text for the same subgraph and the same Graphviz."""
    dot = to_dot(subgraph, has_title=False)
    script, style = map(resource, ("page.js", "page.css"))
    try:
        drawn, viz, scripts = Markup(inline(dot)), Markup(""), _hash(script)  # noqa: S704 (escaped)
    except MachineError:
        drawn, viz = Markup(""), resource("vendor/viz-global.js")
        scripts = f"{_hash(viz)} {_hash(script)} 'wasm-unsafe-eval'"
    policy = (
        f"default-src 'none'; script-src {scripts}; "
        f"style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    return filled(
        "render/page.html",
        policy=policy,
        title=printable(subgraph.protein_id, 80) or "(no id)",
        subgraph=subgraph,
        names={node.term.id: node.term.name for node in subgraph.nodes},
        titles=TITLES,
        data=subgraph.to_json() | ({} if drawn else {"dot": dot}),
        drawn=drawn,
        style=style,
        viz=viz,
        script=script,
        fill_of=fill_of,
        ink_on=ink_on,
        link_of=link_of,
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

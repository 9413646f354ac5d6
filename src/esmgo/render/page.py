"""A subgraph as one self-contained HTML file: it loads nothing and needs no program.

The page holds viz-js (Graphviz as WebAssembly), which lays out the same DOT in the
browser, and a table of the terms for readers without JavaScript. Its content security
policy allows exactly its own two scripts and its style, by their hashes, and no loading.
"""

from __future__ import annotations

import base64
import hashlib

from esmgo.errors import printable
from esmgo.render.colours import fill_of, ink_on
from esmgo.render.dot import TITLES, link_of, to_dot
from esmgo.render.subgraph import Subgraph
from esmgo.render.templates import filled, resource


def to_html(subgraph: Subgraph) -> str:
    """Return the page, the same text for the same subgraph."""
    viz, script, style = map(resource, ("vendor/viz-global.js", "page.js", "page.css"))
    policy = (
        "default-src 'none'; "
        f"script-src {_hash(viz)} {_hash(script)} 'wasm-unsafe-eval'; "
        f"style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    return filled(
        "render/page.html",
        policy=policy,
        title=printable(subgraph.protein_id, 80) or "(no id)",
        subgraph=subgraph,
        names={node.term.id: node.term.name for node in subgraph.nodes},
        titles=TITLES,
        data={"dot": to_dot(subgraph), **subgraph.to_json()},
        style=style,
        viz=viz,
        script=script,
        fill_of=fill_of,
        ink_on=ink_on,
        link_of=link_of,
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

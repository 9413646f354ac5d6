"""A subgraph as one HTML file that asks nothing of the network or of any program.

The page holds viz-js (Graphviz as WebAssembly), which lays out the same DOT in the
browser, and a table of the terms for readers without JavaScript. Its content policy
lets exactly its own two scripts and its style run, by their hashes, and nothing load.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator
from importlib.resources import files
from string import Template

from esmgo.errors import printable
from esmgo.go.terms import is_go_id
from esmgo.render.colours import fill_of, ink_on
from esmgo.render.dot import TITLES, link_of, to_dot
from esmgo.render.subgraph import Node, Panel, Subgraph


def to_html(subgraph: Subgraph) -> str:
    """Return the page; it holds neither the time nor anything else that would vary."""
    viz, script, style = _text("vendor/viz-global.js"), _text("page.js"), _text("page.css")
    policy = (
        "default-src 'none'; "
        f"script-src {_hash(viz)} {_hash(script)} 'wasm-unsafe-eval'; "
        f"style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    release = subgraph.release
    names = {node.term.id: node.term.name for node in subgraph.nodes}
    return Template(_text("page.html")).substitute(
        policy=policy,
        title=_safe(subgraph.protein_id, 80) or "(no id)",
        summary=subgraph.summary + (f"; GO {_safe(release, 60)}" if release else ""),
        tables="\n".join(_rows(panel, names) for panel in subgraph.panels),
        data=_embedded({"dot": to_dot(subgraph), **subgraph.to_json()}),
        style=style,
        viz=viz,
        script=script,
    )


def _rows(panel: Panel, names: dict[str, str]) -> str:
    rows = [f'<tbody><tr><th class="aspect" colspan="6">{TITLES[panel.aspect]}</th></tr>']
    for node in sorted(panel.nodes, key=_most_probable_first):
        fill = fill_of(node.probability)  # as attributes: the policy forbids inline styles
        parents = "; ".join(_safe(names[id], 200) for id in panel.parents[node.term.id])
        rows.append(
            f"<tr{' class=called' if node.is_called else ''}><td>{_safe(node.term.id, 40)}</td>"
            f"<td>{_safe(node.term.name, 200)}</td>"
            f'<td class="p" bgcolor="{fill}"><font color="{ink_on(fill)}">'
            f"{node.probability:.4f}</font></td>"
            f"<td>{'yes' if node.is_called else ''}</td>"
            f'<td class="parents">{parents}</td>'
            f'<td class="more">{" ".join(_links(node))}</td></tr>'
        )
    return "\n".join([*rows, "</tbody>"])


def _most_probable_first(node: Node) -> tuple[float, str]:
    return -node.probability, node.term.id


def _links(node: Node) -> Iterator[str]:
    if is_go_id(node.term.id):
        amigo = f"https://amigo.geneontology.org/amigo/term/{node.term.id}"
        for name, address in (("QuickGO", link_of(node.term.id)), ("AmiGO", amigo)):
            yield f'<a href="{address}" target="_blank" rel="noopener noreferrer">{name}</a>'


def _safe(text: str, limit: int) -> str:
    return html.escape(printable(text, limit))


def _embedded(value: object) -> str:
    """Return JSON that can stand in a ``<script>``: no ``</script>``, no ``<!--``."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    return (files("esmgo.render") / name).read_bytes().decode()

"""A hook of MkDocs: adds the pages outside ``docs/`` and the API reference to the site.

Links between documents are those of the repository; the hook turns them into those of the site.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
OUTSIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "benchmarks/README.md")
ELSEWHERE = {"README.md": "index.md", "benchmarks/results": "benchmarks/README.md"}
LINK = re.compile(r"(?<=\]\()(?!https?:|#)([^)#\s]+)")
PUBLIC = re.compile(r"^from \.(\S+) import (\w+)", re.MULTILINE)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages outside ``docs/``, and the reference of the public names."""
    content = {name: (ROOT / name).read_text("utf-8") for name in OUTSIDE}
    content["index.md"] = (ROOT / "README.md").read_text("utf-8")
    stub = (ROOT / "src" / "esmgo" / "__init__.pyi").read_text("utf-8")
    names = sorted(PUBLIC.findall(stub), key=lambda found: found[1].lower())
    content["api.md"] = "# API reference\n\n`import esmgo` has these names.\n" + "".join(
        f"\n::: esmgo.{module}.{name}\n" for module, name in names
    )
    for path, text in content.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links of the repository into links of the site."""
    path = page.file.src_uri
    source = "README.md" if path == "index.md" else path if path in OUTSIDE else f"docs/{path}"

    def of_the_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        target = ELSEWHERE.get(target, target.removeprefix("docs/"))
        return posixpath.relpath(target, posixpath.dirname(path) or ".")

    return LINK.sub(of_the_site, markdown)

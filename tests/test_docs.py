"""The documents are true: commands run, names and flags are all there."""

import os
import re
import runpy
import subprocess
import sys
from dataclasses import fields

import pytest
from documents import DOCUMENTS, ROOT, blocks_of, fresh_tree, run_document, runnable, tools

import esmgo
from esmgo.cli.reference import page
from esmgo.cli.verbs import VERBS
from esmgo.data.famous import famous_path
from esmgo.learn.config import TrainConfig
from esmgo.model.bases import BASES
from esmgo.predict import choosing

README = ROOT / "README.md"
SLOW = ("explain.md", "predict.md")
"""Documents whose commands take more than half a minute."""

NOT_RUN = {
    "README.md": ["network", "network", "a server"],
    "model_card.md": ["hours"],
    "training.md": ["network"],
    "results.md": ["hours"],
    "scale.md": ["a cluster", "a scheduler"],
}


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A fresh copy of the tree; the bundled index is read once for all commands."""
    read, kept = choosing.open_index, {}

    def open_once(checkpoint, **more):
        key = (checkpoint.header.notes["sha256"], *more.items())
        if key not in kept:
            kept[key] = read(checkpoint, **more)
        return kept[key]

    monkeypatch.setattr(choosing, "open_index", open_once)
    monkeypatch.chdir(fresh_tree(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.name, marks=[pytest.mark.slow] * (path.name in SLOW))
        for path in DOCUMENTS
        if runnable(path)
    ],
)
def test_the_blocks_of_a_document_run_in_order_in_a_fresh_tree(path, fresh, capfd):
    done = run_document(path)
    printed = capfd.readouterr().out
    if path != README:
        return
    for line in "".join(b.text for b in blocks_of(path) if not b.language).splitlines():
        name = re.sub(r"^[\d. ]+", "", line)  # numbers differ a little between processors
        assert name in printed
    (command,) = re.findall(r"drawn by `([^`]+)`", path.read_text(encoding="utf-8"))
    command = " ".join(command.split())
    assert command in [c for block in runnable(path) for c in block.commands]
    if command in done:
        drawn, shown = (
            set(re.findall(r"GO:\d{7}", each.read_text(encoding="utf-8")))
            for each in (fresh / "p53.svg", ROOT / "docs" / "images" / "p53.svg")
        )
        assert len(drawn & shown) >= 0.8 * len(drawn | shown)


def test_the_blocks_about_predicting_run_with_a_small_caller(fresh, packed, monkeypatch, capfd):
    monkeypatch.setattr("esmgo.model.bundled.FOLDER", packed)
    run_document(ROOT / "docs" / "predict.md")
    again = (fresh / "again.tsv").read_bytes()
    assert (fresh / "merged.tsv").read_bytes() == (fresh / "planned.tsv").read_bytes() == again
    capfd.readouterr()


def test_inputs_that_blocks_name_are_in_the_tree_or_made_by_the_sample():
    for path in DOCUMENTS:
        for command in (c for block in runnable(path) for c in block.commands):
            for name in re.findall(r"[^\s=]+\.(?:fasta|obo|py)\b", command):
                assert (ROOT / name).is_file() or name.startswith("sample/"), (path.name, command)


@pytest.mark.slow
def test_the_blocks_of_the_readme_run_in_one_shell_in_a_clone(tmp_path):
    clone = tmp_path / "esmgo"
    if subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=False).returncode:
        pytest.skip("needs git and a repository")
    lines = ["set -e", 'esmgo() { python -m esmgo "$@"; }']
    for block in runnable(README):
        is_python = block.language == "python"
        lines.append(f"python - <<'END'\n{block.text}END" if is_python else block.text)
    place = {"PYTHONPATH": str(clone / "src"), "PATH": f"{tools(tmp_path)}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)], cwd=clone, env=os.environ | place,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_blocks_that_are_not_run_are_counted_and_have_a_reason():
    found = {}
    for path in DOCUMENTS:
        for block in blocks_of(path):
            is_command = re.search(r"^(esmgo|python|pip|make|git) ", block.text, re.MULTILINE)
            assert block.language in ("sh", "python") or not is_command, (path.name, block.text)
            if block.reason:
                found.setdefault(path.name, []).append(block.reason)
    assert found == NOT_RUN


def test_blocks_are_found_with_their_language_reason_and_commands(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(
        "```sh\nesmgo a --b=1 \\\n  --c   # why\n# nothing\nesmgo d\n```\n\n"
        "<!-- not run: network -->\n```sh\nesmgo e\n```\n\n```\noutput\n```\n"
        "```python\nimport f\n```\n"
    )
    one, two, three, four = blocks_of(path)
    assert one.commands == ["esmgo a --b=1    --c", "esmgo d"]
    assert (one.reason, two.reason, three.language, four.language) == (
        None,
        "network",
        "",
        "python",
    )
    assert [block.text for block in runnable(path)] == [one.text, "import f\n"]


def test_a_command_that_fails_is_named(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for command in ("esmgo rank --fasta=absent", "cat absent | wc", "python absent.py"):
        (tmp_path / "page.md").write_text(f"```sh\n{command}\n```\n")
        with pytest.raises((AssertionError, FileNotFoundError), match="absent"):
            run_document(tmp_path / "page.md")


def test_every_verb_has_an_example_that_is_run():
    commands = [c for path in DOCUMENTS for block in runnable(path) for c in block.commands]
    verbs = {command.split()[1] for command in commands if command.startswith("esmgo ")}
    assert verbs | {"train"} == set(VERBS)  # the seed's way to train is fine-tune.py
    assert any("fine-tune.py" in command for command in commands)


def test_the_examples_are_the_famous_proteins():
    famous = famous_path().read_text()
    assert (ROOT / "examples" / "proteins.fasta").read_text() == famous
    assert (ROOT / "examples" / "insulin.fasta").read_text() in famous


def test_the_picture_of_the_floors_is_up_to_date():
    floors = runpy.run_path(str(ROOT / "docs" / "floors.py"))
    drawn = floors["picture"]((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert floors["PICTURE"].read_text(encoding="utf-8") == drawn
    packages = {path.name for path in (ROOT / "src" / "esmgo").iterdir() if path.is_dir()}
    assert all(f">{name}<" in drawn for name in packages - {"bundled", "__pycache__"})


def test_the_first_screen_has_the_measured_figures_of_the_results():
    rows = {}
    for line in (ROOT / "docs" / "results.md").read_text(encoding="utf-8").splitlines():
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows.setdefault(name, cells[:3])
    first = README.read_text(encoding="utf-8").split("## Install")[0]
    for ours, theirs in {
        "term frequency (naive)": "naive",
        "DIAMOND": "DIAMOND",
        "esmgo": "head + neighbours + k-mers + homology",
        "esmgo with DIAMOND (`--homology=diamond`)": "head + neighbours + k-mers + DIAMOND",
    }.items():
        (line,) = (row for row in first.splitlines() if row.startswith(f"| {ours} |"))
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        assert cells[1:] == rows[theirs]


def test_the_table_of_bases_is_that_of_the_measurements():
    readme = README.read_text(encoding="utf-8")
    assert all(f"| `{base}`" in readme for base in BASES)
    measured = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    for line in re.findall(r"^\| (\d+M) \|(.*)$", measured, re.MULTILINE):
        parameters, _, peak, speed, *_ = (cell.strip() for cell in line[1].split("|"))
        (row,) = (r for r in readme.splitlines() if r.startswith("| `") and f"_{line[0]}_" in r)
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        millions = float(parameters.split()[0])
        assert float(cells[1].split()[0]) == pytest.approx(millions, rel=0.001)
        size, unit = cells[2].split()
        assert float(size) * {"MB": 1, "GB": 1000}[unit] == pytest.approx(4 * millions, rel=0.03)
        assert float(cells[3].split()[0]) == pytest.approx(
            float(peak.replace(",", "")) / 1024, 0.04
        )
        assert cells[4] == speed


def test_the_citation_invents_no_identifier():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", text, re.MULTILINE)[1] == esmgo.__version__
    assert set(re.findall(r"10\.\d{4,}/\S+", text)) == {"10.1126/science.ade2574", "10.1038/75556"}
    assert not re.search(
        r"^\s*(url|repository|orcid|identifiers|date-released)", text, re.MULTILINE
    )


def test_the_documents_build_as_a_site_with_every_public_name(tmp_path):
    pytest.importorskip("mkdocs", reason="needs MkDocs, of the extra docs")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    reference = (tmp_path / "site" / "api.html").read_text(encoding="utf-8")
    for name in esmgo.__all__:
        assert f'id="{getattr(esmgo, name).__module__}.{name}"' in reference, name
    for source in DOCUMENTS:
        name = "index.html" if source == README else f"{source.stem}.html"
        text = (tmp_path / "site" / name).read_text(encoding="utf-8")
        assert not re.search(r'(src|rel="stylesheet" href)="https?:', text), name


def test_the_page_of_flags_is_up_to_date():
    assert (ROOT / "docs" / "flags.md").read_text(encoding="utf-8") == page()


def test_every_public_name_exists_is_sorted_and_stands_in_the_documents():
    assert sorted(esmgo.__all__) == esmgo.__all__
    assert dir(esmgo) == sorted([*esmgo.__all__, "__version__"])
    text = (ROOT / "docs" / "python.md").read_text() + page()
    for name in esmgo.__all__:
        assert getattr(esmgo, name).__name__ == name
        assert re.search(rf"\b{name}\b", text), name
    with pytest.raises(AttributeError, match="nonsense"):
        esmgo.nonsense  # noqa: B018


def test_every_verb_stands_in_the_documents():
    for verb in VERBS:
        assert f"esmgo {verb}" in page()


def test_every_option_has_a_text():
    assert all(each.metadata["text"].endswith(".") or "?" in each.metadata["text"]
               for each in fields(TrainConfig))  # fmt: skip


def test_links_of_the_documents_lead_somewhere():
    for path in [ROOT / "README.md", *ROOT.glob("docs/*.md"), ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"

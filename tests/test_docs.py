"""The documents are true: commands run, names and flags are all there."""

import gzip
import io
import json
import re
import shlex
import shutil
from dataclasses import fields
from pathlib import Path

import pytest
from killing_predict import proteome_of
from motifs import sequence

import esmgo
from esmgo.cli.main import main
from esmgo.cli.reference import page
from esmgo.cli.verbs import VERBS
from esmgo.dataset.sample import example, sample_ontology_path, sample_rows
from esmgo.learn.config import TrainConfig
from esmgo.model.container import index_path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = ("esmgo ", "python fine-tune.py", "python predict-rank.py")


def commands_of(text):
    """The commands in the shell blocks of a document."""
    blocks = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    return [line for line in blocks.splitlines() if line.startswith(PROGRAMS)]


COMMANDS = commands_of(README)
BASELINES = [
    command
    for command in commands_of((ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8"))
    if "--dataset=sample" in command
]
SEQUENCES = ">a\nMKTAYIAKQRQISFVKSHFSRQ\n>b\nMASMAGVGGGSGKRVPPTRVWW\n"


@pytest.fixture
def folder(tmp_path, blended, packed, monkeypatch):
    """A folder with the files that the README's examples name."""
    (tmp_path / "checkpoints").mkdir()
    for path in (blended[0], index_path(blended[0])):
        shutil.copy(path, tmp_path / "checkpoints" / path.name)
    (tmp_path / "proteins.fasta").write_text(SEQUENCES)
    (tmp_path / "train_sequences.fasta").write_text(SEQUENCES)
    term = example("zinc finger")["terms"][0]
    table = f"EntryID\tterm\taspect\na\t{term}\tMFO\nb\t{term}\tMFO\n"
    (tmp_path / "train_terms.tsv").write_text(table)
    (tmp_path / "go-basic.obo").write_bytes(sample_ontology_path().read_bytes())
    (tmp_path / "truth.tsv").write_text(f"a\t{term}\nb\t{term}\n")
    (tmp_path / "predictions.tsv").write_text(f"a\t{term}\t0.7\n")
    monkeypatch.setattr("esmgo.model.bundled.FOLDER", packed)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    return tmp_path


def test_the_readme_has_commands():
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_readme_run_as_printed(command, folder, capsys):
    program, *words = shlex.split(command)
    if words[0] == "audit" and shutil.which("diamond") is None:
        pytest.skip("needs DIAMOND")
    if "--dataset=data" in words:
        (folder / "data" / "all").mkdir(parents=True)
        for split, rows in sample_rows().items():
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / "data" / "all" / f"{split}.jsonl").write_text(lines)
    if program == "python":
        words[0] = {"fine-tune.py": "train", "predict-rank.py": "rank"}[words[0]]
    without = ("build", "export", "audit", "selftest")
    code = main(words if words[0] in without else [*words, "--device=cpu"])
    err = capsys.readouterr().err
    assert code == (5 if "facebook/" in command else 0), err


@pytest.mark.parametrize("command", BASELINES)
def test_commands_about_baselines_run(command, tmp_path, monkeypatch):
    _, *words = shlex.split(command)
    if {"diamond", "audit"} & set(words) and shutil.which("diamond") is None:
        pytest.skip("needs DIAMOND")
    monkeypatch.chdir(tmp_path)
    assert main(words) == 0
    assert words[0] == "audit" or Path(words[-1].removeprefix("--output=")).stat().st_size


def test_every_verb_has_an_example_that_is_run():
    documents = (ROOT / "docs" / f"{name}.md" for name in ("blend", "explain", "predict"))
    run = [*COMMANDS, *BASELINES, *(line for d in documents for line in commands_of(d.read_text()))]
    verbs = {command.split()[1] for command in run if command.startswith("esmgo ")}
    assert verbs | {"train"} == set(VERBS)  # the seed's way to train is fine-tune.py
    assert any("fine-tune.py" in command for command in run)


def test_commands_about_blending_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "blend.md").read_text(encoding="utf-8")
    commands = re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1].splitlines()
    assert len(commands) == 3
    for command in commands:
        _, *words = shlex.split(command)
        words[0] = {"fine-tune.py": "train"}.get(words[0], words[0])
        assert main([*words, "--device=cpu"]) == 0
    assert "blend of head + neighbours" in capsys.readouterr().out


def test_commands_about_predicting_run_as_printed(
    checkpoint, blended, tmp_path, monkeypatch, capsys
):
    page = (ROOT / "docs" / "predict.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    commands = [
        line for block in blocks for line in block.splitlines() if line.startswith("esmgo ")
    ]
    assert len(commands) >= 6
    (tmp_path / "checkpoints").mkdir()
    for file in blended[0].parent.glob("checkpoint*"):
        (tmp_path / "checkpoints" / file.name).write_bytes(file.read_bytes())
    proteome = proteome_of(tmp_path / "proteins.fasta", 4)  # without bad records
    (tmp_path / "proteins.fasta.gz").write_bytes(gzip.compress(proteome.read_bytes()))
    monkeypatch.chdir(tmp_path)
    for command in commands:
        words = shlex.split(command)[1:]
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(proteome.read_bytes())))
        device = ["--device=cpu"] if words[0] == "predict" else []
        assert main([*words, *device]) == 0, (command, capsys.readouterr().err)
    assert (tmp_path / "merged.tsv").read_bytes() == (tmp_path / "again.tsv").read_bytes()
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "docs/predict.md", "exec"), {})


def test_commands_about_explaining_run_as_printed(checkpoint, tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoint.pt").write_bytes(checkpoint.read_bytes())
    (tmp_path / "proteins.fasta").write_text(f">a\n{sequence(40, 1)}\n>b\n{sequence(30, 2)}\n")
    text = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8")
    commands = re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1].splitlines()
    assert len(commands) >= 3
    for command in commands:
        _, *words = shlex.split(command)
        assert main([*words, "--device=cpu"]) == 0
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, "explain.md", "exec"), {})


def test_python_of_the_documents_runs(folder, capsys):
    for name in ("README.md", "docs/python.md"):
        for block in re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL):
            exec(compile(block, name, "exec"), {})
    assert re.search(r"^0\.\d{4}: ", capsys.readouterr().out, re.MULTILINE)


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

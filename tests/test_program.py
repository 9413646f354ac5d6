"""The program as a whole: odd paths in every option end in one line with an exit code."""

import socket
from dataclasses import fields
from pathlib import Path
from pkgutil import resolve_name

import pytest

from esmgo.cli.flags import flag_of
from esmgo.cli.main import main
from esmgo.cli.verbs import VERBS
from esmgo.dataset.sample import sample_ontology_path

SEQUENCE = {"sequence": "MKTAYIAKQRQISFVKSHFSRQ"}
WORDS = {
    "train": {"dataset": "sample", "base_model": "tiny", "device": "cpu"},
    "rank": SEQUENCE,
    "predict": {"input": "p.fasta", "output": "o.tsv"},
    "merge": {"shards": "file", "output": "o.tsv"},
    "subgraph": SEQUENCE | {"output": "o.html"},
    "explain": SEQUENCE | {"term": "GO:0003674"},
    "build": {"sequences": "p.fasta", "terms": "t.tsv", "ontology": "go.obo", "output_dir": "out"},
    "export": {"output_dir": "out"},
    "evaluate": {"predictions": "s.tsv", "truth": "t.tsv", "ontology": "go.obo"},
    "baseline": {"method": "naive", "dataset": "sample", "output": "o.tsv"},
    "audit": {"dataset": "sample"},
    "embed": {"fasta": "p.fasta", "output": "o.npz", "base_model": "tiny"},
    "blend": {"dataset": "sample"},
    "selftest": {},
}
"""Options that each verb needs."""

ODD = ("x" * 5000, "/".join(["x" * 200] * 25), "loop", "loop/x", "a\0b", "file/x", "")
ODD_FILES = (*ODD, "folder", "socket", "file/")
PATHS = [
    (name, each.name)
    for name, verb in VERBS.items()
    for each in fields(resolve_name(verb.config))
    if each.metadata["uses"] and each.name not in ("homology", "run_dir_path")
]
"""Every option that names a path and is examined before any long work."""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with valid inputs and with odd things."""
    (tmp_path / "file").write_text("x\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "p.fasta").write_text(">p1\nMKTAYIAKQRQISFVKSHFSRQ\n")
    (tmp_path / "t.tsv").write_text("EntryID\tterm\taspect\np1\tGO:0003674\tF\n")
    (tmp_path / "s.tsv").write_text("p1\tGO:0003674\t0.5\n")
    (tmp_path / "go.obo").write_bytes(Path(sample_ontology_path()).read_bytes())
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
        yield tmp_path


def words_of(verb, option, value):
    """The arguments of a verb with one odd path."""
    words = WORDS[verb] | {option: value}
    if option == "fasta":
        words.pop("sequence", None)
    if verb == "embed" and option == "checkpoint_path":
        del words["base_model"]
    if verb == "evaluate" and option == "checkpoint_path":
        words = {option: value, "dataset": "sample"}
    if verb == "evaluate" and option == "dataset":
        del words["truth"]
    if verb == "baseline" and option in ("checkpoint_path", "base_model"):
        words["method"] = "neighbours"
    config = resolve_name(VERBS[verb].config)
    rest = {each.name for each in fields(config) if each.metadata["is_rest"]} | {"method"}
    first = [words.pop(name) for name in list(words) if name in rest]
    return [verb, *first, *(f"{flag_of(name)}={value}" for name, value in words.items())]


@pytest.mark.parametrize(("verb", "option"), PATHS)
def test_odd_paths_are_one_line(verb, option, here, capsys, monkeypatch):
    monkeypatch.setattr("esmgo.assess.audit.find_diamond", lambda: None)
    before = set(here.iterdir())
    is_output = option in ("output", "rejects", "output_dir")
    is_checkpoint = option == "checkpoint_path" and verb != "train"
    codes = {2, 6} if is_checkpoint else {2, 5} if is_output or verb == "train" else {2, 3}
    if option in ("dataset", "ontology"):
        codes = {2, 3}
    codes |= {"merge": {3}, "blend": {6}}.get(verb, set())  # the file of another option
    for value in ODD_FILES if is_output and option != "output_dir" else ODD:
        code = main(words_of(verb, option, value))
        _, err = capsys.readouterr()
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert code in codes, (value[:50], err)
        assert len(errors) == 1, (value[:50], err)
        assert errors == err.splitlines()[-1:]
        assert len(errors[0]) < 200
        assert errors[0].isprintable()
        assert set(here.iterdir()) - {here / "checkpoints"} == before, value[:50]


def test_training_replaces_checkpoints_only(here, capsys):
    for name in ("thesis.docx", "thesis.best.docx", "thesis.index.docx"):
        (here / name).write_text("my only copy")
        words = words_of("train", "checkpoint_path", "thesis.docx")
        assert main(words) == 2
        assert f"{name} is not a checkpoint, so it is not replaced" in capsys.readouterr().err
        assert (here / name).read_text() == "my only copy"
        (here / name).unlink()
    for path, told in (("/dev/null", "not a file"), ("socket", "socket"), ("file/", "a folder")):
        assert main(words_of("train", "checkpoint_path", path)) == 2
        assert told in capsys.readouterr().err


@pytest.mark.parametrize("path", ["a\0b", "\udcff", "file", "file/x", "x" * 5000])
def test_a_run_directory_that_cannot_be_made_is_one_line(path, here, capsys):
    words = [*words_of("train", "run_dir_path", path), "--checkpoint_path=c.pt"]
    assert main(words) in (2, 5)
    assert "--run_dir_path" in capsys.readouterr().err.splitlines()[-1]

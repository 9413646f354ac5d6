"""The program as a whole: odd paths in every option end in one line with an exit code."""

import shutil
import socket
from dataclasses import fields
from pathlib import Path
from pkgutil import resolve_name

import pytest
from denied import outcomes

from esmgo.cli.flags import flag_of
from esmgo.cli.main import main
from esmgo.cli.verbs import VERBS
from esmgo.dataset.sample import sample_ontology_path, sample_rows

SEQUENCE = {"sequence": "MKTAYIAKQRQISFVKSHFSRQ"}
WORDS = {
    "train": {"dataset": "sample", "base_model": "tiny", "device": "cpu"},
    "rank": SEQUENCE,
    "predict": {"input": "p.fasta", "output": "o.tsv"},
    "plan": {"input": "p.fasta", "output_dir": "out"},
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
    monkeypatch.setattr("esmgo.evidence.programs.Program.path", lambda _: "")
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


@pytest.fixture
def closed(tmp_path):
    """A file and a folder that nobody may read, and a folder in which nobody may write."""
    file, folder, full = tmp_path / "closed.tsv", tmp_path / "closed", tmp_path / "full"
    file.write_text(">a\nMKLVAAGIVGLLLAQP\n")
    (folder / "all").mkdir(parents=True)
    (folder / "all" / "train.jsonl").write_text("{}\n")
    full.mkdir()
    inner = tmp_path / "parts" / "all" / "train"
    inner.mkdir(parents=True)
    for path, mode in ((file, 0), (folder, 0), (inner, 0), (full, 0o500)):
        path.chmod(mode)
    yield file, folder, full
    for path in (folder, inner, full):
        path.chmod(0o700)


def test_inputs_without_permission_are_one_line(closed, tmp_path):
    file, folder, _ = closed
    good = {"ontology": tmp_path / "go.obo", "truth": tmp_path / "t.tsv"}
    shutil.copy(sample_ontology_path(), good["ontology"])
    term = sample_rows()["train"][0]["terms"][0]
    good["truth"].write_text(f"a\t{term}\n")
    (tmp_path / "p.tsv").write_text(f"a\t{term}\t0.5\n")
    (tmp_path / "a.fasta").write_text(">a\nMKLVAAGIVGLLLAQP\n")
    out = tmp_path / "out"
    query = f"--fasta={tmp_path / 'a.fasta'}"
    refused = [
        ["predict", f"--input={file}", f"--output={out}.tsv"],
        ["rank", f"--fasta={file}"],
        ["subgraph", f"--fasta={file}", f"--output={out}.html"],
        ["explain", f"--fasta={file}", f"--term={term}"],
        ["embed", f"--fasta={file}", "--base_model=tiny", f"--output={out}.npz"],
        ["baseline", "naive", f"--fasta={file}", "--dataset=sample", f"--output={out}.tsv"],
        ["baseline", "naive", f"--dataset={folder}", f"--output={out}.tsv"],
        ["audit", f"--dataset={file}"],
        ["train", f"--dataset={file}", "--base_model=tiny", f"--checkpoint_path={out}.pt"],
        ["train", "--dataset=sample", "--base_model=tiny", f"--ontology={file}",
         f"--checkpoint_path={out}.pt"],
        ["merge", f"--output={out}.tsv", file],
        ["rank", query, f"--homology={file}", "--sources=head,homology"],
        *(["build", f"--{name}={file}"] for name in ("sequences", "terms", "ontology", "taxonomy")),
    ]  # fmt: skip
    flags_of_truth = [f"--{name}={path}" for name, path in good.items()]
    files = {"predictions": tmp_path / "p.tsv", **good}
    for name in ("predictions", "truth", "ontology", "ia", "targets", "terms_of_interest", "known",
                 "identity"):  # fmt: skip
        flags = files | {name: file}
        refused.append(["evaluate", *(f"--{k}={v}" for k, v in flags.items())])
    bad_models = [
        ["predict", f"{query}", f"--checkpoint_path={file}", f"--output={out}.tsv"],
        ["export", f"--checkpoint_path={file}", f"--output_dir={out}"],
        ["evaluate", f"--checkpoint_path={file}", "--dataset=sample"],
        ["blend", f"--checkpoint_path={file}", "--dataset=sample"],
        ["train", f"--checkpoint_path={file}", "--dataset=sample", "--resume"],
        ["embed", query, f"--checkpoint_path={file}", f"--output={out}.npz"],
        ["embed", query, f"--base_model={folder}", f"--output={out}.npz"],
    ]  # fmt: skip
    refused += [[w.replace(str(file), str(folder / "x")) for w in map(str, c)] for c in refused]
    shutil.copy(tmp_path / "p.tsv", tmp_path / "parts")
    for each in (folder, tmp_path / "parts"):  # in the latter is a closed folder
        refused.append(["evaluate", f"--predictions={each}", *flags_of_truth])
        refused.append(["audit", f"--dataset={each}"])
    other = [c for c in bad_models if c[0] != "train"]  # its checkpoint is an output, too
    bad_models += [[w.replace(str(file), str(folder / "x")) for w in c] for c in other]
    wanted = [3] * len(refused) + [6] * len(bad_models)
    commands = [*refused, *bad_models]
    for command, code, (found, err) in zip(commands, wanted, outcomes(file, commands), strict=True):
        assert found == code, (command, err)
        lines = [line for line in err.splitlines() if not line.startswith("warning: no `")]
        assert "permission denied" in lines[-1].lower(), (command, err)
        assert len(lines[-1]) < 200
        assert "Traceback" not in err
    assert not list(tmp_path.glob("out*"))


def test_outputs_without_permission_are_one_line(closed, tmp_path):
    file, folder, full = closed
    (tmp_path / "a.fasta").write_text(">a\nMKLVAAGIVGLLLAQP\n")
    query = f"--fasta={tmp_path / 'a.fasta'}"
    commands = [
        ["predict", query, f"--output={full}/x.tsv"],
        ["predict", query, f"--output={tmp_path}/x.tsv", f"--rejects={full}/r.tsv"],
        ["rank", query, f"--output={full}/x.tsv"],
        ["rank", query, f"--rejects={full}/r.tsv"],
        ["subgraph", query, f"--output={full}/x.html"],
        ["explain", query, "--term=GO:0005515", f"--output={full}/x.txt"],
        ["embed", query, "--base_model=tiny", f"--output={full}/x.npz"],
        ["baseline", "naive", "--dataset=sample", f"--output={full}/x.tsv"],
        ["audit", "--dataset=sample", f"--output_dir={full}/x"],
        ["export", "--checkpoint_path=bundled", f"--output_dir={full}/x"],
        ["train", "--dataset=sample", "--base_model=tiny", f"--checkpoint_path={full}/x.pt"],
        ["train", "--dataset=sample", "--base_model=tiny", f"--checkpoint_path={full}/y/x.pt"],
        ["train", "--resume", f"--checkpoint_path={folder}/x.pt"],
        ["build", query.replace("fasta=", "sequences=", 1), f"--rejects={full}/r.tsv"],
        ["merge", f"--output={full}/x.tsv", tmp_path / "a.fasta"],
    ]
    for command, (found, err) in zip(commands, outcomes(file, commands), strict=True):
        assert found == (3 if command[0] == "merge" else 5), (command, err)
        assert len(err.splitlines()) == 1, (command, err)
        assert found == 3 or "permission denied" in err, (command, err)
        assert len(err) < 200
    assert not list(full.iterdir())

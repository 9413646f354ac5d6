"""Paths that verbs read and write: no output destroys an input or another output."""

import os
import sys
from dataclasses import fields
from itertools import product
from pkgutil import resolve_name

import pytest
from huggingface_hub import constants

from esmgo.cli.main import main
from esmgo.cli.verbs import VERBS
from esmgo.errors import UsageError
from esmgo.files.uses import Use, refuse_clashes
from esmgo.learn.config import TrainConfig
from esmgo.options import kind_of, uses_of
from esmgo.proteome.config import PredictConfig

NO_PATHS = {
    "address", "aspect", "assigned_by", "dataset_subset", "date", "device", "evidence", "format",
    "method", "protein", "reference", "revision", "sequence", "shard", "sources", "term",
}  # fmt: skip
"""Options of text without choices that name no path."""

CONFIGS = {name: resolve_name(verb.config) for name, verb in VERBS.items()}


def how(config, each):
    """How a verb uses the path of an option, or None if it names none."""
    if each.metadata["uses"] is None:
        return None
    made = object.__new__(config)
    for other in fields(config):
        object.__setattr__(made, other.name, other.default)
    object.__setattr__(made, each.name, (__file__,) if each.metadata["is_rest"] else __file__)
    return next((use.how for name, use in uses_of(made) if name == each.name), "read")


@pytest.mark.parametrize("name", VERBS)
def test_every_option_of_text_is_known_to_name_a_path_or_none(name):
    config = CONFIGS[name]
    texts = [e for e in fields(config) if kind_of(config, e.name) not in (int, float, bool)]
    texts = [each for each in texts if not each.metadata["choices"]]
    unknown = [e.name for e in texts if not e.metadata["uses"] and e.name not in NO_PATHS]
    assert unknown == [], "declare what they read or write: option(..., uses=reads)"


def made(name, **values):
    config = CONFIGS[name]
    rest = {each.name for each in fields(config) if each.metadata["is_rest"]}
    return config(**{k: (v,) if k in rest else v for k, v in values.items()})


@pytest.fixture(params=["same", "spelling", "symlink", "hard link", "link to a folder"])
def alias(request, tmp_path):
    """A file that is both read and written, under two paths."""
    file, other = tmp_path / "x.tsv", tmp_path / "y.tsv"
    file.write_text("mine")
    if request.param == "symlink":
        other.symlink_to(file)
    elif request.param == "hard link":
        other.hardlink_to(file)
    elif request.param == "link to a folder":
        (tmp_path / "here").symlink_to(tmp_path)
        other = tmp_path / "here" / "x.tsv"
    else:
        other = file if request.param == "same" else f"{tmp_path}/./no/../x.tsv"
    if request.param == "spelling":
        (tmp_path / "no").mkdir()
    return str(file), str(other)


def inputs_and_outputs():
    for name, config in CONFIGS.items():
        hows = {each.name: how(config, each) for each in fields(config)}
        inputs = [n for n, found in hows.items() if found == "read" and n != "base_model"]
        yield from product([name], inputs, [n for n in hows if hows[n] == "write"])


@pytest.mark.parametrize(("verb", "reader", "writer"), list(inputs_and_outputs()))
def test_no_verb_writes_a_file_that_it_reads(alias, verb, reader, writer):
    with pytest.raises(UsageError) as told:
        made(verb, **{reader: alias[0], writer: alias[1]})
    named = "it is an input" if reader == "shards" else f"`{reader}`"
    assert named in str(told.value)
    assert f"`{writer}`" in str(told.value)


def test_the_pairs_above_are_those_of_all_verbs():
    found = {(verb, writer) for verb, _, writer in inputs_and_outputs()}
    assert found == {
        ("train", "checkpoint_path"), ("rank", "output"), ("rank", "rejects"),
        ("predict", "output"),
        ("predict", "rejects"), ("merge", "output"), ("subgraph", "output"), ("explain", "output"),
        ("build", "rejects"), ("baseline", "output"), ("embed", "output"), ("embed", "rejects"),
        ("blend", "checkpoint_path"), ("plan", "rejects"),
    }  # fmt: skip


FOLDERS = [
    ("build", "sequences"), ("build", "ontology"), ("build", "rejects"), ("plan", "input"),
    ("plan", "rejects"),
    ("export", "checkpoint_path"), ("audit", "dataset"), ("audit", "ontology"),
    ("audit", "checkpoint_path"), ("audit", "fasta"),
    ("evaluate", "predictions"), ("evaluate", "truth"), ("evaluate", "ia"),
    ("evaluate", "checkpoint_path"), ("evaluate", "dataset"), ("evaluate", "identity"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "other"), FOLDERS)
def test_no_folder_that_is_replaced_contains_another_path(tmp_path, verb, other):
    inner = tmp_path / "out" / "deep" / "x"
    inner.parent.mkdir(parents=True)
    inner.write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    for folder in (tmp_path, tmp_path / "out", tmp_path / "link", inner.parent, inner):
        with pytest.raises(UsageError, match=f"`output_dir` writes .*`{other}`"):
            made(verb, output_dir=str(folder), **{other: str(inner)})


def test_files_beside_a_checkpoint_belong_to_it(tmp_path, monkeypatch):
    path = tmp_path / "c.pt"
    for beside in ("c.pt", "c.index.pt", "c.index.new.pt", ".c.pt.lock", "c.best.pt"):
        if beside != "c.best.pt":
            name = beside.removeprefix(".").removesuffix(".lock")
            with pytest.raises(UsageError, match=r"`output` writes .*`checkpoint_path` reads"):
                made("predict", checkpoint_path=str(path), input="x", output=str(tmp_path / name))
        with pytest.raises(UsageError, match=r"`checkpoint_path` writes .*`ontology` reads"):
            made("train", checkpoint_path=str(path), ontology=str(tmp_path / beside))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoint.pt").touch()
    with pytest.raises(UsageError, match=r"`output` writes .*`checkpoint_path` reads"):
        made("predict", input="x", output="checkpoints/checkpoint.pt", overwrite=True)


def test_the_bundled_caller_is_an_input(bundled):
    with pytest.raises(UsageError, match=r"`output` writes .*`checkpoint_path` reads"):
        made("explain", term="x", output=str(bundled / "caller.safetensors"))
    with pytest.raises(UsageError, match=r"`output` writes .*`checkpoint_path` reads"):
        made("embed", checkpoint_path="bundled", output=str(bundled / "caller.index.safetensors"))


def test_files_of_a_data_set_and_of_a_base_model_are_inputs(tmp_path):
    for name in ("all/train.parquet", "mf/test/0.parquet", "train.jsonl", "model.safetensors"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        option = "base_model" if path.suffix == ".safetensors" else "dataset"
        with pytest.raises(UsageError, match=rf"`checkpoint_path` writes .*`{option}` reads it"):
            TrainConfig(checkpoint_path=str(path), **{option: str(tmp_path)})
    with pytest.raises(UsageError, match=r"`run_dir_path` writes .*`dataset` reads it"):
        TrainConfig(run_dir_path=str(tmp_path), dataset=str(tmp_path))
    TrainConfig(checkpoint_path=str(tmp_path / "checkpoints" / "c.pt"), dataset=str(tmp_path))


def test_cached_files_of_the_hub_are_inputs(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for name, option, id in (
        ("models--facebook--esm2_t6_8M_UR50D", "base_model", "facebook/esm2_t6_8M_UR50D"),
        ("datasets--who--proteins", "dataset", "who/proteins@main"),
    ):
        blob = tmp_path / name / "blobs" / "ab12"
        file = tmp_path / name / "snapshots" / ("0" * 40) / "all" / "train.parquet"
        for path in (blob, file):
            path.parent.mkdir(parents=True)
        blob.touch()
        file.symlink_to(blob)
        for path in (blob, file):
            with pytest.raises(
                UsageError, match=rf"`checkpoint_path` writes .*`{option}` reads it"
            ):
                TrainConfig(checkpoint_path=str(path), **{option: id})
        TrainConfig(checkpoint_path=str(tmp_path / "c.pt"), **{option: id})
    with pytest.raises(UsageError, match=r"`output` writes .*`base_model` reads it"):
        made("embed", fasta="x", base_model="facebook/esm2_t6_8M_UR50D",
             output=str(tmp_path / "models--facebook--esm2_t6_8M_UR50D"))  # fmt: skip
    with pytest.raises(UsageError, match=r"`output_dir` writes .*`dataset` reads .* in it"):
        made("audit", dataset="who/proteins", output_dir=str(tmp_path))


def test_hidden_files_and_unfinished_work_of_an_output_are_outputs(tmp_path):
    output = str(tmp_path / "x.tsv")
    for name in (".x.tsv.lock", ".x.tsv.17-0123abcd.tmp", "x.tsv.parts/input.fasta"):
        with pytest.raises(UsageError, match=r"`output` writes .*`input` reads"):
            PredictConfig(input=str(tmp_path / name), output=output)
    with pytest.raises(UsageError, match=r"`output` writes .*`rejects` writes"):
        PredictConfig(input="x", output=output, rejects=f"{output}.parts/rejects.tsv")


def test_two_outputs_differ(tmp_path):
    (tmp_path / "x.gaf.gz").touch()
    (tmp_path / "x.gpad.gz").symlink_to("x.gaf.gz")
    for output, rejects, format in (
        ("new.tsv", "new.tsv", None), ("new.tsv", "./no/../new.tsv", None),
        ("x.gz", "x.gaf.gz", "gaf,tsv"), ("x.gz", "r.tsv", "gaf,gpad"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=r"`output` writes .* writes it: choose another path"):
            PredictConfig(
                input="x", output=str(tmp_path / output), rejects=f"{tmp_path}/{rejects}",
                format=format, taxon=1,
            )  # fmt: skip


def test_what_is_no_regular_file_may_be_used_twice(tmp_path):
    refuse_clashes([("a", Use("/dev/null", "read")), ("b", Use("/dev/null", "write"))])
    refuse_clashes([("a", Use("-", "read")), ("b", Use("-", "write"))])
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in ("x\0y", "x" * 5000, "/".join(["x" * 200] * 25), str(loop), "\udcff", ""):
        refuse_clashes([("a", Use(path, "read")), ("b", Use("other", "write"))])


def test_standard_streams_are_files_if_they_are_redirected(tmp_path, monkeypatch):
    path = tmp_path / "x.fasta"
    path.touch()
    with path.open("rb+") as file:
        monkeypatch.setattr(sys, "stdin", file)
        with pytest.raises(UsageError, match=r"`output` writes .*`input` reads it"):
            PredictConfig(input="-", output=str(path))
        monkeypatch.setattr(sys, "stdout", file)
        with pytest.raises(UsageError, match=r"`output` writes standard output, and `input` reads"):
            PredictConfig(input=str(path), output="-")


def test_on_the_command_line_it_is_one_line_with_exit_code_2(tmp_path, capsys):
    path = tmp_path / "x.fasta"
    path.write_text(">a\nMKT\n")
    os.link(path, tmp_path / "y.fasta")
    for words in (
        ["predict", "-i", path, "-o", path, "--overwrite"],
        ["predict", "-i", path, "-o", tmp_path / "y.fasta", "--overwrite"],
        ["embed", f"--fasta={path}", f"--output={path}", "--base_model=tiny", "--overwrite"],
        ["merge", path, "-o", path, "--overwrite"],
    ):
        assert main(list(map(str, words))) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: --output writes ")
        assert "shards" not in line
        assert len(line) < 200
        assert path.read_text() == ">a\nMKT\n"

"""Flags: the seed's own spellings, ranges, and one line for a mistake."""

from pathlib import Path
from pkgutil import resolve_name

import pytest

from esmgo.cli import flags
from esmgo.cli.main import main
from esmgo.cli.verbs import VERBS
from esmgo.dataset.building import BuildConfig
from esmgo.errors import UsageError
from esmgo.learn.config import TrainConfig
from esmgo.options import flags_of
from esmgo.proteome.config import PredictConfig


def train(*words):
    return flags.parse(TrainConfig, words, prog="fine-tune.py", description="")


SEED = {
    "base_model": "facebook/esm2_t6_8M_UR50D", "dataset_subset": "all",
    "num_dataset_processes": 1, "context_length": 1026, "unfreeze_last_k_layers": 0,
    "batch_size": 16, "gradient_accumulation_steps": 4, "max_gradient_norm": 1.0,
    "learning_rate": 1e-4, "dropout": 0.1, "num_epochs": 20, "eval_interval": 2,
    "eval_ratio": 0.1, "checkpoint_interval": 2, "checkpoint_path": "./checkpoints/checkpoint.pt",
    "resume": False, "run_dir_path": "./runs/instruction-tune", "device": None, "seed": None,
}  # fmt: skip


def test_the_defaults_are_those_of_the_seed():
    config, given = train()
    assert {name: getattr(config, name) for name in SEED} == SEED
    assert given == frozenset()


def test_the_seeds_own_examples_are_understood():
    config, given = train(
        "--batch_size=16", "--gradient_accumulation_step=4", "--learning_rate=5e-4",
        "--base_model=facebook/esm2_t33_650M_UR50D", "--dataset_subset=biological_process",
    )  # fmt: skip
    assert (config.gradient_accumulation_steps, config.dataset_subset) == (4, "bp")
    assert "gradient_accumulation_steps" in given


@pytest.mark.parametrize("subset", ["mf", "MF", "Molecular_Function", "molecular_function"])
def test_aspects_are_understood_in_any_case(subset):
    assert train(f"--dataset_subset={subset}")[0].dataset_subset == "mf"


def test_hyphens_and_unambiguous_prefixes_are_accepted():
    assert train("--batch-size", "3", "--num-ep=7")[0].batch_size == 3
    for prefix in ("--grad", "--gradient_accumulation", "--gradient-accumulation-step"):
        assert train(f"{prefix}=2")[0].gradient_accumulation_steps == 2


def test_older_names_of_dtype_are_accepted():
    for word in ("--dtype=bf16", "--precision=bf16"):
        config, given = train(word)
        assert (config.dtype, given) == ("bf16", {"dtype"})
    words = ["--input=x", "--output=y", "--arithmetic=bf16", "--precision=0.9"]
    found, given = flags.parse(PredictConfig, words, prog="esmgo predict", description="")
    assert (found.dtype, found.min_precision) == ("bf16", 0.9)
    assert {"dtype", "min_precision"} < given


def test_messages_write_settings_as_flags():
    with pytest.raises(UsageError) as told:
        PredictConfig(input="x", output="y", min_precision=2)
    assert str(told.value) == "min_precision: must be below 1, not 2"
    assert flags.typed(told.value) == "--precision must be below 1, not 2"
    assert flags.typed("give `output=x.svg`, or `a b`") == "give --output=x.svg, or `a b`"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("--batch_size=0", "--batch_size must be at least 1, not 0"),
        ("--batch_size=x", "batch_size"),
        ("--batch_size=1.5", "batch_size"),
        ("--learning_rate=nan", "finite"),
        ("--learning_rate=-1", "above 0"),
        ("--dropout=1", "below 1"),
        ("--eval_ratio=0", "above 0"),
        ("--eval_ratio=1.1", "at most 1"),
        ("--context_length=2", "at least 3"),
        ("--unfreeze_last_k_layers=-1", "at least 0"),
        ("--num_epochs=0", "at least 1"),
        ("--seed=-1", "at least 0"),
        ("--dataset_subset=x", "mf"),
        ("--base_model=nothing", "tiny"),
        ("--precision=fp8", "--dtype must be one of auto, bf16"),
        ("--nonsense=1", "--help"),
        ("extra", "--help"),
    ],
)
def test_a_wrong_flag_is_told_in_one_line_with_exit_code_2(word, told, capsys):
    assert main(["train", word]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert len(err.splitlines()) == 1
    assert len(err) < 200


def test_help_shows_every_flag_of_the_seed_with_default_and_text(capsys):
    assert main(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, default in SEED.items():
        assert f"--{name}" in text
        if default not in (None, False):
            quoted = f'"{default}"' if isinstance(default, str) else default
            assert f"(default: {quoted})" in text
    assert "Clip gradients above this threshold norm before stepping." in text


def test_flags_of_a_verb_come_before_those_that_it_shares():
    names = [each.name for each in flags_of(BuildConfig)]
    assert names[0] == "sequences"
    shared = ["strip_gaps", "allow_nucleotide_like", "max_length", "strict", "rejects_ok"]
    assert names[-5:] == shared


def test_prefixes_of_an_alias_are_accepted_unless_they_are_those_of_a_flag():
    for word in ("--prec=bf16", "--pre=bf16"):
        assert train(word)[0].dtype == "bf16"
    assert train("--gradient_accumulation_st=4")[0].gradient_accumulation_steps == 4
    words = ["--in=x", "--output=y", "--arith=bf16", "--prec=0.9", "--over"]
    found, given = flags.parse(PredictConfig, words, prog="esmgo predict", description="")
    assert (found.dtype, found.min_precision, found.overwrite) == ("bf16", 0.9, True)
    assert given == {"input", "output", "dtype", "min_precision", "overwrite"}
    with pytest.raises(UsageError, match="--None"):
        train("--None=1")


@pytest.mark.parametrize("verb", VERBS)
def test_aliases_are_in_the_help_and_in_the_documents(verb, capsys):
    assert main([verb, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    page = (Path(__file__).parents[1] / "docs" / "flags.md").read_text(encoding="utf-8")
    section = page.partition(f"## `esmgo {verb}`")[2].partition("\n## ")[0]
    for each in flags_of(resolve_name(VERBS[verb].config)):
        if alias := each.metadata["alias"]:
            assert f"--{alias}" in text
            assert f"{flags.flag_of(each.name)}, --{alias} |" in section


def test_aliases_and_prefixes_in_every_spelling():
    words = ["-i", "x", "-o", "y"]
    for spelling in ("--override", "--overr", "--over", "--overwr", "--overwrite"):
        found, given = flags.parse(PredictConfig, [*words, spelling], prog="", description="")
        assert (found.overwrite, given) == (True, {"input", "output", "overwrite"})
    for spelling in ("--fasta=z", "--fas=z", "--inp=z", "-iz"):
        found, _ = flags.parse(PredictConfig, ["-o", "y", spelling], prog="", description="")
        assert found.input == "z"
    for ambiguous in ("--s=1", "--m=1"):
        with pytest.raises(UsageError, match="ambiguous"):
            flags.parse(PredictConfig, [*words, ambiguous], prog="", description="")


EVALUATE = "evaluate --predictions=p --truth=t --ontology=o"
BY_CHECKPOINT = "evaluate --checkpoint_path=c --dataset=sample"
PREDICT = "predict --input=x --output=y"


@pytest.mark.parametrize(("words", "flag"), [
    (f"{EVALUATE} --split=train", "--split needs --dataset"),
    (f"{EVALUATE} --dataset_subset=mf", "--dataset_subset needs --dataset"),
    (f"{BY_CHECKPOINT} --evidence=IDA", "--evidence cannot be combined with --dataset"),
    ("evaluate --predictions=p --dataset=sample --ontology=o --evidence=all", "--evidence"),
    (f"{BY_CHECKPOINT} --propagation=fill", "--propagation cannot be combined with --checkpoint"),
    (f"{BY_CHECKPOINT} --homology=sample --sources=head", "--homology is not used"),
    (f"{PREDICT}.tsv --homology=h --sources=head,kmers", "--homology is not used"),
    (f"{PREDICT}.gpad --with_ancestors", "--with_ancestors is not for gaf and gpad"),
    ("rank --sequence=MKLVAAGIVG --raw --sources=kmers", "--sources cannot be combined with --raw"),
    ("rank --sequence=MKLVAAGIVG --raw --homology=h", "--homology cannot be combined with --raw"),
    ("subgraph --sequence=MKLVAAGIVG --homology=h --sources=head", "--homology is not used"),
    ("baseline naive --output=x --num_neighbours=3", "--num_neighbours is for neighbours"),
    ("baseline diamond --output=x --context_length=99", "--context_length is for neighbours"),
    ("baseline diamond --output=x --revision=main", "--revision is for neighbours"),
    ("build --sequences=x --evidence=IDA", "--evidence needs --terms"),
    ("build --terms=x --require_sequences", "--require_sequences needs --sequences"),
])  # fmt: skip
def test_a_flag_without_effect_is_a_usage_error(words, flag, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {flag}")
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())

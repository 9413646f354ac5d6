"""What several tests share: trained callers, small files, data that only developers have."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from evaluating import OBO, PREDICTIONS, TRUTH
from killing_predict import proteome_of
from made_calls import ABOUT, CYCLE, KINASE, LABELS, NAN, NUCLEUS, ROW, SERINE, evidence
from made_rows import BP, MF, A, B, C, D, M
from motifs import LABELS as MOTIF_LABELS
from motifs import MOTIF, planted, shuffled
from oracles import oracle, same_head
from predicting import Scored
from training import train
from transformers import EsmConfig
from transformers.models.esm.modeling_esm import EsmForMaskedLM

import esmgo
from esmgo.blending.blend_config import BlendConfig
from esmgo.blending.blending import blend
from esmgo.cli.main import main
from esmgo.data.fasta import Protein
from esmgo.dataset.opening import open_dataset
from esmgo.dataset.sample import example, sample_rows
from esmgo.evidence.sources import EvidenceSource
from esmgo.go.labels import LabelSpace
from esmgo.go.ontology import Ontology
from esmgo.go.terms import Aspect, Term
from esmgo.model.caller import Caller
from esmgo.model.packing import pack
from esmgo.model.tokens import encode
from esmgo.predict.calling import CallRules, Rules
from esmgo.predict.predictor import Predictor
from esmgo.predict.scorer import Scorer
from esmgo.proteome import run
from esmgo.proteome.formats import FORMATS, writers

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # children, too: threads that wait for each other cost more
torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real proteins and malformed files; no part of the project."""
    path = ROOT.parent / "shared"
    if not (path / "bad_inputs").is_dir():
        pytest.skip("needs the development data beside the repository")
    return path


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    """A caller trained for one epoch on the sample; do not write to it."""
    folder = tmp_path_factory.mktemp("caller")
    path = folder / "checkpoint.pt"
    code = main([
        "train", "--base_model=tiny", "--dataset=sample", "--num_epochs=1", "--seed=1",
        "--device=cpu", "--dtype=fp32", f"--checkpoint_path={path}",
        f"--run_dir_path={folder / 'runs'}",
    ])  # fmt: skip
    assert code == 0
    return path


@pytest.fixture(scope="session")
def two_epochs(tmp_path_factory) -> Path:
    """The folder of a short training of two epochs; do not write to it."""
    folder = tmp_path_factory.mktemp("two_epochs")
    assert train(folder) == 0
    return folder


@pytest.fixture
def trained(two_epochs, tmp_path) -> Path:
    """A copy of that folder, at ``tmp_path``."""
    return shutil.copytree(two_epochs, tmp_path, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def blended(tmp_path_factory):
    """A caller of four epochs with an index and a blend, and its summary; do not write to it."""
    folder = tmp_path_factory.mktemp("blended")
    path = folder / "checkpoint.pt"
    code = main([
        "train", "--base_model=tiny", "--dataset=sample", "--num_epochs=4", "--learning_rate=0.003",
        "--eval_ratio=1", "--seed=1", "--device=cpu", "--dtype=fp32",
        f"--checkpoint_path={path}", f"--run_dir_path={folder / 'runs'}",
    ])  # fmt: skip
    assert code == 0
    return path, blend(BlendConfig(checkpoint_path=str(path), dataset="sample", device="cpu"))


@pytest.fixture(scope="session")
def packed(blended, tmp_path_factory) -> Path:
    """The blended caller packed as one that comes with the program; do not write to it."""
    folder = tmp_path_factory.mktemp("packed") / "bundled"
    recipe = [sys.executable, str(ROOT / "recipes" / "bundle.py"), str(blended[0]), str(folder)]
    subprocess.run(recipe, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def bundled(packed, tmp_path, monkeypatch) -> Path:
    """A copy of it where the program looks for its own, and a working folder without another."""
    folder = tmp_path / "bundled"
    shutil.copytree(packed, folder)
    monkeypatch.setattr("esmgo.model.bundled.FOLDER", folder)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


@pytest.fixture(scope="session")
def diamond() -> LabelSpace:
    """A root, two terms below it, and one below both."""
    terms = tuple(
        Term(f"GO:000000{i}", name, Aspect.MF)
        for i, name in enumerate(["root", "left", "right", "shared"], 1)
    )
    return LabelSpace(terms, ((), (0,), (0,), (1, 2)), "test")


@pytest.fixture
def proteome(tmp_path):
    """A FASTA file of 22 proteins, some of them twice, and of two bad records."""
    return proteome_of(tmp_path / "proteins.fasta", 24)


@pytest.fixture
def predict(checkpoint, proteome, monkeypatch):
    """Predict the proteome in blocks of four, unless told otherwise; return the exit code."""
    monkeypatch.setattr(run, "BLOCK", 4)

    def predict(output, *words, **changes):
        flags = {"input": proteome, "checkpoint_path": checkpoint, "device": "cpu",
                 "dtype": "fp32", "output": output} | changes  # fmt: skip
        return main(["predict", *(f"--{k}={v}" for k, v in flags.items()), *words])

    return predict


@pytest.fixture
def stopped(predict, tmp_path, monkeypatch):
    """The name of an output that was interrupted when three blocks were done."""
    with monkeypatch.context() as patch:
        Scored(patch, stop_at=3)
        assert predict(tmp_path / "x.tsv") == 130
    assert len(list((tmp_path / "x.tsv.parts").glob("*/part-*"))) == 3
    return tmp_path / "x.tsv"


@pytest.fixture(scope="session")
def ontology():
    """Six terms in two aspects, and three old ids."""
    #     BP        MF
    #    /  \        |
    #   A    B       M        D is an alternative id of B, GO:0000008 is replaced by A,
    #    \  /                 GO:0000009 is obsolete for good
    #     C
    parents = {BP: (), MF: (), A: (BP,), B: (BP,), C: (A, B), M: (MF,)}
    aspects = dict.fromkeys(parents, Aspect.BP) | {MF: Aspect.MF, M: Aspect.MF}
    terms = {id: Term(id, f"name of {id}", aspects[id]) for id in parents}
    return Ontology(terms, parents, {D: B, "GO:0000008": A, "GO:0000009": None}, "2024-06-17")


@pytest.fixture
def write_rows(tmp_path):
    """Write rows as JSON Lines or Parquet by the name of the file; return its path."""

    def write_rows(rows, name="train.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            pq.write_table(rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows), path)
        else:
            lines = [each if isinstance(each, str) else json.dumps(each) for each in rows]
            data = "\n".join([*lines, ""]).encode("utf-8", "surrogatepass")
            path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write_rows


@pytest.fixture(scope="session")
def reader() -> Scorer:
    """A caller that has learned to tell the motif from shuffled ones; two of its terms mean it."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    caller = Caller.start(None, 3, dropout=0.0, seed=0)
    caller.unfreeze(2)
    optimizer = torch.optim.Adam(caller.trainable().values(), lr=2e-3)
    has = np.arange(16) % 2 == 0
    truth = torch.from_numpy(np.stack([has | True, has, has], 1).astype(np.float32))
    for step in range(100):
        motifs = [MOTIF if each else shuffled(random) for each in has]
        texts = [planted(1000 + 16 * step + i, motif, 40)[0] for i, motif in enumerate(motifs)]
        found = caller(pack([encode(text, 99) for text in texts]))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(found, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    caller.unfreeze(0)
    return Scorer(caller, MOTIF_LABELS, 120, CPU, "fp32")


@pytest.fixture(scope="session")
def deaf() -> Scorer:
    """A caller that is sure of everything and ignores the protein."""
    caller = Caller.start(None, 3, dropout=0.0, seed=0)
    with torch.no_grad():
        caller.head.out_proj.weight.zero_()
        caller.head.out_proj.bias.fill_(3.0)
    return Scorer(caller, MOTIF_LABELS, 99, CPU, "fp32")


@pytest.fixture(scope="session")
def ran(checkpoint):
    """The card of a protein with zinc fingers, by a caller of one epoch."""
    (found,) = esmgo.explain(
        esmgo.ExplainConfig(
            checkpoint_path=str(checkpoint), sequence=example("zinc finger")["sequence"][60:130],
            term="GO:0008270", device="cpu",
        )
    )  # fmt: skip
    return found


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Two blocks of proteins in all formats; the second has calls of many kinds."""
    folder = tmp_path_factory.mktemp("written")
    precision = np.full((2, len(LABELS)), NAN, np.float32)
    precision[0, SERINE] = 0.987654321
    sources = np.full((2, len(LABELS)), EvidenceSource.HEAD | EvidenceSource.HOMOLOGY, np.uint8)
    sources[0, KINASE] = EvidenceSource.DESCENDANT
    sources[0, CYCLE] = 0
    select = CallRules(Rules(), LABELS)
    first = select.calls(evidence({}, {NUCLEUS: 0.25}), [1, 2])
    second = select.calls(
        evidence(ROW, {SERINE: 1, KINASE: 1}, precision=precision, sources=sources, windows=7),
        [5_000, 4],
    )
    names = ("my|odd:id", "A0A024RBG1-2")
    two = {"similarity": np.float32([0.5, 1 / 3]), "novelty": np.float32([0.25, 2 / 3])}
    first = replace(first, proteins=names, **two)
    second = replace(second, proteins=("sp|P04637|P53_HUMAN", "ünï"))
    targets = {name: str(folder / f"x{suffix}") for name, (suffix, _) in FORMATS.items()}
    with writers(targets, ABOUT) as found:
        for writer in found:
            writer.write(first)
            writer.write(second)
    return {name: Path(path) for name, path in targets.items()}


@pytest.fixture(scope="session")
def held_out():
    """The validation proteins of the callers trained on the sample."""
    proteins = open_dataset("sample", "all", eval_ratio=1).validation
    return list(map(Protein, proteins.ids, proteins.sequences))


@pytest.fixture
def cafa_files(tmp_path):
    """A folder with a small ontology, true terms and predictions of two proteins."""
    (tmp_path / "go.obo").write_text(OBO)
    (tmp_path / "truth.tsv").write_text(TRUTH)
    (tmp_path / "p.tsv").write_text(PREDICTIONS)
    return tmp_path


@pytest.fixture(scope="session")
def predictor(checkpoint):
    """The caller of one epoch, ready to predict."""
    return Predictor.load(checkpoint, device="cpu")


@pytest.fixture(scope="session")
def proteins():
    """Twelve test proteins of the sample, and a long one of all of them."""
    rows = sample_rows()["test"][:12]
    long = Protein("long", "".join(row["sequence"] for row in rows))
    return [*(Protein(row["id"], row["sequence"]) for row in rows), long]


@pytest.fixture
def ranked(checkpoint, capsys, monkeypatch):
    """Rank with these flags; return exit code, standard output and standard error."""

    def ranked(*words, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main(["rank", f"--checkpoint_path={checkpoint}", "--device=cpu", *words])
        return code, *capsys.readouterr()

    return ranked


@pytest.fixture(scope="session")
def caller_and_oracle(tmp_path_factory):
    """A caller of three layers, and the same of transformers."""
    folder = tmp_path_factory.mktemp("small")
    model = oracle(folder, 3, 32, 4, 64)
    return same_head(Caller.start(folder, 7, dropout=0.0, seed=0), model), model


@pytest.fixture(scope="session")
def tiny():
    """The tiny encoder, with a head of one term."""
    return Caller.start(None, 1, dropout=0.0, seed=0)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A random ESM2 of two layers, sixteen wide, as transformers saves it; do not write to it."""
    torch.manual_seed(0)
    config = EsmConfig(
        vocab_size=33, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, position_embedding_type="rotary", token_dropout=True,
        mask_token_id=32, pad_token_id=1, layer_norm_eps=1e-5, max_position_embeddings=1026,
        emb_layer_norm_before=False,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("base")
    EsmForMaskedLM(config).save_pretrained(folder)
    return folder

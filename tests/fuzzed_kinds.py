"""The kinds of files that `fuzzing.py` mutates: valid files, and the function that reads each."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fuzzing import Kind
from mutations import (
    mutate_archive,
    mutate_container,
    mutate_json,
    mutate_jsonl,
    mutate_parquet,
    mutate_text,
    parsed,
    signed,
)

from esmgo.assess.config import EvaluateConfig
from esmgo.assess.evaluation import evaluate_files
from esmgo.assess.identity import read_identity
from esmgo.cli.main import main
from esmgo.data.cafa import read_ids
from esmgo.data.evidence_codes import EXPERIMENTAL
from esmgo.data.fasta import Protein, read_fasta
from esmgo.data.rejects import ReadReport
from esmgo.data.taxonomy import read_taxonomy
from esmgo.dataset.matching import current_terms
from esmgo.dataset.opening import open_dataset, open_split
from esmgo.errors import EsmgoError
from esmgo.go.information import read_information_accretion
from esmgo.go.obo import read_obo
from esmgo.predict.embedding import EmbedConfig, write_embeddings
from esmgo.predict.predictor import Predictor
from esmgo.proteome.merging import MergeConfig, merge_shards

PROTEINS = {
    "sp|P04637|P53_HUMAN": "MEEPQSDPSVEPPLSQETFSDLWKLLPENNVLSPLPSQAMDDLMLSPDDIEQWFTEDPGP",
    "P69905": "MVLSPADKTNVKAAWGKVGAHAGEYGAEALERMFLSFPTTKTYFPHFDLSHGSAQVKGHG",
    "gi|16128008|ref|NP_414555.1|": "MGKIIGIDLGTTNSCVAIMDGTTPRVLENAEGDRTTPSIIAYTQDGETLVGQPAKRQAVT",
}
FASTA = "".join(f">{id} a protein OX=9606\n{s[:30]}\n{s[30:]}*\n" for id, s in PROTEINS.items())

_IDS = ["P04637", "P69905", "NP_414555.1"]
_TERMS = ["GO:0000004", "GO:0000005", "GO:0000007"]
_STANZA = "[Term]\nid: GO:{}\nname: name of {}\nnamespace: {}\n{}\n"
OBO = "format-version: 1.2\ndata-version: releases/2025-03-16\nontology: go\n\n" + "\n".join(
    [_STANZA.format(id, id, aspect, lines) for id, aspect, lines in [
        ("0003674", "molecular_function", ""),
        ("0008150", "biological_process", "alt_id: GO:0000012\ncomment: x \\{y\\}"),
        ("0005575", "cellular_component", ""),
        ("0000004", "molecular_function", "is_a: GO:0003674 ! name of 0003674"),
        ("0000005", "molecular_function",
         'is_a: GO:0000004 {gci_filler="NCBITaxon:1"}\nis_a: GO:0003674'),
        ("0000006", "biological_process", "is_obsolete: true\nreplaced_by: GO:0000007"),
        ("0000007", "biological_process", "is_a: GO:0008150"),
    ]] + ["[Typedef]\nid: part_of\nname: part of\nis_transitive: true\n"]
)  # fmt: skip
CAFA_TABLE = "EntryID\tterm\taspect\n" + "".join(
    f"{id}\t{term}\t{aspect}\n"
    for id, term, aspect in zip(_IDS, _TERMS, ["MFO", "F", "BPO"], strict=True)
)
GAF = "!gaf-version: 2.2\n!generated-by: x\n" + "".join(
    f"UniProtKB\t{id}\tN\t{relation}\t{term}\tPMID:1\t{code}\t\t{aspect}\tname\t\tprotein"
    "\ttaxon:9606\t20250101\tU\t\t\n"
    for id, relation, term, code, aspect in [
        ("P04637", "enables", "GO:0000004", "IDA", "F"),
        ("P69905", "NOT|enables", "GO:0000005", "IMP", "F"),
        ("P69905", "involved_in", "GO:0000007", "EXP", "P"),
        ("P69905", "enables", "GO:0000004", "IEA", "F"),
    ]
)  # fmt: skip
GPAD = "!gpa-version: 1.2\n" + "".join(
    f"UniProtKB\t{id}\tenables\tGO:0000004\tPMID:1\tECO:0000314\t\t\t20250101\tU\t\t\n"
    for id in _IDS
)
GPAD2 = "!gpad-version: 2.0\n" + "".join(
    f"UniProtKB:{id}\t\tRO:0002327\tGO:0000004\tPMID:1\tECO:0000314\t\t\t2025-01-01\tU\t\t\n"
    for id in _IDS
)
MAP = "".join(f"{id}\tGO:0000004; GO:0000005\n" for id in _IDS)
UNIPROT = "Entry\tEntry Name\tGene Ontology IDs\n" + "".join(
    f"{id}\tX_HUMAN\tGO:0000004; GO:0000005\n" for id in _IDS
)
EGGNOG = "## emapper\n#query\tseed_ortholog\tevalue\tscore\tGOs\n" + "".join(
    f"{id}\t1.x\t1e-9\t50\tGO:0000004,GO:0000005\n" for id in _IDS
)
INTERPRO = "".join(
    f"{id}\tmd5\t70\tPfam\tPF1\tx\t1\t50\t1e-5\tT\t01-01-2024\tIPR1\ty\tGO:0000004(InterPro)|GO:0000005\t-\n"
    for id in _IDS
)
PAIRS = "".join(f"{id}\t{term}\n" for id, term in zip(_IDS, _TERMS, strict=True))
SCORES = "".join(f"{id}\t{term}\t0.{i}5\n" for id in _IDS for i, term in enumerate(_TERMS))
OWN_TABLE = "protein\tterm\tname\taspect\tscore\tprecision\tsource\n" + "".join(
    f"{id}\t{term}\tname\tMF\t0.5\t0.7\thead\n" for id in PROTEINS for term in _TERMS
)
OWN_JSON = "".join(
    json.dumps({"schema_version": 1, "protein": id, "length": 60, "n_windows": 1, "similarity": 0.5,
                "calls": [{"term": t, "name": "n", "aspect": "MF", "score": 0.5, "precision": None,
                           "source": "head"} for t in _TERMS]}) + "\n" for id in PROTEINS
)  # fmt: skip
DEEPGO = "".join(f"{id}\tGO:0000004|0.5\tGO:0000005|0.3\n" for id in _IDS)
TAXA = "EntryID\ttaxonomyID\n" + "".join(f"{id}\t9606\n" for id in _IDS)
IDENTITY = "protein\tnearest\tidentity\tcoverage\tbits\n" + "".join(
    f"{id}\tx\t{value}\t90\t50\n" for id, value in zip(_IDS, ["100", "", "45.5"], strict=True)
)
IA = "".join(f"{term}\t{bits}\n" for term, bits in zip(_TERMS, ["1.5", "0", "2"], strict=True))
ROWS = [
    {"id": id, "sequence": s, "terms": ["GO:0003674", "GO:0000004"], "taxon_id": "9606"}
    for id, s in PROTEINS.items()
] * 2  # fmt: skip
ROWS = [row | {"id": f"{row['id']}{i}"} for i, row in enumerate(ROWS)]


def make_checkpoint(folder: Path) -> Path:
    """Train a caller of one epoch, with an index and a blend; return its path."""
    path = folder / "checkpoint.pt"
    words = ["train", "--base_model=tiny", "--dataset=sample", "--num_epochs=1", "--eval_ratio=1",
             "--seed=1", "--device=cpu", "--dtype=fp32", f"--checkpoint_path={path}",
             f"--run_dir_path={folder / 'runs'}"]  # fmt: skip
    assert main(words) == 0
    assert main(["blend", f"--checkpoint_path={path}", "--dataset=sample", "--device=cpu"]) == 0
    return path


def all_kinds(checkpoint: Path) -> dict[str, Kind]:
    """Return every kind by its name; ``checkpoint`` has a blend and an index beside it."""
    return _texts(checkpoint.parent) | _datasets() | _pairs(checkpoint) | _bases(checkpoint.parent)


def _texts(folder: Path) -> dict[str, Kind]:
    obo, truth, scores = folder / "go.obo", folder / "truth.tsv", folder / "scores.tsv"
    for path, content in ((obo, OBO), (truth, PAIRS), (scores, SCORES)):
        path.write_text(content)
    ontology = read_obo(obo)

    def evaluated(name: str) -> Callable[[Path], Any]:
        files = {"predictions": str(scores), "truth": str(truth), "ontology": str(obo)}
        return lambda path: evaluate_files(EvaluateConfig(**(files | {name: str(path)})))

    def terms(path: Path) -> None:
        evidence = frozenset(EXPERIMENTAL)
        report = ReadReport()
        current_terms(path, ontology, report, evidence=evidence, drop_unknown_terms=True)

    kinds: dict[str, tuple[list[str], Callable[[Path], Any]]] = {
        "fasta": ([FASTA], lambda path: list(read_fasta(path, report=ReadReport()))),
        "obo": ([OBO], read_obo),
        "terms": ([CAFA_TABLE, GAF, GPAD, GPAD2, MAP, UNIPROT, EGGNOG, INTERPRO], terms),
        "taxonomy": ([TAXA], lambda path: read_taxonomy(path)),
        "predictions": ([SCORES, OWN_TABLE, OWN_JSON, DEEPGO], evaluated("predictions")),
        "truth": ([PAIRS, GAF, GPAD, MAP], evaluated("truth")),
        "known": ([PAIRS, GAF], evaluated("known")),
        "ids": (["\n".join(_IDS)], lambda path: read_ids(path)),
        "identity": ([IDENTITY], lambda path: read_identity(path, str)),
        "ia": ([IA], lambda path: read_information_accretion(path)),
    }
    return {
        name: Kind([seed.encode() for seed in seeds], mutate_text, read)
        for name, (seeds, read) in kinds.items()
    }


def _datasets() -> dict[str, Kind]:
    def read(path: Path) -> None:
        errors = []
        for opened in (
            lambda: open_dataset(str(path), "all", ontology=None, eval_ratio=None),
            lambda: open_split(str(path), "train", "all"),
        ):
            try:
                opened()
            except EsmgoError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), table)
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    return {
        "jsonl": Kind([lines.encode()], mutate_jsonl, read, ".jsonl"),
        "parquet": Kind([table.getvalue()], mutate_parquet, read, ".parquet"),
    }


def _pairs(checkpoint: Path) -> dict[str, Kind]:
    """Return the kinds of checkpoint, index and shard."""
    index = checkpoint.with_name("checkpoint.index.pt")
    shards = [_shard(checkpoint, checkpoint.parent, i) for i in (1, 2)]

    def with_index(path: Path) -> None:
        shutil.copy(index, path.with_name(f"{path.stem}.index{path.suffix}"))
        _predict(path)

    def beside(path: Path) -> None:
        folder = path.parent / "pair"
        folder.mkdir(exist_ok=True)
        (folder / "c.pt").write_bytes(_naming(checkpoint.read_bytes(), path.read_bytes()))
        path.replace(folder / "c.index.pt")
        _predict(folder / "c.pt")

    def merged(path: Path) -> None:
        output = str(path.with_name("merged.tsv"))
        merge_shards(MergeConfig(shards=(str(path), str(shards[1])), output=output, overwrite=True))

    return {
        "checkpoint": Kind([checkpoint.read_bytes()], mutate_container, with_index, ".pt"),
        "index": Kind([index.read_bytes()], mutate_container, beside, ".pt"),
        "shard": Kind([shards[0].read_bytes()], mutate_archive, merged, ".shard"),
    }


def _bases(folder: Path) -> dict[str, Kind]:
    """Return the kinds of files in the folder of a base model."""
    base, fasta = _base(folder), folder / "one.fasta"
    fasta.write_text(">p\nMKTAYIAKQRQISFVKSHFSRQ\n")

    def kind(name: str, mutate: Callable[..., bytes]) -> Kind:
        def read(path: Path) -> None:
            changed = path.parent / "base"
            shutil.copytree(base, changed, dirs_exist_ok=True)
            path.replace(changed / name)
            write_embeddings(EmbedConfig(
                fasta=str(fasta), base_model=str(changed), overwrite=True,
                output=str(path.with_name("x.npz")), device="cpu",
            ))  # fmt: skip

        return Kind([(base / name).read_bytes()], mutate, read)

    return {
        "config": kind("config.json", mutate_json),
        "vocabulary": kind("vocab.txt", mutate_text),
        "weights": kind("model.safetensors", mutate_container),
    }


def _naming(checkpoint: bytes, index: bytes) -> bytes:
    """Return the checkpoint with a blend that names this index, whatever is in it."""
    digest = re.search(rb'"sha256":"([0-9a-f]{64})"', index[:200])
    header, tensors = parsed(checkpoint)
    metadata = json.loads(header["__metadata__"]["esmgo"])
    metadata["blend"]["index_sha256"] = digest[1].decode() if digest else "0" * 64
    header["__metadata__"]["esmgo"] = json.dumps(metadata, sort_keys=True)
    return signed(header, tensors)


def _predict(path: Path) -> None:
    predictor = Predictor.load(path, device="cpu", threads=1)
    list(predictor.predict([Protein("p", "MKTAYIAKQRQISFVKSHFSRQ")]))


def _shard(checkpoint: Path, folder: Path, which: int) -> Path:
    fasta = folder / "proteins.fasta"
    chance = random.Random(1)
    fasta.write_text("".join(
        f">p{i}\n{''.join(chance.choices('ACDEFGHIKLMNPQRSTVWY', k=30))}\n" for i in range(600)
    ))  # fmt: skip
    path = folder / f"{which}.shard"
    words = ["predict", f"--input={fasta}", f"--checkpoint_path={checkpoint}", f"--output={path}",
             f"--shard={which}/2", "--device=cpu", "--dtype=fp32", "--top_k=3"]  # fmt: skip
    assert main(words) == 0
    return path


def _base(folder: Path) -> Path:
    path = folder / "base"
    words = ["export", f"--checkpoint_path={folder / 'checkpoint.pt'}", f"--output_dir={path}"]
    assert main(words) == 0
    return path

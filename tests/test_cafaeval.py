"""Every column of evaluation_all.tsv against CAFA's own evaluator, version 1.3.0."""

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from esmgo.cli.main import main

ROOTS = {
    "molecular_function": "GO:0003674",
    "biological_process": "GO:0008150",
    "cellular_component": "GO:0005575",
}


def made_up(folder: Path, seed: int) -> None:
    """An ontology with alternative, obsolete and orphaned terms, and tables that use them all."""
    random = np.random.default_rng(seed)
    lines = ["format-version: 1.2", "data-version: made-up", "ontology: go"]
    ids: dict[str, list[str]] = {}
    names: list[str] = []
    bits = []
    for number in range(90):
        namespace = list(ROOTS)[number % 3]
        earlier = ids.setdefault(namespace, [])
        id = f"GO:{1_000_000 + number}" if earlier else ROOTS[namespace]
        lines += ["", "[Term]", f"id: {id}", f"name: term {number}", f"namespace: {namespace}"]
        if number in (50, 51):
            lines += [f"alt_id: GO:{2_000_000 + number}"]
        if number == 40:
            lines += ["is_obsolete: true"]
        elif earlier and number != 41:  # 41 has no parent
            for parent in sorted(set(random.choice(earlier, random.integers(1, 3)))):
                lines += [f"is_a: {parent}" if random.random() < 0.7 else
                          f"relationship: part_of {parent}"]  # fmt: skip
        if number != 40:
            earlier.append(id)
        names += [id]
        if random.random() < 0.9:
            bits += [f"{id}\t{random.choice([0.0, random.exponential(2)]):.5f}"]
    names += ["GO:2000050", "GO:2000051", "GO:7777777"]
    (folder / "go.obo").write_text("\n".join(lines) + "\n")
    (folder / "ia.tsv").write_text("\n".join(bits) + "\n")
    truth = {(f"P{random.integers(25)}", random.choice(names)) for _ in range(80)}
    truth |= {("root alone", ROOTS["molecular_function"])}
    (folder / "truth.tsv").write_text("".join(f"{p.replace(' ', '_')}\t{t}\n" for p, t in truth))
    (folder / "predictions" / "deep").mkdir(parents=True)
    for name in ("a.tsv", "deep/b.tsv"):
        rows = [
            f"P{random.integers(30)}\t{random.choice(names)}\t{random.integers(0, 101) / 100:.2f}"
            for _ in range(400)
        ]
        rows += ["root_alone\tGO:1000030\t0.7", "P1\tGO:1000030\t1.5"]
        (folder / "predictions" / name).write_text("\n".join(rows) + "\n")


def table(path: Path) -> dict[tuple[str, str, float], dict[str, float]]:
    keys = ("filename", "ns", "tau")
    with path.open() as file:
        return {
            (row["filename"], row["ns"], round(float(row["tau"]), 9)): {
                name: float(value) for name, value in row.items() if name not in keys
            }
            for row in csv.DictReader((x for x in file if x[0] != "#"), delimiter="\t")
        }


def assert_same(ours: Path, official: Path, *, some: bool = False) -> None:
    a, b = table(ours), table(official)
    assert a.keys() >= b.keys() if some else a.keys() == b.keys()
    for key, expected in b.items():
        assert list(a[key]) == list(expected)
        for name, value in expected.items():
            assert a[key][name] == pytest.approx(value, rel=1e-9, abs=1e-300), (key, name)
            if name in ("n", "n_w"):
                assert a[key][name] == value


def official(folder: Path, settings: list[dict]) -> None:
    path = folder / "settings.json"
    path.write_text(json.dumps(settings))
    script = Path(__file__).with_name("official.py")
    subprocess.run([sys.executable, str(script), str(path)], check=True, capture_output=True)


@pytest.mark.skipif(importlib.util.find_spec("cafaeval") is None, reason="needs cafaeval")
def test_every_column_equals_the_official_tool_whatever_the_settings(tmp_path, capsys):
    cases = []
    for seed, (norm, prop, step, with_bits) in enumerate([
        ("cafa", "max", 0.01, True), ("gt", "max", 0.01, False), ("pred", "max", 0.05, True),
        ("cafa", "fill", 0.01, True), ("pred", "fill", 0.001, False),
    ]):  # fmt: skip
        folder = tmp_path / str(seed)
        folder.mkdir()
        made_up(folder, seed)
        case = {
            "obo": str(folder / "go.obo"), "predictions": str(folder / "predictions"),
            "truth": str(folder / "truth.tsv"), "output": str(folder / "official.tsv"),
            "norm": norm, "prop": prop, "th_step": step,
        }  # fmt: skip
        cases.append(case | ({"ia": str(folder / "ia.tsv")} if with_bits else {}))
        code = main([
            "evaluate", f"--predictions={folder / 'predictions'}",
            f"--truth={folder / 'truth.tsv'}", f"--ontology={folder / 'go.obo'}",
            *([f"--ia={folder / 'ia.tsv'}"] if with_bits else []), f"--normalisation={norm}",
            f"--propagation={prop}", f"--threshold_step={step}", f"--output_dir={folder / 'ours'}",
        ])  # fmt: skip
        assert code == 4, capsys.readouterr().err  # scores of 0 and above 1 are told
    official(tmp_path, cases)
    for case in cases:
        output = Path(case["output"])
        assert_same(output.with_name("ours") / "evaluation_all.tsv", output)


@pytest.mark.parametrize("aspect", ["mfo", "cco", "bpo"])
def test_the_cafa_3_benchmark_equals_the_official_tool(aspect, shared, tmp_path):
    """goPredSim on no-knowledge targets, leaf annotations propagated, GO of 2017-11."""
    folder = shared / "data" / "cafa3"
    golden = Path(__file__).parent / "golden" / f"cafa3_{aspect}.tsv"
    code = main([
        "evaluate", f"--predictions={folder}/predictions/goPredSim_k1_{aspect}.tsv",
        f"--truth={folder}/groundtruth/leafonly_{aspect.upper()}.txt",
        f"--targets={folder}/lists/{aspect}_all_type1.txt",
        f"--ontology={folder}/go_2017-11.obo.gz", f"--ia={shared}/data/go/IA_cafa6.tsv.gz",
        f"--output_dir={tmp_path / 'out'}",
    ])  # fmt: skip
    assert code == 0
    assert_same(tmp_path / "out" / "evaluation_all.tsv", golden, some=True)

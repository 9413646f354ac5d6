"""`esmgo audit`: what the split really tests."""

import json
import random
import shutil
from pathlib import Path

import pytest

import esmgo
from esmgo.cli.main import main

pytestmark = pytest.mark.skipif(
    shutil.which("diamond") is None, reason="needs the program diamond on PATH"
)

OBO = """format-version: 1.2
data-version: test

[Term]
id: GO:0003674
name: molecular_function
namespace: molecular_function
"""


def protein(seed, n=200):
    return "".join(random.Random(seed).choices("ACDEFGHIKLMNPQRSTVWY", k=n))


def mutated(sequence, n, seed=0):
    """Change ``n`` residues, spread over the protein."""
    letters, draw = list(sequence), random.Random(seed)
    for at in draw.sample(range(5, len(letters) - 5), n):
        letters[at] = draw.choice([c for c in "ACDEFGHIKLMNPQRSTVWY" if c != letters[at]])
    return "".join(letters)


@pytest.fixture
def folder(tmp_path):
    """A data set of which everything is known."""
    known = {f"t{i}": protein(i) for i in range(5)} | {"repeat": "Q" * 80}
    asked = {
        "same": known["t0"],
        "same_repeat": known["repeat"],  # masked by DIAMOND
        "near": mutated(known["t1"], 8),
        "part": known["t2"][:40] + protein(99, 160),  # 100 % identity over 20 %
        "like": mutated(known["t3"], 70),
        "t4": protein(50),
    }
    home = tmp_path / "data" / "all"
    home.mkdir(parents=True)
    for split, proteins in (("train", known), ("test", asked)):
        terms = ["GO:0003674", "GO:0000001"] + ["GO:0000002"] * (split == "test")
        rows = ({"id": id, "sequence": s, "terms": terms} for id, s in proteins.items())
        (home / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    obo = OBO + "".join(
        f"\n[Term]\nid: GO:000000{i}\nname: term {i}\nnamespace: molecular_function\n"
        "is_a: GO:0003674\n" for i in (1, 2)
    )  # fmt: skip
    (tmp_path / "go.obo").write_text(obo)
    return tmp_path


def audited(folder, **more):
    return esmgo.audit(
        esmgo.AuditConfig(
            dataset=str(folder / "data"), ontology=str(folder / "go.obo"), threads=1, **more
        )
    )


def rows_of(path: Path):
    head, *rows = (line.split("\t") for line in path.read_text().splitlines())
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def test_the_histogram_counts_every_test_protein_once(folder):
    found = audited(folder)
    assert (found.n_train, found.n_test) == (6, 6)
    assert found.histogram == {
        "no hit": 2, "< 30 %": 0, "30–40 %": 0, "40–50 %": 0, "50–70 %": 1, "70–90 %": 0,
        "90–100 %": 1, "identical": 2,
    }  # fmt: skip


def test_duplicates_near_duplicates_and_ids_are_counted(folder):
    found = audited(folder)
    assert found.n_partial == 1
    assert (found.n_identical, found.n_near, found.n_same_id) == (2, 1, 1)


def test_terms_that_training_never_has_are_listed(folder):
    audited(folder, output_dir=str(folder / "out"))
    text = (folder / "out" / "unseen_terms.tsv").read_text()
    assert text == "term\tname\taspect\ttest_proteins\nGO:0000002\tterm 2\tMF\t6\n"


def test_nearest_has_a_row_for_every_test_protein(folder):
    audited(folder, output_dir=str(folder / "out"))
    rows = rows_of(folder / "out" / "nearest.tsv")
    assert list(rows) == ["same", "same_repeat", "near", "part", "like", "t4"]
    assert list(rows["same"]) == ["protein", "nearest", "identity", "query_coverage", "bits"]
    assert rows["same"]["nearest"] == "t0"
    assert (rows["same"]["identity"], rows["same"]["query_coverage"]) == ("100.0", "100.0")
    assert float(rows["same"]["bits"]) > 300
    repeat = rows["same_repeat"]
    assert [repeat[n] for n in ("nearest", "identity", "bits")] == ["repeat", "100.0", ""]
    assert (rows["near"]["nearest"], rows["near"]["identity"]) == ("t1", "96.0")
    assert rows["part"]["nearest"] == "t2"
    assert float(rows["part"]["query_coverage"]) < 50
    assert rows["part"]["identity"] == ""  # over a part of the protein it means little
    assert float(rows["part"]["bits"]) > 50
    assert list(rows["t4"].values()) == ["t4", "", "", "", ""]


def test_a_wide_alignment_goes_before_a_better_one_over_less_than_half(folder):
    home = folder / "data" / "all"
    half = protein(7, 90)
    wide = half + protein(8, 110)
    train = [("half", half), ("wide", mutated(wide, 100, 3)), ("x", protein(70))]
    for name, proteins in (("train", train), ("test", [("asked", wide)])):
        rows = ({"id": i, "sequence": s, "terms": ["GO:0000001"]} for i, s in proteins)
        (home / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = audited(folder)
    assert found.data.train.ids[found.nearest.index[0]] == "wide"
    assert found.histogram["50–70 %"] + found.histogram["40–50 %"] == 1


def test_all_figures_are_kept_as_json(folder):
    found = audited(folder, output_dir=str(folder / "out"))
    kept = json.loads((folder / "out" / "audit.json").read_text())
    assert kept["schema_version"] == 1
    assert kept["nearest_training_identity"] == found.histogram
    assert (kept["n_unseen_terms"], kept["n_unseen_annotations"], kept["n_test_terms"]) == (1, 6, 3)
    assert kept["go_release"] == "test"


def test_the_verb_prints_a_table_and_refuses_a_folder_that_exists(folder, capsys):
    words = ["audit", f"--dataset={folder / 'data'}", f"--ontology={folder / 'go.obo'}"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "6 test proteins, 6 training proteins" in out
    assert "90–100 %          1   16.7 %" in out
    assert main([*words, f"--output_dir={folder / 'data'}"]) == 2
    err = capsys.readouterr().err
    assert "--dataset reads it" in err
    assert len(err) < 200
    assert main([*words, f"--output_dir={folder / 'out'}"]) == 0
    assert main([*words, f"--output_dir={folder / 'out'}"]) == 2
    assert "exists" in capsys.readouterr().err
    assert main([*words, f"--output_dir={folder / 'out'}", "--overwrite"]) == 0


def test_the_sample_and_a_data_set_without_a_test_split_work(folder, capsys):
    assert main(["audit", "--dataset=sample"]) == 0
    assert "120 test proteins, 480 training proteins" in capsys.readouterr().out
    rows = [{"id": f"p{i}", "sequence": protein(i), "terms": ["GO:0000001"]} for i in range(30)]
    (folder / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["audit", f"--dataset={folder / 'all.jsonl'}"]) == 0
    assert "training proteins" in capsys.readouterr().out

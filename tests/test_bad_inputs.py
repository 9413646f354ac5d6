"""Every malformed file gets its exit code, its named place, and never a traceback.

The rows stand for classes of files; the table beside them says what each must get.
"""

import csv
import shutil
from pathlib import Path

import pytest

from esmgo.cli.main import main

BAD = Path(__file__).parents[2] / "shared" / "bad_inputs"
MANIFEST = BAD / "MANIFEST.tsv"

DECIDED = {
    "fasta/08_space_after_gt.fasta": {"exit_code": "0", "records_ok_rejected": "1/0"},
}
"""Where we differ from the table: Biopython reads the id after the blank, and so do we."""


def rows(kind: str) -> list:
    """The rows of one folder, or one that says why there are none."""
    if not MANIFEST.exists():
        reason = "needs the development data beside the repository"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason))]
    with MANIFEST.open(encoding="utf-8") as file:
        table = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    table = [row | DECIDED.get(row["file"], {}) for row in table if row["file"].startswith(kind)]
    return [pytest.param(row, id=row["file"]) for row in table]


def check(row, code, err):
    """Exit code, one line per complaint, and no traceback."""
    assert code == int(row["exit_code"]), err
    assert "Traceback" not in err
    assert all(len(line) < 200 for line in err.splitlines()), err
    if row["expected_action"] in ("REFUSE", "REJECT", "WARN") and code in (3, 6):
        assert len(err.strip().splitlines()) == 1, err
        assert err.startswith("error: ")


def outcome(capsys, words):
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("row", rows("fasta/"))
def test_fasta_files_get_what_the_table_says(row, checkpoint, capsys, tmp_path):
    rejects = tmp_path / "rejects.tsv"
    code, out, err = outcome(
        capsys,
        ["rank", f"--fasta={BAD / row['file']}", f"--checkpoint_path={checkpoint}",
         "--device=cpu", "--top_k=3", f"--rejects={rejects}"],
    )  # fmt: skip
    check(row, code, err)
    blocks = [block for block in out.split("\n\n") if block]
    n_ok, n_rejected = (int(x.split()[0]) for x in (row["records_ok_rejected"] or "0/0").split("/"))
    assert len(blocks) == n_ok
    if code != 3:
        assert len(rejects.read_text().splitlines()) == 1 + n_rejected
    if code == 3:
        assert Path(row["file"]).name in err
        assert not out
    if row["byte_identical_twin"]:
        twin = BAD / "fasta" / row["byte_identical_twin"]
        _, same, _ = outcome(
            capsys,
            ["rank", f"--fasta={twin}", f"--checkpoint_path={checkpoint}", "--device=cpu",
             "--top_k=3"],
        )  # fmt: skip
        assert out == same
    assert "\x1b" not in out + err


@pytest.mark.parametrize("row", rows("obo/"))
def test_ontologies_get_what_the_table_says(row, capsys):
    code, out, err = outcome(capsys, ["build", f"--ontology={BAD / row['file']}"])
    check(row, code, err)
    if row["records_ok_rejected"]:
        assert row["records_ok_rejected"] in out.replace(",", "")
    for name in row["message_must_name"].replace(",", " ").split():
        if name.startswith("GO:"):
            assert name in err


@pytest.mark.parametrize("row", rows("tsv/"))
def test_annotation_tables_get_what_the_table_says(row, capsys):
    words = ["build", f"--terms={BAD / row['file']}", f"--ontology={BAD / 'obo/00_clean.obo'}"]
    if "not_in_fasta" in row["file"]:
        words.append(f"--sequences={BAD / 'fasta/00_clean.fasta'}")
    code, _, err = outcome(capsys, words)
    check(row, code, err)
    if code == 3:
        assert f"{Path(row['file']).name}:{2 if 'line 2' in row['message_must_name'] else 1}" in err


@pytest.mark.parametrize("row", rows("jsonl/"))
def test_json_lines_get_what_the_table_says(row, capsys, tmp_path):
    obo = BAD / "obo/00_clean.obo"
    if "obsolete" in row["file"]:
        obo = tmp_path / "obsolete.obo"
        extra = "\n[Term]\nid: GO:0000009\nname: old\nnamespace: biological_process\n"
        text = (BAD / "obo/00_clean.obo").read_text()
        obo.write_text(text + extra + "is_obsolete: true\nreplaced_by: GO:0000001\n")
    code, _, err = outcome(
        capsys,
        ["train", "--base_model=tiny", f"--dataset={BAD / row['file']}", f"--ontology={obo}",
         "--device=cpu", "--num_epochs=1", f"--checkpoint_path={tmp_path / 'c.pt'}",
         f"--run_dir_path={tmp_path / 'runs'}"],
    )  # fmt: skip
    check(row, code, err)
    assert (tmp_path / "c.pt").exists() == (code == 0)
    if row["expected_action"] == "WARN":
        assert "warning: " in err


@pytest.mark.parametrize("row", rows("checkpoints/"))
@pytest.mark.parametrize("verb", ["rank", "train"])
def test_checkpoints_get_what_the_table_says(row, verb, capsys, tmp_path):
    if row["file"].endswith(".distcp"):
        pytest.skip("the second file of the row before it")
    name = row["file"].removeprefix("checkpoints/")
    is_folder = "/.metadata" in name or "/labels.json" in name
    path = BAD / "checkpoints" / (name.split("/")[0] if is_folder else name)
    if verb == "rank":
        words = ["rank", "--sequence=MKTAYIAK", f"--checkpoint_path={path}", "--device=cpu"]
    else:
        copied = tmp_path / "checkpoints"
        shutil.copytree(BAD / "checkpoints", copied)
        path = copied / path.relative_to(BAD / "checkpoints")
        words = ["train", "--resume", f"--checkpoint_path={path}", "--device=cpu"]
    if "manifest" in name:
        pytest.skip("the sidecar of the row before it")
    code, out, err = outcome(capsys, words)
    check(row, code, err)
    assert path.name in err
    wanted = row["message_must_name"]
    for word in ("classifier.bias", "classifier.weight", "[5,8]", "[4,8]", "format 999"):
        if word in wanted:
            assert word in err
    if "fingerprints" in wanted or name.endswith("space/model.safetensors"):
        assert "000000" in err
    assert not out
    assert not list(Path("/tmp").glob("RELIABILITY_POC_*"))

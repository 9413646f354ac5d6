"""``esmgo build``: from raw files to a data set, whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from annotating import GAF, gaf_row

from esmgo.cli.main import main
from esmgo.dataset.building import BuildConfig, build
from esmgo.dataset.splits import held_out_by_hash
from esmgo.errors import (
    AnnotationError,
    FastaError,
    MachineError,
    OntologyError,
    RecordError,
    UsageError,
)
from esmgo.go.information import read_information_accretion

BAD = Path(__file__).parents[2] / "shared" / "bad_inputs"
needs_bad_inputs = pytest.mark.skipif(not BAD.is_dir(), reason="the shared bad inputs are absent")

OBO = """data-version: releases/2026-01-01
ontology: go

[Term]
id: GO:0008150
name: biological_process
namespace: biological_process

[Term]
id: GO:0003674
name: molecular_function
namespace: molecular_function

[Term]
id: GO:0000001
name: a
namespace: biological_process
alt_id: GO:0000011
is_a: GO:0008150

[Term]
id: GO:0000002
name: b
namespace: biological_process
relationship: part_of GO:0000001

[Term]
id: GO:0000003
name: c
namespace: molecular_function
is_a: GO:0003674
relationship: part_of GO:0000002

[Term]
id: GO:0000008
name: old
namespace: biological_process
is_obsolete: true
replaced_by: GO:0000002

[Term]
id: GO:0000009
name: gone
namespace: biological_process
is_obsolete: true
"""
N = 40
LETTERS = "ACDEFGHIKLMNPQRSTVWY"
FASTA = "".join(f">P{i:05d}\nM{LETTERS[i % 20]}{LETTERS[i // 20]}KLVVVVVV\n" for i in range(N))
TERMS = "EntryID\tterm\taspect\n" + "".join(
    f"P{i:05d}\t{'GO:0000002' if i % 2 else 'GO:0000003'}\t{'BPO' if i % 2 else 'MFO'}\n"
    for i in range(N)
)
TAXA = "EntryID\ttaxonomyID\n" + "".join(f"P{i:05d}\t9606\n" for i in range(N - 1))


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "go.obo").write_text(OBO)
    (tmp_path / "seq.fasta.gz").write_bytes(gzip.compress(FASTA.encode()))
    (tmp_path / "terms.tsv").write_text(TERMS)
    (tmp_path / "taxa.tsv").write_text(TAXA)
    return tmp_path


def run(raw: Path, **changes):
    names = {"sequences": "seq.fasta.gz", "terms": "terms.tsv", "ontology": "go.obo"}
    names |= {"taxonomy": "taxa.tsv", "output_dir": "out"}
    options = {name: str(raw / value) for name, value in names.items()} | changes
    return build(BuildConfig(**{key: value for key, value in options.items() if value is not None}))


def rows(raw: Path, name: str) -> list[dict]:
    return pq.read_table(raw / "out" / name).to_pylist()


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_the_folder_holds_every_subset_and_split_and_what_describes_them(raw):
    summary = run(raw)
    assert sorted(files(raw / "out")) == [
        "all/test.parquet",
        "all/train.parquet",
        "bp/train.parquet",
        "dataset.json",
        "information_accretion.tsv",
        "mf/test.parquet",
        "mf/train.parquet",
    ]  # one protein is held out, and it has molecular functions alone
    description = json.loads((raw / "out" / "dataset.json").read_text())
    assert description["rows"]["all/train"] == 39
    assert description["release"] == "releases/2026-01-01"
    assert "ontology releases/2026-01-01: 5 terms, 3 edges" in str(summary)
    assert "all: 39 train, 1 test" in str(summary)
    assert not summary.report.rejects


def test_terms_are_propagated_within_their_aspect_to_the_root(raw):
    run(raw)
    by_id = {row["id"]: row for row in rows(raw, "all/train.parquet")}
    assert by_id["P00001"]["terms"] == ["GO:0000001", "GO:0000002", "GO:0008150"]
    assert by_id["P00000"]["terms"] == ["GO:0000003", "GO:0003674"]
    assert by_id["P00001"]["length"] == 11 == len(by_id["P00001"]["sequence"])
    assert by_id["P00001"]["taxon_id"] == "9606"
    assert by_id[f"P{N - 1:05d}"]["taxon_id"] is None
    schema = pq.read_schema(raw / "out" / "all" / "train.parquet")
    assert schema.names == ["id", "sequence", "length", "terms", "taxon_id"]
    assert schema.field("taxon_id").type == pa.string()


def test_a_subset_holds_the_proteins_and_terms_of_its_aspect(raw):
    run(raw)
    mf = rows(raw, "mf/train.parquet")
    assert {row["id"] for row in mf} <= {f"P{i:05d}" for i in range(0, N, 2)}
    assert {term for row in mf for term in row["terms"]} == {"GO:0000003", "GO:0003674"}


def test_the_test_split_is_chosen_by_the_ids_and_the_same_in_every_subset(raw):
    run(raw, test_ratio=0.3)
    ids = [f"P{i:05d}" for i in range(N)]
    expected = {id for id, one in zip(ids, held_out_by_hash(ids, 0.3), strict=True) if one}
    assert {row["id"] for row in rows(raw, "all/test.parquet")} == expected
    for subset in ("mf", "bp"):
        assert {row["id"] for row in rows(raw, f"{subset}/test.parquet")} < expected


def test_a_ratio_of_nothing_makes_no_test_split(raw):
    run(raw, test_ratio=0)
    assert not list((raw / "out").rglob("test.parquet"))
    assert len(rows(raw, "all/train.parquet")) == N


def test_the_same_input_gives_the_same_bytes(raw):
    run(raw)
    run(raw, output_dir=str(raw / "again"))
    assert files(raw / "out") == files(raw / "again")


def test_information_accretion_is_over_all_proteins(raw):
    # of the 20 proteins with GO:0000001, 10 have its part GO:0000002
    (raw / "terms.tsv").write_text(TERMS.replace("GO:0000002", "GO:0000001", 10))
    run(raw)
    bits = read_information_accretion(raw / "out" / "information_accretion.tsv")
    assert list(bits) == sorted(bits)
    assert {id: value for id, value in bits.items() if value} == {"GO:0000002": 1.0}


def test_old_ids_are_mapped_and_counted(raw):
    extra = "P00000\tGO:0000008\tBPO\nP00002\tGO:0000011\tBPO\nP00004\tGO:0000009\tBPO\n"
    (raw / "terms.tsv").write_text(TERMS + extra)
    alternative, replaced, dropped = run(raw, test_ratio=0).report.warnings
    assert "1 annotations with alternative ids, read as their terms: GO:0000011" in alternative
    assert f"(first: P00002, line {N + 3})" in alternative
    assert "1 annotations with obsolete terms, read as their replacements: GO:0000008" in replaced
    assert "1 annotations with obsolete terms, left out: GO:0000009" in dropped
    by_id = {row["id"]: row["terms"] for row in rows(raw, "all/train.parquet")}
    assert "GO:0000002" in by_id["P00000"]
    assert "GO:0000001" in by_id["P00002"]


def test_an_unknown_term_is_refused_or_dropped_and_counted(raw):
    (raw / "terms.tsv").write_text(TERMS + "P00000\tGO:7777777\tBPO\n")
    with pytest.raises(AnnotationError, match="P00000: GO:7777777 is not in the onto") as caught:
        run(raw)
    assert caught.value.line == N + 2
    assert not (raw / "out").exists()
    (warning,) = run(raw, drop_unknown_terms=True).report.warnings
    assert "1 annotations with terms not in the ontology, left out: GO:7777777" in warning


def test_proteins_without_a_sequence_are_left_out_and_counted(raw):
    extra = "".join(f"Q9999{i}\tGO:0000001\tBPO\n" for i in range(4))
    (raw / "terms.tsv").write_text(TERMS + extra)
    (warning,) = run(raw).report.warnings
    assert "4 proteins without a sequence left out: Q99990 (line 42), Q99991 (line 43)," in warning
    with pytest.raises(AnnotationError, match="Q99990 is not in") as caught:
        run(raw, overwrite=True, require_sequences=True)
    assert caught.value.line == N + 2


def test_annotations_of_other_proteins_alone_are_refused_with_both_forms_of_ids(raw):
    (raw / "terms.tsv").write_text("EntryID\tterm\naa\tGO:0000001\nbb\tGO:0000001\n")
    with pytest.raises(AnnotationError, match=r"look like aa, those of .* like P00000") as caught:
        run(raw)
    assert caught.value.line == 2
    assert len(str(caught.value)) < 200


ISOFORMS = ">sp|P12345|A_B\nMKLVAAAAAAAA\n>sp|P12345-2|A_B\nMKLVAAAACCCC\n>P54321\nMKLVVVVVVV\n"


def test_an_isoform_has_its_annotations_if_it_has_a_sequence(raw):
    (raw / "seq.fasta.gz").write_text(ISOFORMS)
    (raw / "terms.tsv").write_text(
        GAF
        + gaf_row("P12345", "GO:0000003", form="UniProtKB:P12345-2")
        + gaf_row("P12345", "GO:0000002", aspect="P", qualifier="involved_in")
        + gaf_row("P54321", "GO:0000001", aspect="P", qualifier="", form="UniProtKB:P54321-9")
    )
    summary = run(raw, test_ratio=0, taxonomy=None)
    found = {row["id"]: row["terms"] for row in rows(raw, "all/train.parquet")}
    assert found == {
        "sp|P12345|A_B": ["GO:0000001", "GO:0000002", "GO:0008150"],
        "sp|P12345-2|A_B": ["GO:0000003", "GO:0003674"],
        "P54321": ["GO:0000001", "GO:0008150"],
    }
    assert not summary.report.warnings


def test_ids_are_compared_by_accession_on_both_sides(raw):
    fasta = "".join(f">sp|P0000{i}|X_Y\nMKLVAAAAAA{LETTERS[i]}\n" for i in range(4))
    (raw / "seq.fasta.gz").write_text(fasta + ">ref|NP_000001.1|\nMKLVCCCCCCC\n")
    (raw / "taxa.tsv").write_text("tr|P00000|A_B\t9606\nNP_000001.1\t10090\n")
    (raw / "terms.tsv").write_text(
        "P00000\tGO:0000001\ntr|P00001|Z_Z\tGO:0000001\nUniProtKB:P00002\tGO:0000001\n"
        "P00003.2\tGO:0000001\ngi|7|ref|NP_000001.1|\tGO:0000001\n"
    )
    assert not run(raw, test_ratio=0).report.warnings
    found = {row["id"]: row["taxon_id"] for row in rows(raw, "all/train.parquet")}
    assert len(found) == 5
    assert (found["sp|P00000|X_Y"], found["ref|NP_000001.1|"]) == ("9606", "10090")


def test_bad_rows_of_annotations_are_rejects_beside_bad_records(raw):
    (raw / "seq.fasta.gz").write_text(FASTA.replace("MAAKL", "M1AKL"))
    (raw / "terms.tsv").write_text(TERMS + "P00001\tGO:1\tBPO\nP00001\tGO:0000001\tF\n")
    summary = run(raw, rejects=str(raw / "rejects.tsv"))
    assert [(r.line, r.id) for r in summary.report.rejects] == [
        (N + 2, "P00001"), (N + 3, "P00001"), (2, "P00000"),
    ]  # fmt: skip
    assert "GO:0000001 is in biological_process" in summary.report.rejects[1].reason
    assert (raw / "rejects.tsv").read_text().count("P00001") == 2
    with pytest.raises(RecordError, match="GO:1"):
        run(raw, strict=True, output_dir=str(raw / "strict"))


def test_an_unknown_evidence_code_is_a_usage_error(capsys):
    assert main(["build", "--terms=x", "--evidence=IDA,FOO"]) == 2
    assert "--evidence 'FOO' is not experimental, all or one of EXP IDA" in capsys.readouterr().err


REPORTS = {
    "01-gaf-version-not-first": ("a.gaf", 0, "read as GAF 2.2", 2),
    "04-gaf-other-objects": ("a.gaf", 0, "protein_complex 1, ncRNA 1", 2),
    "05-gaf-evidence": ("a.gaf", 0, "taken: IDA 1; left out: IEA 2", 1),
    "07-gaf-one-bad-row": ("a.gaf", 4, "a.gaf:3: record 2 rejected: no protein id", 1),
    "07-gaf-one-bad-row ": ("badaspect.gaf", 4, "badaspect.gaf:3: P54321 rejected: 'H'", 1),
    "12-gpad-as-terms": ("a.gpad", 0, "read as GPAD 1.1", 1),
    "13-terms-two-columns": ("t.tsv", 0, "read as a table of EntryID and term", 2),
    "58-cafa6-file-shapes": ("terms.tsv", 0, "read as a CAFA table", 12),
    "60-other-go-tables": ("uniprot.tsv", 0, "read as a UniProt table", 2),
    "60-other-go-tables ": ("assoc.txt", 0, "read as a table of proteins and GO ids", 1),
    "60-other-go-tables  ": ("emapper.annotations", 0, "read as a table of eggNOG-mapper", 1),
    "60-other-go-tables   ": ("iprscan.tsv", 0, "read as a table of InterProScan", 1),
}  # fmt: skip


@pytest.mark.parametrize("report", REPORTS)
def test_reports_of_outsiders_are_answered(report, shared, tmp_path, capsys):
    name, code, words, n = REPORTS[report]
    folder = shared / "reports" / report.strip()
    if not folder.is_dir():
        pytest.skip("needs the reports beside the repository")
    inputs = {"sequences": "seqs.fasta", "terms": name, "ontology": "go.obo"}
    if (folder / "taxonomy.tsv").exists():
        inputs["taxonomy"] = "taxonomy.tsv"
    flags = [f"--{flag}={folder / file}" for flag, file in inputs.items()]
    assert main(["build", *flags, "--test_ratio=0", f"--output_dir={tmp_path / 'out'}"]) == code
    assert words in capsys.readouterr().err
    found = pq.read_table(tmp_path / "out" / "all" / "train.parquet").to_pylist()
    assert len(found) == n
    assert all(row["taxon_id"] for row in found) == ("taxonomy" in inputs)


def test_a_qualifier_that_is_none_rejects_the_row(shared, capsys):
    path = shared / "reports" / "63-gaf-qualifier" / "not_semicolon_2.1.gaf"
    if not path.exists():
        pytest.skip("needs the reports beside the repository")
    assert main(["build", f"--terms={path}"]) == 4
    out, err = capsys.readouterr()
    assert "annotations: 1 of 1 proteins" in out
    assert ":3: P2 rejected: 'NOT,contributes_to' is no qualifier" in err


def test_a_protein_is_found_by_the_accession_in_its_id(raw):
    data = FASTA.replace(">P00001\n", ">sp|P00001|X_YEAST Protein\n").encode()
    (raw / "seq.fasta.gz").write_bytes(data)
    run(raw, test_ratio=0)
    by_id = {row["id"]: row for row in rows(raw, "all/train.parquet")}
    assert by_id["sp|P00001|X_YEAST"]["taxon_id"] == "9606"


def test_proteins_without_annotations_are_left_out_and_counted(raw):
    (raw / "seq.fasta.gz").write_bytes((FASTA + ">bare\nMKLVVVVVVVV\n").encode())
    assert run(raw).report.warnings == ["1 proteins without annotations left out"]


def test_the_same_sequence_in_both_splits_is_told(raw):
    (raw / "seq.fasta.gz").write_text("".join(f">P{i:05d}\nMKLVVVVVVVV\n" for i in range(N)))
    (warning,) = run(raw).report.warnings
    assert "1 test proteins have the sequence of a training protein" in warning


def test_rejected_records_are_reported_and_written_down(raw):
    (raw / "seq.fasta.gz").write_bytes(FASTA.replace("MAAKL", "M1AKL").encode())
    summary = run(raw, rejects=str(raw / "rejects.tsv"))
    assert [r.id for r in summary.report.rejects] == ["P00000"]
    header, row = (raw / "rejects.tsv").read_text().splitlines()
    assert header == "record\tid\tline\tcolumn\treason"
    assert row.startswith("1\tP00000\t2\t2\t")
    with pytest.raises(UsageError, match="rejects"):
        run(raw, rejects=str(raw / "rejects.tsv"), output_dir=None)
    with pytest.raises(RecordError):
        run(raw, strict=True, output_dir=str(raw / "strict"))
    assert not (raw / "strict").exists()


def test_what_is_given_is_checked_without_writing_anything(raw):
    before = files(raw)
    nothing = {"sequences": None, "terms": None, "taxonomy": None, "output_dir": None}
    assert "5 terms, 3 edges" in str(run(raw, **nothing))
    assert "nothing written" in str(run(raw, **nothing))
    assert f"annotations: {N} of {N} proteins, 2 terms" in str(
        run(raw, ontology=None, sequences=None, taxonomy=None, output_dir=None)
    )
    assert f"sequences: {N} proteins" in str(
        run(raw, ontology=None, terms=None, taxonomy=None, output_dir=None)
    )
    assert files(raw) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (dict.fromkeys(("sequences", "terms", "ontology", "taxonomy")), "nothing to build"),
        ({"sequences": None}, "output_dir: needs `sequences`"),
        ({"terms": None, "ontology": None}, "needs `terms` and `ontology`"),
        ({"test_ratio": 1.0}, "test_ratio: must be"),
        ({"test_ratio": -0.1}, "test_ratio: must be"),
        ({"max_length": 0}, "max_length: must be"),
        ({"sequences": "-", "terms": "-"}, "standard input"),
    ],
)
def test_flags_that_cannot_work_are_refused(raw, changes, words):
    with pytest.raises(UsageError, match=words):
        run(raw, **changes)


def test_an_older_folder_is_replaced_only_when_asked(raw):
    run(raw)
    before = files(raw / "out")
    with pytest.raises(UsageError, match="exists"):
        run(raw, test_ratio=0.5)
    assert files(raw / "out") == before
    run(raw, test_ratio=0.5, overwrite=True)
    assert files(raw / "out") != before
    assert not [p for p in raw.iterdir() if p.name.startswith(".")]


def test_a_folder_that_is_no_data_set_is_never_replaced(raw):
    (raw / "out").mkdir()
    (raw / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match=r"no dataset\.json"):
        run(raw, overwrite=True)
    assert (raw / "out" / "thesis.tex").exists()


def test_a_missing_parent_is_found_before_anything_is_read(raw):
    with pytest.raises(MachineError, match="no such parent folder"):
        run(raw, output_dir=str(raw / "not" / "there"), ontology=str(raw / "nowhere.obo"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_parent_is_found_before_anything_is_read(raw):
    (raw / "closed").mkdir(mode=0o500)
    with pytest.raises(MachineError, match="permission denied"):
        run(raw, output_dir=str(raw / "closed" / "out"), ontology=str(raw / "nowhere.obo"))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_whatever_goes_wrong_leaves_no_folder_behind(raw, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("esmgo.dataset.writing.pq.write_table", fail)
    with pytest.raises(MachineError if isinstance(error, OSError) else KeyboardInterrupt):
        run(raw)
    names = {"go.obo", "seq.fasta.gz", "terms.tsv", "taxa.tsv"}
    assert {p.name for p in raw.iterdir()} == names


def test_a_folder_that_cannot_be_renamed_leaves_the_older_one(raw, monkeypatch):
    run(raw)
    before = files(raw / "out")
    rename = Path.rename

    def fail(self, target):
        if self.suffix == ".tmp":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(MachineError, match="input/output error"):
        run(raw, test_ratio=0.5, overwrite=True)
    assert files(raw / "out") == before


def test_all_proteins_rejected_is_refused(raw):
    (raw / "seq.fasta.gz").write_bytes(FASTA.replace("KL", "1").encode())
    with pytest.raises(AnnotationError, match=f"{N} records rejected"):
        run(raw)


def test_a_single_protein_cannot_be_split_but_trains(raw):
    (raw / "seq.fasta.gz").write_bytes(b">P00001\nMKL\n")
    (raw / "terms.tsv").write_text("EntryID\tterm\taspect\nP00001\tGO:0000001\tBPO\n")
    run(raw)
    assert len(rows(raw, "all/train.parquet")) == 1
    assert np.array_equal([r["length"] for r in rows(raw, "bp/train.parquet")], [3])


@needs_bad_inputs
def test_shared_files_are_refused_as_their_manifest_says():
    for path in sorted((BAD / "obo").glob("*.obo")):
        if path.name[:2] in ("00", "15", "21", "24"):
            assert "terms" in str(build(BuildConfig(ontology=str(path))))
        else:
            with pytest.raises(OntologyError):
                build(BuildConfig(ontology=str(path)))
    terms, obo = str(BAD / "tsv" / "09_protein_not_in_fasta.tsv"), str(BAD / "obo" / "00_clean.obo")
    fasta = str(BAD / "fasta" / "00_clean.fasta")
    with pytest.raises(AnnotationError, match="zzz") as caught:
        build(BuildConfig(terms=terms, ontology=obo, sequences=fasta))
    assert caught.value.line == 2
    with pytest.raises(FastaError, match="no FASTA records"):
        build(BuildConfig(sequences=str(BAD / "fasta" / "02_whitespace_only.fasta")))

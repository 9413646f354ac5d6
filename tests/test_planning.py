"""`esmgo plan`: the same records as any reading finds, and where they are."""

import gzip
import io
import tracemalloc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from predicting import error_of

from esmgo.cli.main import main
from esmgo.data.fasta import read_fasta
from esmgo.data.reading import FastaConfig
from esmgo.data.rejects import ReadReport
from esmgo.errors import FastaError, RecordError
from esmgo.proteome import planning, repeated_ids
from esmgo.proteome.plan import Plan
from esmgo.proteome.planning import write_plan

record = st.tuples(
    st.sampled_from(["", "a", "b", "c", "sp|P1|X more", "é", " d", ">e", "x" * 1001, "a\tb"]),
    st.sampled_from(
        ["MKV", "mkvllq", "MK!V", "", "MK\nVL", "MKV*", "MJ", "ustar", "A>C", "ACGT" * 20]
    ),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n \n", "\n" * 9]),
)  # fmt: skip


def read_both(folder, data, most, strict=False):
    """Proteins, rejects and counts of a plain reading and of a plan."""
    source, job = folder / "x.fasta", folder / "job"
    source.write_bytes(data)
    job.mkdir()
    plain, planned = ReadReport(), ReadReport()
    proteins = list(read_fasta(source, report=plain))
    write_plan(str(source), job, FastaConfig(), planned, most)
    plan = Plan.open(job)
    found = [p for number in range(len(plan.blocks)) for p in plan.read(number)]
    assert (found, planned.rejects, planned.n_accepted) == (
        proteins,
        plain.rejects,
        plain.n_accepted,
    )
    assert plan.rejected.tolist() == [each.record for each in plain.rejects]
    return plan


@given(records=st.lists(record, min_size=1, max_size=9), most=st.integers(1, 4), bom=st.booleans())
def test_a_plan_has_the_proteins_and_the_rejects_of_a_plain_reading(
    tmp_path_factory, records, most, bom
):
    text = "".join(f">{id}{end}{sequence}{end}" for id, sequence, end in records)
    assume("ustar" not in text)  # the mark of a tar archive
    data = b"\xef\xbb\xbf" * bom + text.encode()
    read_both(tmp_path_factory.mktemp("plan"), data, most)


def test_many_ids_on_disk_and_many_records_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "_AT_ONCE", 7)
    monkeypatch.setattr(repeated_ids, "_AT_ONCE", 11)
    ids = [f"p{i % 83}" if i % 5 else f"q{i}" for i in range(300)]
    text = "".join(f">{id}\nMKV{'!' * (i % 7 == 3)}\n" for i, id in enumerate(ids))
    plan = read_both(tmp_path, text.encode(), 10)
    assert not list(plan.folder.glob("records-*"))


@pytest.mark.parametrize("how", ["gzip", "stdin"])
def test_a_packed_file_and_a_pipe_are_unpacked_once_with_a_word(
    proteome, tmp_path, monkeypatch, capsys, how
):
    source, packed = proteome, gzip.compress(proteome.read_bytes())
    if how == "gzip":
        source = tmp_path / "packed.gz"
        source.write_bytes(packed)
    else:
        source = "-"
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(packed)))
    assert main(["plan", f"--input={source}", f"-o={tmp_path / 'job'}"]) == 4
    out, err = capsys.readouterr()
    assert out.startswith("22 proteins in 1 blocks, planned in ")
    assert "proteins.fasta, from which blocks are read" in err
    assert "2 of 24 records rejected" in err
    plan = Plan.open(tmp_path / "job")
    assert (plan.folder / "proteins.fasta").read_bytes() == proteome.read_bytes()
    (tmp_path / "job").rename(tmp_path / "moved")
    assert len(Plan.open(tmp_path / "moved").read(0)) == 22
    assert len((tmp_path / "moved" / "rejects.tsv").read_text().splitlines()) == 3


def test_a_plan_is_written_whole_or_not_at_all(proteome, tmp_path, capsys):
    job = tmp_path / "job"
    words = ["plan", f"--input={proteome}", f"-o={job}"]
    proteome.write_text(proteome.read_text() + ">sp|A00001|N1_X\nMKV\n")
    assert main([*words, "--strict"]) == 3
    assert not job.exists()
    assert main(words) == 4
    assert "N1_X rejected: duplicate identifier (first seen line 3)" in capsys.readouterr().err
    assert main(words) == 2
    assert "--overwrite" in error_of(capsys)
    assert main([*words, "--overwrite", f"--rejects={tmp_path / 'r.tsv'}"]) == 4
    assert (tmp_path / "r.tsv").read_bytes() == (job / "rejects.tsv").read_bytes()
    (job / "plan.json").unlink()
    assert main([*words, "--overwrite"]) == 2
    assert "contains no plan.json" in error_of(capsys)
    assert main(["plan", f"--input={proteome}"]) == 2
    assert main(["plan", f"-o={job}"]) == 2
    (tmp_path / "none.fasta").write_text("no\n")
    assert main(["plan", f"--input={tmp_path / 'none.fasta'}", f"-o={tmp_path / 'y'}"]) == 3
    assert not (tmp_path / "y").exists()


def test_only_repeated_ids_are_strict_at_the_end(tmp_path):
    (tmp_path / "x.fasta").write_text(">a\nMKV\n>a\nMKV\n")
    (tmp_path / "job").mkdir()
    with pytest.raises(RecordError, match=r"x\.fasta:3: a rejected: duplicate"):
        write_plan(str(tmp_path / "x.fasta"), tmp_path / "job", FastaConfig(),
                   ReadReport(strict=True), 9)  # fmt: skip


def test_a_file_of_repeated_ids_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "MANY_REJECTS", 20)
    (tmp_path / "x.fasta").write_text(">a\nMKV\n" * 40)
    (tmp_path / "job").mkdir()
    with pytest.raises(FastaError, match="39 of 40 records rejected; not proteins"):
        write_plan(str(tmp_path / "x.fasta"), tmp_path / "job", FastaConfig(), ReadReport(), 9)


def test_a_file_of_rejects_alone_has_an_empty_plan(predict, tmp_path):
    (tmp_path / "x.fasta").write_text(">a\n!!!\n")
    assert main(["plan", f"--input={tmp_path / 'x.fasta'}", f"-o={tmp_path / 'job'}"]) == 4
    assert predict(tmp_path / "x.jsonl", input=tmp_path / "job") == 0
    assert (tmp_path / "x.jsonl").read_bytes() == b""


def test_memory_does_not_grow_with_the_proteins(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "_AT_ONCE", 500)
    monkeypatch.setattr(repeated_ids, "_AT_ONCE", 500)
    peaks = []
    for n in (4_000, 12_000):
        source, job = tmp_path / f"{n}.fasta", tmp_path / f"job{n}"
        source.write_text("".join(f">protein-{i}\n{'MKVLLQ' * 50}\n" for i in range(n)))
        job.mkdir()
        tracemalloc.start()
        write_plan(str(source), job, FastaConfig(), ReadReport(), 100)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 8_000 * 40

"""A plan: blocks are read alone, with the proteins that a reading of the whole file finds."""

import json

import numpy as np
import pytest
from predicting import error_of

from esmgo.cli.main import main
from esmgo.data.fasta import read_fasta
from esmgo.data.rejects import ReadReport
from esmgo.errors import FastaError, InputError
from esmgo.proteome.plan import Plan


@pytest.fixture
def planned(proteome, tmp_path):
    """The plan of the proteome in blocks of four."""
    assert main(["plan", str(proteome), f"-o={tmp_path / 'job'}", "--block_size=4"]) == 4
    return Plan.open(tmp_path / "job")


def test_blocks_are_read_alone_in_any_order(planned, proteome):
    proteins = list(read_fasta(proteome, report=ReadReport()))
    blocks = {number: planned.read(number) for number in reversed(range(len(planned.blocks)))}
    assert [p for _, block in sorted(blocks.items()) for p in block] == proteins
    assert {len(block) for block in blocks.values()} == {3, 4}


@pytest.mark.parametrize("shards", [1, 3])
def test_a_plan_gives_the_bytes_of_a_run_without_one(predict, planned, tmp_path, capsys, shards):
    assert predict(tmp_path / "whole.tsv") == 4
    words = []
    for i in range(1, shards + 1):
        word = f"--shard={i}/{shards}"
        assert predict(tmp_path / str(i), word, input=planned.folder) == 0
        words.append(str(tmp_path / str(i)))
    assert "2 records are not in the plan" in capsys.readouterr().err
    assert main(["merge", "-o", str(tmp_path / "merged.tsv"), *words]) == 0
    assert predict(tmp_path / "x.tsv", input=planned.folder) == 0
    whole = (tmp_path / "whole.tsv").read_bytes()
    assert whole == (tmp_path / "merged.tsv").read_bytes() == (tmp_path / "x.tsv").read_bytes()


def test_a_file_that_changed_is_refused_and_so_are_flags_of_the_reading(
    predict, planned, proteome, tmp_path, capsys
):
    for word in ("--strip_gaps", "--max_length=9", "--strict"):
        assert predict(tmp_path / "x.tsv", word, input=planned.folder) == 2
        assert "is for esmgo plan" in error_of(capsys).replace("`", "")
    data = bytearray(proteome.read_bytes())
    at = data.rindex(b"K")
    data[at : at + 1] = b"R"
    proteome.write_bytes(data)
    assert predict(tmp_path / "x.tsv", input=planned.folder) == 3
    assert "changed since the plan" in error_of(capsys)
    data[at : at + 1] = b"!"
    proteome.write_bytes(data)
    with pytest.raises(FastaError, match="has changed"):
        planned.read(len(planned.blocks) - 1)
    proteome.unlink()
    with pytest.raises(FastaError, match="no such file"):
        planned.read(0)


def test_a_damaged_plan_is_refused_in_one_line(planned, tmp_path):
    folder = planned.folder
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    plan = json.loads(whole["plan.json"])
    other = np.zeros(3, np.int32)
    for name, data in {
        "plan.json": b"[1]", "blocks.npy": b"x", "rejected.npy": b"",
        "plan.json ": json.dumps(plan | {"format": 99}).encode(),
        "plan.json  ": json.dumps(plan | {"n_proteins": "many"}).encode(),
        "plan.json   ": json.dumps(plan | {"judged": {}}).encode(),
        "plan.json    ": json.dumps(plan | {"n_rejected": 5}).encode(),
    }.items():  # fmt: skip
        path = folder / name.strip()
        path.write_bytes(data)
        with pytest.raises(InputError, match="damaged plan") as found:
            Plan.open(folder)
        assert len(str(found.value)) < 250
        path.write_bytes(whole[path.name])
    np.save(folder / "blocks.npy", other)
    with pytest.raises(InputError, match="wrong shapes"):
        Plan.open(folder)
    with pytest.raises(InputError, match="esmgo plan"):
        Plan.open(tmp_path)

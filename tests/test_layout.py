"""Which files make a split."""

import pytest
from made_rows import A, C, M, row

from esmgo.dataset import layout
from esmgo.dataset.opening import open_dataset
from esmgo.errors import DatasetError


@pytest.mark.parametrize(
    "names",
    [
        ["all/train-00000-of-00002.parquet", "all/train-00001-of-00002.parquet"],
        ["all/train/0000.parquet", "all/train/0001.parquet"],
        ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"],
        ["train/a.jsonl.gz", "train/b.jsonl"],
    ],
)
def test_shards_are_one_split(tmp_path, write_rows, ontology, names):
    write_rows([row("a", A), row("b", M)], names[0])
    write_rows([row("c", C), row("d", M)], names[1])
    data = open_dataset(str(tmp_path), ontology=ontology)
    assert sorted(data.train.ids + data.validation.ids) == ["a", "b", "c", "d"]


def test_a_missing_shard_is_refused(tmp_path, write_rows):
    write_rows([row("a", A)], "all/train-00000-of-00002.parquet")
    with pytest.raises(DatasetError, match="1 of the 2 shards"):
        open_dataset(str(tmp_path))


def test_a_data_set_of_the_hub_may_be_pinned_to_a_revision(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(layout, "snapshot", lambda *given: asked.append(given) or tmp_path)
    for name in ("a/b", "a/b@v1", f"a/b@{'1' * 40}", "a/b@refs/pr/1"):
        layout.fetch(name, "all")
    assert [(given[0], given[-1]) for given in asked] == [
        ("a/b", None), ("a/b", "v1"), ("a/b", "1" * 40), ("a/b", "refs/pr/1"),
    ]  # fmt: skip
    for name in ("a/b@", "a/b@-x", "a/b@x@y", "a/b@../x", "@x", "a/b/c@x"):
        with pytest.raises(DatasetError, match="no such file or folder"):
            layout.fetch(name, "all")
    (tmp_path / "a@b").mkdir()
    monkeypatch.chdir(tmp_path)
    assert str(layout.fetch("a@b", "all")) == "a@b"


def test_two_files_for_one_split_are_refused(tmp_path, write_rows):
    write_rows([row("a", A)], "all/train.parquet")
    write_rows([row("a", A)], "all/train.jsonl")
    with pytest.raises(DatasetError, match=r"both train.jsonl and train.parquet; keep one"):
        open_dataset(str(tmp_path))

"""Rows of several files: an id occurs once."""

import pytest
from made_rows import A, row

from esmgo.dataset.opening import open_dataset
from esmgo.errors import DatasetError


def test_one_id_in_two_shards_is_refused_naming_both(tmp_path, write_rows):
    write_rows([row("a", A)], "all/train-00000-of-00002.jsonl")
    write_rows([row("b", A), row("a", A)], "all/train-00001-of-00002.jsonl")
    with pytest.raises(DatasetError, match=r"00001-of-00002.jsonl:2: id 'a' is on line 1 of train"):
        open_dataset(str(tmp_path))

"""The line that names a checkpoint."""

import logging
import re

import pytest

from esmgo.cli.main import main
from esmgo.errors import UsageError
from esmgo.model.bundled import bundled_path
from esmgo.model.checkpoint import open_checkpoint
from esmgo.predict.provenance import described

SEQUENCE = "MASMAGVGGGSGKRVPPTRVWWRLYEFALGLLGVVFFAAAATSGKTSRLVSVLIG"


def test_a_trained_checkpoint_has_base_data_set_release_epoch_and_date(checkpoint):
    line = described(open_checkpoint(checkpoint))
    assert re.search(
        r"checkpoint\.pt · base tiny · trained on sample · GO \S+ · epoch 1"
        r" · \d{4}-\d\d-\d\d \d\d:\d\d · not calibrated$",
        line,
    )
    assert len(line) < 200


def test_the_bundled_caller_is_named(monkeypatch):
    try:
        path = bundled_path()
    except ValueError:
        pytest.skip("this installation has no bundled caller")
    line = described(open_checkpoint(path))
    assert line.startswith("bundled caller · ")
    assert "CAFA 6" in line
    assert line.endswith(" · calibrated")


@pytest.mark.parametrize("verb", ["rank", "predict", "subgraph", "explain", "embed"])
def test_every_verb_that_scores_names_the_checkpoint_once(checkpoint, tmp_path, capsys, verb):
    (tmp_path / "p.fasta").write_text(f">p1\n{SEQUENCE}\n")
    term = open_checkpoint(checkpoint).labels.terms[5].id
    own = {
        "predict": [f"--output={tmp_path / 'x.tsv'}"],
        "subgraph": [f"--output={tmp_path / 'x.json'}"],
        "explain": [f"--term={term}"],
        "embed": [f"--output={tmp_path / 'x.npz'}"],
    }
    words = [f"--checkpoint_path={checkpoint}", "--device=cpu", *own.get(verb, [])]
    assert main([verb, f"--fasta={tmp_path / 'p.fasta'}", *words]) == 0
    out, err = capsys.readouterr()
    assert err.count("· base tiny · trained on sample") == 1
    assert "· base tiny" not in out


def test_a_training_names_what_it_replaces(checkpoint, tmp_path, caplog):
    from esmgo.learn.finetune import _name_replaced

    with caplog.at_level(logging.INFO, "esmgo"):
        _name_replaced((tmp_path / "none.pt",))
        assert caplog.messages == []
        _name_replaced((checkpoint,))
        (tmp_path / "notes.pt").write_text("mine")
        with pytest.raises(
            UsageError, match=r"notes\.pt is not a checkpoint, so it is not replaced"
        ):
            _name_replaced((tmp_path / "notes.pt",))
    (found,) = caplog.messages
    assert found.startswith("this training replaces ")
    assert "base tiny" in found

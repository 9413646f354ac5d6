"""Flags of `esmgo evaluate` that do not fit together."""

import pytest

from esmgo.cli.main import main


@pytest.mark.parametrize(("flags", "said"), [
    ([], "give --predictions, or --checkpoint_path"),
    (["--predictions=p"], "--predictions needs --truth"),
    (["--predictions=p", "--dataset=sample"], "--predictions needs --ontology"),
    (["--predictions=p", "--ontology=o", "--dataset=sample", "--truth=t"],
     "--truth cannot be combined with --dataset"),
    (["--predictions=p", "--sources=head"], "--predictions needs --truth"),
    (["--checkpoint_path=c"], "--checkpoint_path needs --dataset"),
    (["--checkpoint_path=c", "--dataset=sample", "--truth=t"], "--truth cannot be combined with"),
    (["--predictions=p", "--truth=t", "--ontology=o", "--rules=mine"], "--rules must be one of"),
    (["--predictions=p", "--truth=t", "--ontology=o", "--threshold_step=0"], "at least"),
])  # fmt: skip
def test_flags_that_do_not_fit_are_usage_errors(flags, said, capsys):
    assert main(["evaluate", *flags]) == 2
    assert said in capsys.readouterr().err

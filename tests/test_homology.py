"""Which sequences belong to which training proteins."""

from types import SimpleNamespace

import pytest

from esmgo.errors import UsageError
from esmgo.evidence.homology import matched
from esmgo.evidence.relatives import available_sources


@pytest.mark.parametrize(("ids", "sequences", "found"), [
    (["a", "b"], ["b", "c"], {1: "b"}),
    (["P04637"], ["sp|P04637|P53_HUMAN"], {0: "sp|P04637|P53_HUMAN"}),
    (["sp|P04637|P53_HUMAN"], ["P04637.4"], {0: "P04637.4"}),
    (["gi|1|ref|NP_414555.1|"], ["NP_414555.1"], {0: "NP_414555.1"}),
    (["ENSP00000269305.4", "x"], ["x", "ENSP00000269305"], {1: "x", 0: "ENSP00000269305"}),
    (["P04637"], ["P04637.1", "tr|P04637|X"], {0: "P04637.1"}),  # the first of several
    (["P04637"], ["P04637.1", "P04637"], {0: "P04637"}),  # unless one is the same id
    (["P04637.1", "P04637.2"], ["P04637.2", "P04637.1"], {1: "P04637.2", 0: "P04637.1"}),
    (["P04637-2"], ["P04637"], {}),
])  # fmt: skip
def test_sequences_are_matched_by_accession(ids, sequences, found):
    assert matched(ids, sequences) == found


def test_sequences_of_no_training_protein_show_both_forms():
    index = SimpleNamespace(ids=("sp|P04637|P53_HUMAN",), kmers=None)
    reason = "names no training protein of the checkpoint; its ids look like ENSP00000269305, those"
    with pytest.raises(UsageError, match=f"{reason} of the checkpoint like sp.P04637.P53_HUMAN"):
        available_sources(index, {"ENSP00000269305": "MKT"}, None, "")
    assert "homology" in available_sources(index, {"P04637": "MKT"}, None, "")

"""Which sequences belong to which training proteins."""

from types import SimpleNamespace

import numpy as np
import pytest

from esmgo.data.fasta import Protein
from esmgo.errors import UsageError
from esmgo.evidence.homology import Homologs, matched
from esmgo.evidence.relatives import available_sources
from esmgo.evidence.search import Hits


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


class Counting:
    """A database in which a sequence has as many hits as residues; it counts its searches."""

    def __init__(self, *_):
        self.n_searches = 0

    def search(self, sequences):
        self.n_searches += 1
        lengths = np.array(list(map(len, sequences)))
        query = np.repeat(np.arange(len(sequences)), lengths)
        subject = np.concatenate([np.arange(n) for n in lengths])
        bits = 100.0 * lengths[query] - subject
        return Hits(query, subject, bits, bits, bits, bits)


def test_one_search_ahead_gives_the_votes_of_a_search_for_each_block(monkeypatch):
    monkeypatch.setattr("esmgo.evidence.homology.Database", Counting)
    one, other = (Homologs(np.arange(10) + 5, ["MKT"] * 10, 1) for _ in range(2))
    proteins = [Protein(f"p{i}", "MKTWYVAC"[:n]) for i, n in enumerate([3, 8, 0, 3, 5, 1])]
    one.search_ahead(proteins)
    for first, last in ((0, 2), (2, 5), (5, 6), (3, 4)):
        some, own = proteins[first:last], np.full(last - first, 6)
        (ahead, best), (votes, best_too) = (each.votes(some, own) for each in (one, other))
        for name in ("query", "voter", "weight", "total"):
            np.testing.assert_array_equal(getattr(ahead, name), getattr(votes, name))
        np.testing.assert_array_equal(best, best_too)
    assert (one._database.n_searches, other._database.n_searches) == (1, 4)
    one.votes([*proteins, Protein("new", "WWWW")])
    assert one._database.n_searches == 2

"""Low complexity: which segments are masked, and which sequences stay."""

from itertools import groupby
from math import factorial, log, log2

from hypothesis import example, given, settings
from hypothesis import strategies as st

import esmgo
from esmgo.data.famous import famous_path
from esmgo.evidence.masking import masked

P53_SEGMENT = "APRMPEAAPPVAPAPAAPTPAAPAPAP"


def test_a_run_of_one_residue_is_masked_and_its_surroundings_are_not():
    head, tail = "MKTAYIAKQRQISFVKSHF", "DETLGPWCNRMVHAIKSDYF"
    assert masked(head + "Q" * 40 + tail) == head + "X" * 40 + tail
    assert masked("Q" * 500) == "X" * 500


def test_a_segment_of_serine_and_arginine_is_masked():
    head, tail = "MSYGRPPPDVEGMTSLKVDNLTYRTSPDTL", "KWHGNTAEVLDCYFMAIPQE"
    found = masked(f"{head}{'RSRSRSYSR' * 5}{tail}")
    assert found.startswith(head[:-2])
    assert found.endswith(tail)
    assert "RS" not in found


def test_of_p53_the_segment_rich_in_proline_and_alanine_is_masked():
    p53 = next(esmgo.read_fasta(famous_path())).sequence
    assert p53.count(P53_SEGMENT) == 1
    assert masked(p53) == p53.replace(P53_SEGMENT, "X" * len(P53_SEGMENT))


def test_globular_proteins_stay():
    proteins = {p.id.split("|")[2]: p.sequence for p in esmgo.read_fasta(famous_path())}
    for name in ("CDK2_HUMAN", "HBA_HUMAN", "HBB_HUMAN"):
        assert masked(proteins[name]) == proteins[name]


def test_short_sequences_stay():
    assert [masked(each) for each in ("", "Q", "Q" * 11)] == ["", "Q", "Q" * 11]
    assert masked("Q" * 12) == "X" * 12


def entropy(window: str) -> float:
    return -sum(window.count(a) / 12 * log2(window.count(a) / 12) for a in set(window))


def log_probability(part: str) -> float:
    """Of the composition of a part, in any order and with any residues in its counts."""
    counts = sorted((part.count(a) for a in set(part)), reverse=True)
    counts += [0] * (20 - len(counts))
    ways = factorial(len(part)) * factorial(20)
    for _, same in groupby(counts):
        ways //= factorial(len(list(same)))
    for count in counts:
        ways //= factorial(count)
    return log(ways) - len(part) * log(20)


def plain_masked(sequence: str, start: int, end: int) -> set[int]:
    """The masked positions, from windows and parts one by one."""
    found: set[int] = set()
    at = start
    while at + 12 <= end:
        first = at
        while at + 12 <= end and entropy(sequence[at : at + 12]) <= 2.5:
            at += 1
        if any(entropy(sequence[i : i + 12]) <= 2.2 for i in range(first, at)):
            last = at + 11
            parts = [
                (log_probability(sequence[i : last - cut + i - first]), i, last - cut + i - first)
                for cut in range(min(100, last - first - 1) + 1)
                for i in range(first, first + cut + 1)
            ]
            _, left, right = min(parts, key=lambda part: round(part[0], 9))
            found |= set(range(left, right))
            found |= plain_masked(sequence, first, left) | plain_masked(sequence, right, last)
        at += 1
    return found


@settings(max_examples=60, deadline=None)
@given(st.text("QAPWDGHK", max_size=45) | st.text("SR", max_size=40))
@example("SR" * 10 + "MKTAYIAKQRQISFVKSHFDETLGPWCNR" + "Q" * 14)
def test_masked_residues_are_those_of_the_plain_definition(sequence):
    at = plain_masked(sequence, 0, len(sequence))
    assert masked(sequence) == "".join("X" if i in at else a for i, a in enumerate(sequence))

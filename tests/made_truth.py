"""Random ontologies, true terms and scores."""

import numpy as np

from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Aspect, Term
from esmgo.go.truepath import propagate
from esmgo.metrics.truth import Truth

MF, CC = Aspect.MF, Aspect.CC


def grown(seed: int, n_terms: int) -> LabelSpace:
    """A random ontology of two aspects; each term but the roots has parents before it."""
    random = np.random.default_rng(seed)
    roots = {MF: 0, CC: 1}
    terms, parents = [Term(MF.root, "", MF), Term(CC.root, "", CC)], [(), ()]
    for j in range(2, n_terms + 2):
        aspect = MF if random.random() < 0.6 else CC
        able = [i for i, t in enumerate(terms) if t.aspect is aspect]
        up = set(random.choice(able, random.integers(1, 3))) or {roots[aspect]}
        terms.append(Term(f"GO:{9_000_000 + j}", "", aspect))
        parents.append(tuple(sorted(int(p) for p in up)))
    order = sorted(range(len(terms)), key=lambda j: terms[j].id)
    place = {j: i for i, j in enumerate(order)}
    return LabelSpace(
        tuple(terms[j] for j in order),
        tuple(tuple(sorted(place[p] for p in parents[j])) for j in order),
    )


def drawn(seed: int, n: int, labels: LabelSpace) -> tuple[Truth, np.ndarray]:
    """True terms of n proteins, closed, and propagated scores, both drawn at random."""
    random = np.random.default_rng(seed)
    rows = [random.choice(len(labels), random.integers(0, 4)) for _ in range(n)]
    indices = np.concatenate([np.empty(0, np.int32), *rows]).astype(np.int32)
    closed = SparseRows.of(list(map(len, rows)), indices).closed(labels)
    truth = Truth(tuple(f"p{i}" for i in range(n)), closed, labels)
    values = random.random((n, len(labels))).round(2) * (random.random((n, len(labels))) < 0.5)
    return truth, propagate(values.astype(np.float32), labels)


def dense(truth: Truth) -> np.ndarray:
    """The true terms as a matrix."""
    matrix = np.zeros((len(truth), len(truth.labels)), bool)
    matrix[truth.terms.owner, truth.terms.indices] = True
    return matrix


def counts(sums):
    return np.stack([sums.n, sums.tp, sums.fp, sums.fn, sums.precision, sums.recall], axis=1)


def flat(n: int) -> LabelSpace:
    """Terms without parents."""
    return LabelSpace(tuple(Term(f"GO:{j:07}", "", Aspect.CC) for j in range(n)), ((),) * n)

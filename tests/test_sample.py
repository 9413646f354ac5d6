"""The embedded sample: reproducible, with correct motifs and annotations."""

import hashlib
import json
import re
from itertools import chain

import obonet
import pytest

from esmgo.dataset.sample import EXAMPLES, example, sample_ontology_path, sample_rows
from esmgo.dataset.sample_motifs import DOMAINS

# As PROSITE publishes them; the generator's own patterns are narrower.
PROSITE = {
    "zinc finger": r"C.{2,4}C.{3}[LIVMFYWC].{8}H.{3,5}H",  # PS00028
    "P-loop ATPase": r"[AG].{4}GK[ST]",  # PS00017
    "DEAD box": r"[LIVMF]{2}DEAD[RKEN].[LIVMFYGSTN]",  # PS00039
    "EF hand": (  # PS00018
        r"D[^W][DNS][^ILVFYW][DENSTG][DNQGHRK][^GP][LIVMC][DENQSTAGC].{2}[DE][LIVMFYW]"
    ),
    "protein kinase": r"[LIVMFYC].[HY].D[LIVMFY]K.{2}N[LIVMFYCT]{3}",  # PS00108
    "tyrosine kinase": r"[LIVMFYC][^A][HY].D[LIVMFY][RSTAC][^D][^PF]N[LIVMFYC]{3}",  # PS00109
    "trypsin": r"[DNSTAGC][GSTAPIMVQH].{2}G[DE]SG[GS][SAPHV][LIVMFYWH][LIVMFYSTANQH]",
    "zinc metalloprotease": (  # PS00142
        r"[GSTALIVN][^PCHR][^KND]HE[LIVMFYW][^DEHRKP]H[^EKPC][LIVMFYWGSPQ]"
    ),
    "small GTPase": r"[AG].{4}GK[ST]",
    "cytochrome c": r"C[^CPWHF][^CPWR]CH[^CFYW]",  # PS00190
}


def test_examples_are_proteins():
    assert EXAMPLES


@pytest.fixture(scope="module")
def graph():
    return obonet.read_obo(str(sample_ontology_path()), ignore_obsolete=False)


def _rows():
    return list(chain.from_iterable(sample_rows().values()))


def test_rows_are_the_same_on_every_machine():
    digest = hashlib.sha256(json.dumps(sample_rows(), sort_keys=True).encode()).hexdigest()
    assert digest == "0fc84043aff52a68a93bb88270aaa778f71967aead997b60480972ef2f9abd77"


def test_every_row_is_a_protein_with_terms():
    rows = sample_rows()
    assert {split: len(part) for split, part in rows.items()} == {"train": 480, "test": 120}
    for row in _rows():
        assert re.fullmatch(r"M[ACDEFGHIKLMNPQRSTVWY]{59,599}", row["sequence"])
        assert row["terms"]
        assert set(row) == {"id", "sequence", "terms", "taxon_id"}
    assert len({row["id"] for row in _rows()}) == len({row["sequence"] for row in _rows()}) == 600


def test_a_caller_cannot_spoil_the_rows():
    sample_rows()["train"][0]["terms"].clear()
    assert sample_rows()["train"][0]["terms"]


@pytest.mark.parametrize("name", PROSITE)
def test_proteins_annotated_with_a_domain_carry_its_published_pattern(name):
    specific = DOMAINS[name].terms[0]
    if name == "P-loop ATPase":
        specific = "GO:0016887"  # ATP hydrolysis; kinases bind ATP without a P-loop
    others = [d.terms for n, d in DOMAINS.items() if n != name and specific in d.terms]
    carriers = [
        row
        for row in _rows()
        if set(DOMAINS[name].terms) <= set(row["terms"])
        and not any(set(terms) <= set(row["terms"]) for terms in others)
    ]
    assert len(carriers) >= 10
    assert all(re.search(PROSITE[name], row["sequence"]) for row in carriers)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_in_neither_split(name):
    row = example(name)
    assert row == example(name)
    assert row["sequence"] not in {other["sequence"] for other in _rows()}
    domain = EXAMPLES[name][0]
    assert set(DOMAINS[domain].terms) <= set(row["terms"])
    assert re.search(PROSITE.get(domain, ""), row["sequence"])


def test_the_slice_holds_every_term_with_all_its_ancestors(graph):
    active = {id for id, data in graph.nodes(data=True) if "is_obsolete" not in data}
    assert set(chain.from_iterable(row["terms"] for row in _rows())) <= active
    assert all("name" in graph.nodes[id] for id in graph)  # no edge leaves the slice
    roots = {id for id in active if not list(graph.successors(id))}
    assert roots == {"GO:0003674", "GO:0008150", "GO:0005575"}
    for child, parent, relation in graph.edges(keys=True):
        assert relation in {"is_a", "part_of"}
        assert graph.nodes[child]["namespace"] == graph.nodes[parent]["namespace"]


def test_the_slice_is_rich_and_says_what_it_is(graph):
    by_aspect = [data["namespace"] for _, data in graph.nodes(data=True)]
    assert all(by_aspect.count(aspect) >= 20 for aspect in set(by_aspect))
    assert len(set(by_aspect)) == 3
    text = sample_ontology_path().read_text(encoding="utf-8")
    for fact in ("data-version: ", "ontology: go", "CC BY 4.0", "slice", "alt_id: GO:0008026"):
        assert fact in text
    assert graph.nodes["GO:0031224"]["is_obsolete"] == "true"

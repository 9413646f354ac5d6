"""The ontology from OBO: what is kept, what is refused, and which line is named."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

import obonet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.dataset.sample import sample_ontology_path
from esmgo.errors import OntologyError
from esmgo.go.obo import read_obo
from esmgo.go.ontology import Ontology
from esmgo.go.terms import Aspect

SHARED = Path(__file__).parents[2] / "shared"
BAD = SHARED / "bad_inputs" / "obo"
REAL = SHARED / "data" / "go" / "go.obo.gz"
needs_bad_inputs = pytest.mark.skipif(not BAD.is_dir(), reason="the shared bad inputs are absent")

HEADER = "format-version: 1.2\ndata-version: releases/2026-01-01\nontology: go\n"
BP = "biological_process"


def term(id: int | str, *tags: str, name: str = "a", namespace: str = BP) -> str:
    id = f"GO:{id:07d}" if isinstance(id, int) else id
    lines = [f"id: {id}", f"name: {name}", f"namespace: {namespace}", *tags]
    return "\n".join(["[Term]", *lines, ""])


def obsolete(id: int, *tags: str) -> str:
    return term(id, "is_obsolete: true", *tags)


ROOT = term(8150, name=BP)
UP = "is_a: GO:0008150 ! biological_process"
#      8150            a diamond with an alternative id, two obsolete terms, a regulates
#     /    \           edge, and a part_of into another aspect
#    1      2
#     \    /
#      3 (part_of 2)
DIAMOND = [
    ROOT,
    term("GO:0003674", namespace="molecular_function"),
    term(1, UP, name="left"),
    term(2, UP, "alt_id: GO:0000020", name="right"),
    term(3, "is_a: GO:0000001 ! left", "relationship: part_of GO:0000002 ! right"),
    term(
        4,
        "is_a: GO:0003674",
        "relationship: regulates GO:0000003",
        "relationship: part_of GO:0000003",
        namespace="molecular_function",
    ),
    obsolete(8, "replaced_by: GO:0000009"),
    obsolete(9, "replaced_by: GO:0000020"),
    obsolete(10),
    obsolete(11, "replaced_by: GO:0000001", "replaced_by: GO:0000002"),
    obsolete(12, "consider: GO:0000001"),
]


def text(*stanzas: str, header: str = HEADER) -> str:
    return "\n".join([header, *stanzas])


def read(content: str | bytes) -> tuple[Ontology, list[str]]:
    warnings: list[str] = []
    data = content.encode() if isinstance(content, str) else content
    return read_obo(io.BytesIO(data), warn=warnings.append), warnings


def refused(content: str | bytes) -> OntologyError:
    with pytest.raises(OntologyError) as caught:
        read(content)
    assert len(str(caught.value)) < 200
    return caught.value


def test_parents_are_is_a_and_part_of_within_the_aspect():
    ontology, warnings = read(text(*DIAMOND))
    assert not warnings
    assert ontology.parents["GO:0000003"] == ("GO:0000001", "GO:0000002")
    assert ontology.parents["GO:0000004"] == ("GO:0003674",)
    assert ontology.ancestors("GO:0000003") == {"GO:0000001", "GO:0000002", "GO:0008150"}
    assert ontology.terms["GO:0000004"].aspect is Aspect.MF
    assert ontology.terms["GO:0000001"].name == "left"
    assert ontology.release == "releases/2026-01-01"


def test_old_ids_are_followed_to_the_one_active_term_they_stand_for():
    ontology, _ = read(text(*DIAMOND))
    assert len(ontology) == 6
    assert ontology.replacements == {
        "GO:0000008": "GO:0000002",  # through an obsolete term and an alternative id
        "GO:0000009": "GO:0000002",
        "GO:0000010": None,
        "GO:0000011": None,  # two different successors
        "GO:0000012": None,  # a hint is no successor
        "GO:0000020": "GO:0000002",
    }


def test_obsolete_terms_are_told_from_alternative_ids():
    ontology, _ = read(text(*DIAMOND, obsolete(13, "alt_id: GO:0000030")))
    assert ontology.obsolete == {f"GO:{i:07d}" for i in range(8, 14)}
    assert ontology.replacements.keys() - ontology.obsolete == {"GO:0000020", "GO:0000030"}


SAME = {
    "gzip": gzip.compress(text(*DIAMOND).encode()),
    "Windows line ends": text(*DIAMOND).replace("\n", "\r\n"),
    "old Mac line ends": text(*DIAMOND).replace("\n", "\r"),
    "byte order mark": "\ufeff" + text(*DIAMOND),
    "no blank lines": text(*DIAMOND).replace("\n\n", "\n"),
    "comments": text(*DIAMOND).replace("[Term]", "! a comment\n[Term]"),
    "modifiers": text(*DIAMOND).replace(UP, UP.replace(" !", ' {is_inferred="true"} !')),
    "an is_a among the relationships": text(*DIAMOND).replace(
        UP, f"relationship: {UP}".replace("is_a:", "is_a")
    ),
    "a comment behind a flag": text(*DIAMOND).replace(": true", ': TRUE {a="b"} ! gone'),
    "other stanzas": text(*DIAMOND) + "\n[Typedef]\nid: part_of\nname: part of\n",
    "header of an extension": text(
        *DIAMOND,
        header="format-version: 1.4\ndata-version: releases/2026-01-01 ! x\n"
        "ontology: go/extensions/go-plus\nimport: http://x/y.owl\n"
        "owl-axioms: Prefix(:=<x>)\\nOntology(\\n)\n",
    ),
    "definitions and instances": text(
        *DIAMOND[:3], "[Instance]\nid: i1\ninstance_of: GO:0000001\n", *DIAMOND[3:]
    ).replace(UP, f"{UP}\nintersection_of: BFO:1\nintersection_of: part_of GO:0000003"),
    "repeated tags": text(*DIAMOND).replace(UP, f"{UP}\n{UP}\nnamespace: {BP}"),
    "modifiers everywhere": text(*DIAMOND)
    .replace("name: a\n", 'name: a {x="y"} ! z\n')
    .replace(f"namespace: {BP}", f'namespace: {BP} {{x="y"}} ! z'),
    "imported terms with two names": text(
        *DIAMOND, term("neuron", "name: b", "is_a: cell", namespace="cl")
    ),
    "other order": text(*DIAMOND[::-1]),
    "terms of other ontologies": text(
        *DIAMOND, term("CHEBI:1", "is_a: CHEBI:2", namespace="chebi")
    ),
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_the_same_ontology_is_read_however_it_is_written(content):
    assert read(content)[0] == read(text(*DIAMOND))[0]


# value as written: value as read
NAMES = {
    r"N(4)-\{beta-D-X-(1->2)\}-Y transferase \!act\, really": (
        "N(4)-{beta-D-X-(1->2)}-Y transferase !act, really"
    ),
    "N(4)-{beta-D-X-(1->2)}-Y transferase": "N(4)-{beta-D-X-(1->2)}-Y transferase",
    r"protein with 6,6'-dithiodi\{1-[4,6-O]hexane}": "protein with 6,6'-dithiodi{1-[4,6-O]hexane}",
    'activity {source="a ! b", xref="X:1"} ! note {odd}': "activity",
    'activity {comment=""}': "activity",
    "activity {}": "activity",
    r'activity {comment="a \" } b"}': "activity",
    "activity {scope=BROAD}": "activity",
    'a {b} activity {source="x"}': "a {b} activity",
    'activity {source="x"} of a kind': 'activity {source="x"} of a kind',
    "activity {unfinished": "activity {unfinished",
    "activity ! comment": "activity",
    "activity!": "activity!",
    r"activity \! no comment ! comment": "activity ! no comment",
    r"a\Wb\:c\"d\\e\(f\)\[g\]": 'a b:c"d\\e(f)[g]',
    r"two\nlines\tand a TAB": "two\nlines\tand a TAB",
    "ends with \\": "ends with \\",
}


@pytest.mark.parametrize(("written", "name"), NAMES.items())
def test_names_are_read_by_the_grammar_of_obo(written, name):
    ontology, warnings = read(text(ROOT, term(1, UP, name=written)))
    assert ontology.terms["GO:0000001"].name == name
    assert not warnings


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1))
def test_an_escaped_name_is_the_name(name):
    written = re.sub(r'([\\{}!:,"()\[\]])', r"\\\1", name)
    ontology, _ = read(text(ROOT, term(1, UP, name=written + ' {a="b"} ! c')))
    assert ontology.terms["GO:0000001"].name == name


ELSEWHERE = {
    "BFO": ("is_a: BFO:0000015 ! process", 1),
    "CARO": ("is_a: CARO:0000000", 1),
    "chemical": ('is_a: CHEBI:24431 {is_inferred="true"} ! chemical entity', 1),
    "part of a cell": ("relationship: part_of CL:0000540 ! neuron", 1),
    "bare word": ("is_a: anatomical_entity", 1),
    "word that begins as GO does": ("is_a: gonad", 1),
    "IRI": ("is_a: http://example.org/x_1", 1),
    "two": ("is_a: BFO:1\nrelationship: part_of UBERON:2", 2),
    "other relation": ("relationship: has_part CHEBI:1", 0),
    "definition": ("intersection_of: BFO:1\nintersection_of: part_of CL:2", 0),
}


@pytest.mark.parametrize(("tags", "n"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_relations_to_other_ontologies_are_left_out_and_counted(tags, n):
    ontology, warnings = read(text(ROOT, term(2, UP, tags)))
    assert ontology.parents["GO:0000002"] == ("GO:0008150",)
    found = [f"{n} relations to terms of other ontologies left out, the first GO:0000002 "] * (
        n > 0
    )
    assert len(warnings) == len(found)
    assert all(words in warning for words, warning in zip(found, warnings, strict=True))


def test_a_root_and_the_last_term_may_be_below_terms_of_other_ontologies():
    root = term(8150, "is_a: BFO:0000015 ! process", name=BP)
    ontology, warnings = read(text(root, term(1, UP), term(2, "is_a: process")))
    assert ontology.parents == {"GO:0008150": (), "GO:0000001": ("GO:0008150",), "GO:0000002": ()}
    orphans, elsewhere = warnings
    assert "1 terms without a parent, the first GO:0000002" in orphans
    assert "2 relations to terms of other ontologies" in elsewhere


CONDITIONAL = [
    'is_a: GO:0000001 {gci_relation="part_of", gci_filler="NCBITaxon:33090"} ! plants',
    'is_a: GO:0000001 {gci_filler="NCBITaxon:33090", gci_relation="part_of"}',
    'is_a: GO:0000001 {source="a ! b", gci_filler="NCBITaxon:33090"}',
    'relationship: part_of GO:0000001 {gci_relation="part_of", gci_filler="NCBITaxon:1"} ! x',
    'relationship: part_of GO:0000001 {is_inferred="true", gci_relation="in_taxon"}',
    "relationship: is_a GO:0000001 {gci_relation=part_of}",
    'is_a: GO:0000001 {gci_relation="part_of" ! the brace is missing',
]


@pytest.mark.parametrize("tag", CONDITIONAL)
def test_relations_that_hold_in_some_taxa_do_not_propagate_and_are_counted(tag):
    ontology, (warning,) = read(text(ROOT, term(1, UP), term(2, UP, tag), obsolete(3, tag)))
    assert ontology.parents["GO:0000002"] == ("GO:0008150",)
    assert "1 relations that hold in some taxa only (gci_relation) left out" in warning
    assert "GO:0000002 " in warning
    assert "(line 21)" in warning


@pytest.mark.parametrize("modifier", ['{comment="gci_relation"}', "! gci_relation", '{all="x"}'])
def test_other_modifiers_do_not_matter(modifier):
    ontology, warnings = read(text(ROOT, term(1, UP), term(2, f"is_a: GO:0000001 {modifier}")))
    assert ontology.parents["GO:0000002"] == ("GO:0000001",)
    assert not warnings


def test_a_slim_with_its_roots_is_read_with_a_warning():
    header = "data-version: 1\nontology: go/subsets/goslim_generic\n"
    _, (warning,) = read(text(ROOT, term(1, UP), header=header))
    assert "go/subsets/goslim_generic is a slim, a part of GO; go-basic.obo has all" in warning


def test_a_line_separator_in_a_name_ends_no_line():
    ontology, _ = read(text(ROOT, term(1, UP, name="a\u2028b\x0cc")))
    assert ontology.terms["GO:0000001"].name == "a\u2028b\x0cc"


def test_without_a_release_the_hash_of_the_content_stands_for_it():
    content = text(ROOT, header="ontology: go\n")
    ontology, (warning,) = read(content)
    assert "input" in warning
    assert ontology.release.startswith("sha256:")
    assert read(content + "\n")[0].release != ontology.release


def test_terms_without_a_parent_are_told():
    _, (warning,) = read(text(ROOT, term(1), term(2, UP)))
    assert "1 terms without a parent, the first GO:0000001 (line 10)" in warning


def test_a_chain_deeper_than_the_recursion_limit_is_read():
    chain = [term(1, UP)] + [term(i, f"is_a: GO:{i - 1:07d}") for i in range(2, 3001)]
    ontology, _ = read(text(ROOT, *chain[::-1]))
    assert len(ontology.ancestors("GO:0003000")) == 3000


def test_a_chain_of_replacements_deeper_than_the_recursion_limit_is_followed():
    chain = [obsolete(i, f"replaced_by: GO:{i + 1:07d}") for i in range(1, 3001)]
    ontology, _ = read(text(ROOT, *chain, term(3001, UP)))
    assert ontology.resolve("GO:0000001") == "GO:0003001"


# The first stanza after the header, the root, is on lines 5 to 8; the next begins on 10.
REFUSED = {
    "empty": ("", None, "no GO terms"),
    "header alone": (HEADER, None, "no GO terms"),
    "HTML": ("<html>503</html>\n", 1, "HTML"),
    "OWL": ('<?xml version="1.0"?>\n<rdf:RDF>\n', 1, "XML"),
    "functional OWL": ("Prefix(:=<http://x>)\n", 1, "OWL"),
    "JSON": ('{"graphs": []}\n', 1, "JSON"),
    "FASTA": (">p1\nMK\n", 1, "FASTA"),
    "other ontology": (text(ROOT, header="ontology: hp\n"), None, "'hp', expected 'go'"),
    "no tag": (text(ROOT, term(1, "this has no tag", UP)), 14, "'this has no tag'"),
    "broken stanza line": (text(ROOT, "[Term\nid: GO:0000001\n"), 10, "'[Term'"),
    "not UTF-8": (text(ROOT, term(1, UP, name="ö")).encode("latin-1"), 12, "0xF6"),
    "no id": (text(ROOT, "[Term]\nname: a\n", term(1, UP)), 10, "without id"),
    "no id at the end": (text(ROOT, "[Term]\n"), 10, "incomplete"),
    "cut after the id": (text(ROOT, "[Term]\nid: GO:0000002\n"), 10, "GO:0000002 has no name"),
    "cut in the id": (text(ROOT, "[Term]\nid: GO:00\n"), 10, "'GO:00' is not a GO id"),
    "cut in the namespace": (text(ROOT, term(1, namespace="biolog")), 13, "'biolog'"),
    "cut before is_a": (text(ROOT, term(1)), 10, "GO:0000001, the last term, has no parent"),
    "cut in is_a": (text(ROOT, term(1, "is_a: GO:00")), 14, "'GO:00' is not a GO id"),
    "cut after is_a": (text(ROOT, term(1, "is_a:")), 14, "without a term"),
    "underscore id": (text(ROOT, term("GO_0000001", UP)), 10, "'GO_0000001'"),
    "no name": (text(ROOT, term(1, UP, name=""), term(2, UP)), 10, "GO:0000001 has no name"),
    "no namespace": (text(ROOT, term(1, UP, namespace="")), 10, "no namespace"),
    "other namespace": (text(ROOT, term(1, UP, namespace="external")), 13, "'external'"),
    "duplicate id": (text(ROOT, term(1, UP), term(1, UP)), 16, "first at line 10"),
    "lost stanza line": (text(ROOT, term(1, UP) + "id: GO:0000002\n"), 15, "second 'id:'"),
    "own parent": (text(ROOT, term(1, "is_a: GO:0000001")), 14, "GO:0000001 is its own parent"),
    "part of itself": (
        text(ROOT, term(1, UP, "relationship: part_of GO:0000001")),
        15,
        "GO:0000001 is its own parent",
    ),
    "dangling parent": (text(ROOT, term(1, "is_a: GO:9999999")), 14, "is_a GO:9999999"),
    "dangling whole": (
        text(ROOT, term(1, UP, "relationship: part_of GO:9999999")),
        15,
        "GO:0000001 part_of GO:9999999",
    ),
    "slim": (
        text(term(1), term(2), header="ontology: go/subsets/goslim_generic\n"),
        None,
        "GO:0008150 (biological_process) missing: go/subsets/goslim_generic is a slim, a part of",
    ),
    "older slim": (text(term(1), header="ontology: goslim_plant\n"), None, "plant is a slim"),
    "part of GO": (text(term(1), term(2)), None, "is it a slim, a part of GO; use go-basic.obo"),
    "slim with a root": (
        text(ROOT, term(1, "is_a: GO:0000009"), header="ontology: go/subsets/goslim_yeast\n"),
        12,
        "does not exist; a slim? use go-basic.obo",
    ),
    "id without a colon": (text(ROOT, term("GO0000001", UP)), 10, "'GO0000001'"),
    "number as id": (text(ROOT, term("0000001", UP)), 10, "'0000001'"),
    "IRI of GO": (
        text(ROOT, term(1, "is_a: http://purl.obolibrary.org/obo/GO_0008150")), 14, "is not a GO id"
    ),
    "cut within GO": (text(ROOT, "[Term]\nid: GO\n"), 10, "'GO' is not a GO id"),
    "two names": (text(ROOT, term(1, "name: b", UP)), 14, "second 'name:'"),
    "obsolete parent": (text(ROOT, term(1, "is_a: GO:0000002"), obsolete(2)), 14, "obsolete"),
    "alternative parent": (
        text(ROOT, term(1, "is_a: GO:0000002"), term(3, UP, "alt_id: GO:0000002")),
        14,
        "alternative id",
    ),
    "relation without a term": (text(ROOT, term(1, "relationship: part_of")), 14, "without a term"),
    "is_a across namespaces": (
        text(*DIAMOND[:2], term(5, "is_a: GO:0003674")),
        19,
        "GO:0000005 would have two namespaces",
    ),
    "cycle": (
        text(ROOT, term(1, "is_a: GO:0000002"), term(2, "relationship: part_of GO:0000001")),
        None,
        "GO:0000001",
    ),
    "cycle through the root": (text(term(8150, "is_a: GO:0000001"), term(1, UP)), None, "cycle"),
    "no root": (text(term(1, "is_a: GO:0000002"), term(2, "is_a: GO:0000001")), None, "GO:0008150"),
    "obsolete root": (text(obsolete(8150), term(1)), None, "root GO:0008150"),
    "all obsolete": (text(obsolete(1)), None, "obsolete"),
    "ambiguous id": (
        text(ROOT, term(1, UP), term(2, UP, "alt_id: GO:0000001")),
        21,
        "GO:0000001 is a term (line 10)",
    ),
    "alternative id of two": (
        text(ROOT, term(1, UP, "alt_id: GO:0000007"), term(2, UP, "alt_id: GO:0000007")),
        22,
        "alt_id of GO:0000001 and of GO:0000002",
    ),
    "replacement loop": (
        text(
            ROOT, obsolete(8, "replaced_by: GO:0000009"), obsolete(9, "replaced_by: GO:0000008")
        ),
        None,
        "GO:0000009",
    ),
    "replaced by itself": (text(ROOT, obsolete(8, "replaced_by: GO:0000008")), 15, "GO:0000008"),
    "replaced by nothing known": (
        text(ROOT, obsolete(8, "replaced_by: GO:9999999")),
        15,
        "GO:9999999, which does not exist",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "line", "words"), REFUSED.values(), ids=REFUSED)
def test_an_unsound_ontology_is_refused_with_its_line(content, line, words):
    error = refused(content)
    assert words in str(error)
    if line is not None:
        assert error.line == line


def test_a_cycle_names_the_line_of_one_of_its_edges():
    error = refused(text(ROOT, term(1, "is_a: GO:0000002"), term(2, "is_a: GO:0000001")))
    assert error.line in (14, 20)
    assert "GO:0000001 → GO:0000002" in str(error)


MANIFEST = [
    ("02_html.obo", 1, ["02_html.obo:1"]),
    ("03_truncated_mid_term.obo", 26, ["GO:0000002"]),
    ("05_self_loop.obo", 24, ["GO:0000001"]),
    ("06_dangling_parent.obo", 24, ["GO:0000001", "GO:9999999"]),
    ("08_missing_id.obo", 20, ["id"]),
    ("09_missing_name_namespace.obo", 20, ["GO:0000001", "name", "namespace"]),
    ("11_replaced_by_loop.obo", 25, ["GO:0000008", "GO:0000009"]),
    ("12_alt_id_is_primary.obo", 30, ["GO:0000001", "ambiguous"]),
    ("14_cross_namespace_is_a.obo", 24, ["GO:0000001", "two namespaces"]),
    ("17_latin1.obo", 22, ["0xF6"]),
    ("18_not_go.obo", None, ["18_not_go.obo", "'hp'"]),
    ("20_no_roots.obo", None, ["GO:0008150"]),
    ("23_bad_line_no_colon.obo", 22, ["23_bad_line_no_colon.obo:22"]),
]


@needs_bad_inputs
@pytest.mark.parametrize(("name", "line", "words"), MANIFEST)
def test_a_shared_file_is_refused_as_its_manifest_says(name, line, words):
    with pytest.raises(OntologyError) as caught:
        read_obo(BAD / name)
    assert caught.value.line == line
    assert all(word in str(caught.value) for word in words)


@needs_bad_inputs
@pytest.mark.parametrize(
    ("name", "n_terms", "n_warnings"),
    [
        ("00_clean.obo", 5, 0),
        ("15_go_plus_has_part_cycle.obo", 5, 0),
        ("21_deep_chain_3000.obo", 3003, 0),
        ("24_no_data_version.obo", 4, 1),
    ],
)
def test_a_shared_file_is_read_as_its_manifest_says(name, n_terms, n_warnings):
    warnings: list[str] = []
    ontology = read_obo(BAD / name, warn=warnings.append)
    assert all(ontology.ancestors(id) is not None for id in list(ontology.terms)[-3:])
    assert len(ontology) == n_terms
    assert len(warnings) == n_warnings
    assert all(name in warning for warning in warnings)


@pytest.mark.skipif(not REAL.is_file(), reason="the shared ontology is absent")
def test_the_real_ontology_is_read_whole():
    warnings: list[str] = []
    ontology = read_obo(REAL, warn=warnings.append)
    assert len(ontology) == 42_442
    assert not warnings
    assert {aspect.root for aspect in Aspect} == {
        id for id, up in ontology.parents.items() if not up
    }


@pytest.mark.parametrize("path", [sample_ontology_path(), REAL], ids=["sample", "real"])
def test_obonet_reads_the_same(path):
    if not path.is_file():
        pytest.skip("the shared ontology is absent")
    ontology = read_obo(path)
    graph = obonet.read_obo(str(path), ignore_obsolete=False)
    nodes = dict(graph.nodes(data=True))
    obsolete = {id for id, node in nodes.items() if node.get("is_obsolete") == "true"}
    active = nodes.keys() - obsolete
    assert ontology.obsolete == obsolete
    assert {(term.id, term.name, term.aspect.value) for term in ontology.terms.values()} == {
        (id, nodes[id]["name"], nodes[id]["namespace"]) for id in active
    }
    edges = {
        (child, parent)
        for child, parent, relation in graph.edges(keys=True)
        if child in active and relation in {"is_a", "part_of"}
        if nodes[child]["namespace"] == nodes[parent]["namespace"]
    }
    assert {(id, parent) for id, up in ontology.parents.items() for parent in up} == edges
    alternatives = {other: id for id in active for other in nodes[id].get("alt_id", ())}
    assert {old: ontology.resolve(old) for old in alternatives} == alternatives


def test_a_root_in_another_namespace_is_refused() -> None:
    wrong = term(3674, namespace="cellular_component") + term(5575, namespace="cellular_component")
    with pytest.raises(OntologyError, match="root GO:0003674 is not in its namespace"):
        read_obo(io.BytesIO("\n".join([HEADER, ROOT, wrong]).encode()))


def test_a_stanza_in_lower_case_is_not_passed_over() -> None:
    text = "\n".join([HEADER, ROOT, term(1, UP).replace("[Term]", "[term]")])
    with pytest.raises(OntologyError, match=r"\[term\] must be written \[Term\]"):
        read_obo(io.BytesIO(text.encode()))


def test_ontologies_that_outsiders_reported_are_read_as_they_expect(shared):
    reports, warnings = shared / "reports", []
    if not reports.is_dir():
        pytest.skip("needs the reports beside the repository")
    names = [
        "N(4)-{beta-D-X-(1->2)}-Y transferase !act, really",
        "N(4)-{beta-D-X-(1->2)}-Y transferase",
        "protein with 6,6'-dithiodi{1-[4,6-O]hexane}",
    ]
    found = read_obo(reports / "20-names-with-braces" / "go.obo", warn=warnings.append)
    assert [found.terms[f"GO:006000{i}"].name for i in (1, 2, 3)] == names
    assert not warnings
    found = read_obo(reports / "17-gci" / "go.obo", warn=warnings.append)
    assert found.parents["GO:0009001"] == found.parents["GO:0009002"] == ("GO:0110165",)
    assert "2 relations that hold in some taxa only" in warnings.pop()
    found = read_obo(reports / "16-go-plus-foreign-is_a" / "go.obo", warn=warnings.append)
    assert found.parents["GO:0008150"] == ()
    assert found.parents["GO:0110165"] == ("GO:0005575",)
    others, relations = warnings
    assert "2 terms of other ontologies left out" in others
    assert "2 relations to terms of other ontologies left out" in relations

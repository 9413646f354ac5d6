"""Terms that GO does not allow in annotations: from the ontology to the annotation file."""

import json

import pytest
from associating import checked

from esmgo.cli.main import main
from esmgo.dataset.sample import sample_ontology_path
from esmgo.go.labels import LabelSpace
from esmgo.go.obo import read_obo
from esmgo.go.terms import is_go_id
from esmgo.go.unspecific import unspecific_of
from esmgo.model.checkpoint import open_checkpoint

OBO = """format-version: 1.2
data-version: releases/2026-01-01
subsetdef: gocheck_do_not_annotate "Term not to be used for direct annotation"

[Term]
id: GO:0003674
name: molecular_function
namespace: molecular_function
subset: goslim_generic

[Term]
id: GO:0016301
name: kinase activity
namespace: molecular_function
subset: {line}
is_a: GO:0003674

[Term]
id: GO:0004672
name: protein kinase activity
namespace: molecular_function
is_a: GO:0016301
"""


@pytest.mark.parametrize(
    ("line", "is_flagged"),
    [
        ("gocheck_do_not_annotate", True),
        ("gocheck_do_not_manually_annotate", True),
        ("gocheck_do_not_annotate ! too general", True),
        ('gocheck_do_not_annotate {source="x"}', True),
        ("gocheck_obsoletion_candidate", False),
        ("goslim_generic", False),
    ],
)
def test_an_ontology_flags_terms_by_their_subsets(tmp_path, line, is_flagged):
    (tmp_path / "go.obo").write_text(OBO.format(line=line))
    ontology = read_obo(tmp_path / "go.obo")
    assert ontology.unspecific == ({"GO:0016301"} if is_flagged else set())
    labels = LabelSpace.close(["GO:0004672"], ontology)
    assert labels.unspecific == ontology.unspecific
    again = LabelSpace.from_json(json.loads(json.dumps(labels.to_json())))
    assert again.unspecific == labels.unspecific
    assert again.fingerprint == labels.fingerprint
    assert LabelSpace.close(["GO:0003674"], ontology).unspecific == set()
    assert labels.union(LabelSpace.close(["GO:0003674"], ontology)).unspecific == labels.unspecific


def test_flags_do_not_distinguish_label_spaces(tmp_path):
    found = []
    for line in ("gocheck_do_not_annotate", "goslim_generic"):
        (tmp_path / "go.obo").write_text(OBO.format(line=line))
        found.append(LabelSpace.close(["GO:0004672"], read_obo(tmp_path / "go.obo")))
    assert found[0] == found[1]
    assert found[0].fingerprint == found[1].fingerprint


@pytest.mark.parametrize("value", [["GO:0000001"], [5], 7, {"a": 1}, [None], "GO:0004672"])
def test_damaged_flags_are_refused(tmp_path, value):
    (tmp_path / "go.obo").write_text(OBO.format(line="goslim_generic"))
    labels = LabelSpace.close(["GO:0004672"], read_obo(tmp_path / "go.obo")).to_json()
    with pytest.raises((ValueError, TypeError, KeyError)):
        LabelSpace.from_json(labels | {"unspecific": value})


def test_the_list_is_of_go_ids():
    assert all(map(is_go_id, unspecific_of()))
    assert 300 < len(unspecific_of()) < 400


def test_a_checkpoint_carries_the_flags_of_its_ontology_to_the_annotations(tmp_path, predict):
    obo, flagged = sample_ontology_path().read_text(), []
    assert predict(tmp_path / "x.gaf", "--taxon=9606", "--min_score=0.3") == 4
    before = {row[4] for row in checked(tmp_path / "x.gaf", "gaf")}
    flagged = sorted(before)[:2]
    for id in flagged:
        obo = obo.replace(f"\nid: {id}\n", f"\nid: {id}\nsubset: gocheck_do_not_annotate\n", 1)
    (tmp_path / "go.obo").write_text(obo)
    path = tmp_path / "flagged.pt"
    assert main([
        "train", "--base_model=tiny", "--dataset=sample", "--num_epochs=1", "--seed=1",
        "--device=cpu", "--dtype=fp32", f"--checkpoint_path={path}",
        f"--run_dir_path={tmp_path / 'runs'}", f"--ontology={tmp_path / 'go.obo'}",
    ]) == 0  # fmt: skip
    assert open_checkpoint(path).labels.unspecific == set(flagged)
    words = ("--taxon=9606", "--min_score=0.3")
    assert predict(tmp_path / "y.gaf", *words, checkpoint_path=path) == 4
    after = {row[4] for row in checked(tmp_path / "y.gaf", "gaf")}
    assert after
    assert after.isdisjoint(flagged)

"""Text of users in messages and in tables."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import esmgo
from esmgo.dataset.opening import open_dataset
from esmgo.dataset.sample import sample_ontology_path
from esmgo.errors import brief, escaped, printable
from esmgo.evidence.index_file import open_index
from esmgo.model.checkpoint import open_checkpoint
from esmgo.predict.blend import Blend

TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("\\xu01b\u200b\udcff\t\n"))


@given(TEXT, TEXT)
@example("p1\u200b", "p1\\u200b")
@example("\x1b", "\\x1b")
@example("\\", "\\\\")
@example("\t", "\\t")
@example("\udcff", "\\udcff")
@example("x" * 2000 + "a" + "x" * 2000, "x" * 2000 + "b" + "x" * 2000)
@example("\u00a0", " ")
def test_different_texts_stay_different_in_tables(one, other):
    assert (escaped(one) == escaped(other)) == (one == other)
    assert escaped(one).isprintable()
    escaped(one).encode()


@given(TEXT)
def test_messages_are_one_printable_line(text):
    found = printable(text, 30)
    assert found.isprintable()
    assert len(found) <= 30
    found.encode()


def test_plain_ids_are_kept_as_they_are():
    for id in ("sp|P04637|P53_HUMAN", "lcl|a b", "\N{GREEK SMALL LETTER ALPHA}", "x" * 3000, ""):
        assert escaped(id) == id


@pytest.fixture(scope="module")
def held(blended, checkpoint, predictor, proteins, ran):
    """An object of every kind that a user can hold."""
    data = open_dataset("sample", "all", eval_ratio=1)
    opened = open_checkpoint(blended[0])
    index = open_index(opened)
    long = esmgo.Protein("x" * 500, "MKT" * 5_000, "y" * 500)
    evidence = predictor.evidence(proteins[:3])
    prediction, *_ = predictor.predict(proteins)
    truth = esmgo.Truth(data.train.ids, data.train.terms, data.labels)
    blend = Blend.of(opened)
    own = list(map(esmgo.Protein, data.train.ids[:3], data.train.sequences[:3]))
    return [
        prediction, next(predictor.predict([long])), predictor, esmgo.Predictor.load(blended[0]),
        evidence, evidence.scores, evidence.scores.labels, opened, opened.header, index,
        index.kmers, index.terms, data, data.train, data.report, truth, ran, ran.track, ran.masking,
        esmgo.read_obo(sample_ontology_path()), long, data.labels.terms[0], blend,
        blend.variants[0], blend.variants[0].calibration,
        *esmgo.evaluate(predictor.score(own), truth).values(),
    ]  # fmt: skip


def test_the_representation_of_every_object_is_one_short_line(held):
    for thing in held:
        assert len(repr(thing)) < 200, type(thing)
        assert "\n" not in repr(thing), type(thing)
        assert type(thing).__name__ in repr(thing)


def test_a_prediction_shows_its_protein_and_its_best_terms(held):
    prediction = held[0]
    (term, probability), *_ = [(t, p) for t, p in prediction.top(9, general=False) if not t.is_root]
    assert prediction.protein.id in repr(prediction)
    assert f"{term.name} {probability:.2f}" in repr(prediction)


def test_a_notebook_shows_a_short_table(held):
    for prediction in held[:2]:
        text = prediction._repr_html_()
        assert text.startswith("<table>")
        assert text.count("<tr>") == 1 + 3 * 5
        assert len(text) < 5_000
    nasty = esmgo.Protein("<script>", "MKT", "& <b>")
    text = replace(held[0], protein=nasty)._repr_html_()
    assert "<script>" not in text
    assert "&lt;script&gt; &amp; &lt;b&gt;" in text


def test_fields_with_their_default_are_left_out():
    assert repr(esmgo.TrainConfig(dataset="sample")) == "TrainConfig(dataset='sample')"
    assert repr(
        esmgo.RankConfig(sequence="MKT", top_k=3)
    ) == "RankConfig(top_k=3, sequence='MKT')" or (
        "sequence='MKT'" in repr(esmgo.RankConfig(sequence="MKT", top_k=3))
    )
    scores = esmgo.Scores(
        (), np.empty((0, 2), np.float32), esmgo.LabelSpace.close(["GO:0000001", "GO:0000002"], None)
    )
    assert brief(scores) == (
        "Scores(proteins=<tuple of 0>, values=<0 x 2 float32>, labels=<LabelSpace>)"
    )


CONFIGS = [name for name in dir(esmgo) if name.endswith("Config")]


@pytest.mark.parametrize("name", CONFIGS)
def test_help_describes_every_field_of_a_configuration(name):
    config = getattr(esmgo, name)
    for each in fields(config):
        assert f"\n{each.name} : " in config.__doc__
        assert each.metadata["text"].split()[0] in config.__doc__

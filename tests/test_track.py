"""Evidence cards as a picture."""

import json
import xml.etree.ElementTree as ET

from motifs import card

from esmgo.data.fasta import Protein
from esmgo.explanation.card import to_text
from esmgo.explanation.card_values import to_json
from esmgo.explanation.explaining import ExplainConfig, explain
from esmgo.explanation.track import to_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_has_every_residue_and_marks_the_highest(ran):
    root = ET.fromstring(to_svg([ran, ran]))
    letters = [e for e in root.iter(f"{SVG}text") if (e.get("class") or "").split()[:1] == ["l"]]
    assert "".join(e.text for e in letters) == 2 * ran.sequence
    bold = [i for i, e in enumerate(letters[: len(ran.sequence)]) if "m" in e.get("class").split()]
    assert bold == ran.track.marked.tolist()
    assert not [e for e in root.iter() if e.tag in (f"{SVG}script", f"{SVG}image")]
    assert "href" not in to_svg([ran])


def test_the_picture_has_the_parts_and_a_bar_for_each_aligned_relative(blended, held_out):
    settings = ExplainConfig(
        checkpoint_path=str(blended[0]), sequence=held_out[0].sequence, term="GO:0003677",
        device="cpu",
    )  # fmt: skip
    (found,) = explain(settings)
    root = ET.fromstring(to_svg([found]))
    texts = ["".join(e.itertext()) for e in root.iter(f"{SVG}text")]
    for name, value in found.call.decomposition.parts.items():
        assert texts.index(f"{value:+.3f}") == texts.index(name) + 1
    relatives = [*found.training.carriers, *found.training.others]
    for each in relatives:
        assert f"{'+' if each.is_carrier else '-'} {each.id}" in texts
        titles = [e.text for e in root.iter(f"{SVG}title")]
        for name, value in each.similarity.items():
            assert any(f"{name} {value:.4g}" in title for title in titles)
    n_bars = sum(
        e.get("height") == "11" and e.get("width") != "11" for e in root.iter(f"{SVG}rect")
    )
    assert n_bars >= sum(each.alignment is not None for each in relatives)


def test_the_picture_of_nothing_and_of_odd_names_is_sound(deaf):
    nasty = Protein('</svg><script>"&\x1b\udc80\n', "MKT")
    found = card(deaf, nasty)
    ET.fromstring(to_svg([found]).encode())
    json.dumps(to_json(found)).encode()
    assert "\x1b" not in to_text(found)
    ET.fromstring(to_svg([]))

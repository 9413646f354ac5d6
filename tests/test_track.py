"""Evidence cards as a picture."""

import json
import xml.etree.ElementTree as ET

from motifs import card

from esmgo.data.fasta import Protein
from esmgo.explanation.card import to_text
from esmgo.explanation.card_values import to_json
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


def test_the_picture_of_nothing_and_of_odd_names_is_sound(deaf):
    nasty = Protein('</svg><script>"&\x1b\udc80\n', "MKT")
    found = card(deaf, nasty)
    ET.fromstring(to_svg([found]).encode())
    json.dumps(to_json(found)).encode()
    assert "\x1b" not in to_text(found)
    ET.fromstring(to_svg([]))

"""Colours: ordered, and readable."""

from __future__ import annotations

import re
from importlib.resources import files

from esmgo.render.colours import contrast, fill_of, ink_on


def test_colours_darken_evenly_and_carry_readable_text():
    fills = [fill_of(p / 100) for p in range(101)]
    against_white = [contrast("#ffffff", fill) for fill in fills]
    assert against_white == sorted(against_white)
    assert min(contrast(ink_on(fill), fill) for fill in fills) >= 4.5


def test_colours_stand_out_from_the_page_and_carry_their_number():
    css = (files("esmgo.render") / "evaluation_page.css").read_text()
    light, dark = css.split("prefers-color-scheme: dark")
    for part in (light, dark.split("* {")[0]):
        page = re.search(r"--page: (#\w+)", part)[1]
        found = re.findall(r"\.c(\d) \{ --c: (#\w+); --on: (#\w+); \}", part)
        assert [int(i) for i, *_ in found] == list(range(8))
        for _, colour, ink in found:
            assert contrast(colour, page) >= 3
            assert contrast(ink, colour) >= 4.5
        for ink in ("ink", "quiet"):
            assert contrast(re.search(rf"--{ink}: (#\w+)", part)[1], page) >= 4.5

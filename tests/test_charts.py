"""Charts as inline SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from esmgo.render.charts import Axis, Line, line_chart, ticks


def test_a_chart_without_lines_or_marks_still_is_a_chart():
    axes = Axis("a < b", ticks(0)), Axis("&", ticks(3.2))
    ET.fromstring(line_chart("x", "<t>", "<d>", axes, []))
    ET.fromstring(line_chart("x", "t", "d", axes, [Line(1, 0, "<n>", [], None)]))
    drawn = ET.fromstring(line_chart("x", "t", "d", axes, [Line(1, 0, "n", [(0, 0)], (9e9, 9e9))]))
    assert drawn.find(".//g[@class='badge c0']") is not None


@pytest.mark.parametrize("value", [1e-9, 0.07, 0.99, 1, 5, 9.99, 10, 59.9, 61, 1234, 1e7])
def test_ticks_are_few_begin_at_zero_and_reach_the_value(value):
    found = ticks(value)
    assert found[0] == 0
    assert found[-1] >= value * (1 - 1e-9)
    assert 2 <= len(found) <= 7

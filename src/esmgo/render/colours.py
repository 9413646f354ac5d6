"""The colour of a probability: light to dark, ordered by lightness, safe for colour-blind eyes."""

from __future__ import annotations

CALLED = "#d55e00"
"""The outline of called terms: vermilion of Okabe and Ito (2008), apart from every blue."""

LINE = "#5f6b7a"
"""Edges, and the outline of ancestors: 5 to 1 against the background of a panel."""

# ColorBrewer "Blues" without its darkest steps: one hue, lightness falling evenly,
# and dark enough at the end for white text but not so dark that all roots look black.
_STOPS = ("#f7fbff", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c")
_INKS = ("#000000", "#ffffff")


def fill_of(probability: float) -> str:
    """Return the colour that stands for ``probability``, as ``#rrggbb``.

    Examples
    --------
    >>> fill_of(0.0), fill_of(1.0)
    ('#f7fbff', '#08519c')
    """
    place = min(max(probability, 0.0), 1.0) * (len(_STOPS) - 1)
    at = min(int(place), len(_STOPS) - 2)
    share = place - at
    mixed = (
        round(low + (high - low) * share)
        for low, high in zip(_channels(_STOPS[at]), _channels(_STOPS[at + 1]), strict=True)
    )
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def ink_on(fill: str) -> str:
    """Return the text colour, dark or white, that stands out more from ``fill``."""
    return max(_INKS, key=lambda ink: contrast(ink, fill))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2; text wants 4.5)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

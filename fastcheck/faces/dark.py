"""A picture for a page that may be dark: one SVG whose colours follow what the reader prefers.

On dark ground, what is drawn in letters and lines takes the lighter colours below; pixels are turned, so that pale ones are dark
and their hues stay.
"""

from __future__ import annotations

import re

_DARK = {  # in the dark, by the colour on white
    "#ffffff": "#1d232a",  # the ground of the page's cards
    "#1f2933": "#e6eaee",
    "#5f6b76": "#a3aeb9",
    "#9aa5b1": "#6b7885",
    "#009e73": "#2fbf93",
    "#e08e00": "#ffc457",
    "#cc3311": "#ff6a4d",
    "#0072b2": "#5bb0ea",
    "#8e4a9e": "#c791d6",
    "#d55e00": "#ff9147",
    "#e8f1f5": "#292e31",  # as turned, like the next: what the ends of a heat map's colour bar show
    "#2166ac": "#6da2d7",
}
_COLOUR = re.compile("|".join(_DARK))


def themed(svg: bytes) -> bytes:
    """An SVG that matplotlib wrote, in both sets of colours."""
    text = _COLOUR.sub(lambda met: f"var(--{_name(met[0])})", svg.decode("utf-8"))
    head, found, rest = text.partition("<defs>")
    return f"{head}<style>{_rules()}</style>{found}{rest}".encode()


def _rules() -> str:
    light, dark = (
        ";".join(f"--{_name(key)}:{colours[key]}" for key in _DARK)
        for colours in (dict(zip(_DARK, _DARK, strict=True)), _DARK)
    )
    turned = "image{filter:invert(.88) hue-rotate(180deg)}"
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}{turned}}}"


def _name(colour: str) -> str:
    return f"c{colour[1:]}"

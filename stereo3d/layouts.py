"""Every layout once: what it is, how its eyes lie in the picture, and what a file says about it.

Names, ``--help``, file names, packing and tags are all read from :data:`LAYOUTS`. Pure: neither torch nor av.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["LAYOUTS", "PLAYERS", "Layout", "name_suffix"]

_SBS = ("left_right", "right_left")
_OU = ("top_bottom", "bottom_top")


@dataclass(frozen=True, slots=True)
class Layout:
    """How two pictures share one.

    ``about``: one line for people. ``tokens``: words of the default file name, those that players look for where there are any.
    ``arrangement``: side by side, over-under, by rows, by pixels, or mixed in colour. ``squeeze``: how many times narrower
    and flatter each eye is than it is to be shown. ``right_first``: the right eye comes first. ``colours``: how anaglyphs mix.
    ``depth``: the pictures are the source and its depth, not two views. ``sphere``: each eye is half a sphere. ``modes``: what
    FFmpeg and Matroska call it with the left eye first, and with the right one; "" where they have no word.
    """

    name: str
    about: str
    tokens: str
    arrangement: Literal["sbs", "ou", "rows", "checkerboard", "anaglyph"]
    squeeze: tuple[int, int] = (1, 1)
    right_first: bool = False
    colours: str = ""
    depth: bool = False
    sphere: bool = False
    modes: tuple[str, str] = ("", "")

    def starts_right(self, swap_eyes: bool) -> bool:
        """Whether the right eye comes first: at the left, above, in the first row, behind the red glass."""
        return self.right_first != swap_eyes

    def stereo_mode(self, swap_eyes: bool) -> str:
        """Matroska's StereoMode (RFC 9559, 5.1.4.1.28.3) by FFmpeg's name; "" for pictures that it has no word for."""
        return self.modes[self.starts_right(swap_eyes)]

    def packing_mode(self, swap_eyes: bool) -> str:
        """The same for the pictures themselves, where televisions look; they have no use for half spheres."""
        return "" if self.sphere else self.stereo_mode(swap_eyes)


def _anaglyph(name: str, about: str, colours: str, mode: str = "") -> Layout:
    # Matroska's anaglyph modes name the glasses, not who wears which; with swapped eyes it had better say nothing.
    return Layout(name, about, "3D.ANAGLYPH", "anaglyph", colours=colours, modes=(mode, ""))


_RED, _GREEN = "anaglyph_cyan_red", "anaglyph_green_magenta"
_ALL = (
    Layout("sbs-full", "side by side, each eye whole", "3D.SBS", "sbs", modes=_SBS),
    Layout("sbs-half", "side by side, each eye half as wide", "3D.HSBS", "sbs", (2, 1), modes=_SBS),
    Layout("ou-full", "left eye above right, each whole", "3D.TAB.OU", "ou", modes=_OU),
    Layout("ou-half", "left eye above right, each half as high", "3D.HTAB.HOU", "ou", (1, 2), modes=_OU),
    Layout("cross-eyed", "side by side, right eye at the left", "3D.CROSS-EYED", "sbs", right_first=True, modes=_SBS),
    _anaglyph("anaglyph", "red-cyan glasses, least ghosts (Dubois)", "red-cyan", _RED),
    _anaglyph("anaglyph-green-magenta", "green-magenta glasses (Dubois)", "green-magenta", _GREEN),
    _anaglyph("anaglyph-amber-blue", "amber-blue glasses (Dubois)", "amber-blue"),
    _anaglyph("anaglyph-colour", "red-cyan glasses, left red with right green and blue", "colour", _RED),
    _anaglyph("anaglyph-half-colour", "the same with a grey left eye: calmer, paler", "half-colour", _RED),
    _anaglyph("anaglyph-grey", "red-cyan glasses, no colours", "grey", _RED),
    Layout(
        "interlaced",
        "rows in turn, row 0 left: passive 3D screens",
        "3D.INTERLACED",
        "rows",
        modes=("row_interleaved_lr", "row_interleaved_rl"),
    ),
    Layout(
        "checkerboard",
        "pixels in turn, the first one left: DLP sets",
        "3D.CHECKERBOARD",
        "checkerboard",
        modes=("checkerboard_lr", "checkerboard_rl"),
    ),
    Layout(
        "vr180", "half a sphere for each eye, side by side: headsets", "180x180_SBS", "sbs", sphere=True, modes=_SBS
    ),
    Layout("2d+depth", "the source beside its depth: glasses-free screens", "2D-DEPTH", "sbs", depth=True),
)
LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in _ALL}
"""By name, in the order in which they are shown."""

_NAMED = ("sbs-full", "sbs-half", "ou-full", "ou-half", "vr180")
# What each looks for in a file's name, in the order of _NAMED. Kodi: advancedsettings' stereoscopic expressions; Jellyfin: its
# 3D format rules; SKYBOX: its support page on suffixes; DeoVR and Pigasus: their manuals.
PLAYERS = {
    "kodi": (".3D.SBS", ".3D.HSBS", ".3D.TAB", ".3D.HTAB", ""),
    "jellyfin": (".3D.FSBS", ".3D.HSBS", ".3D.FTAB", ".3D.HTAB", ""),
    "skybox": ("_SBS", "_HSBS", "_OU", "_HOU", "_180x180_SBS"),
    "deovr": ("_LR", "_SBS", "_TB", "_TB", "_180_LR"),
    "pigasus": ("_LRF", "_LR", "_TBF", "_TB", "_180_LR"),
    "all": (".3D.SBS.FSBS_LRF_LR", ".3D.HSBS_LR", ".3D.TAB.FTAB_TBF_OU_TB", ".3D.HTAB.HOU_TB", "_180x180_SBS_180_LR"),
}
"""Players, and what is put behind a film's name for them."""


def name_suffix(layout: Layout, player: str | None) -> str:
    """What a film's name gets behind it so that ``player`` (a key of :data:`PLAYERS`) recognises the layout; None, and layouts that
    the player has no word for: the usual tokens."""
    known = PLAYERS[player][_NAMED.index(layout.name)] if player is not None and layout.name in _NAMED else ""
    return known or f".{layout.tokens}"

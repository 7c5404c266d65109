"""Names of films, held against what players look for in them."""

from __future__ import annotations

import re

import pytest

from stereo3d.layouts import LAYOUTS, PLAYERS, name_suffix

FOUR = ("sbs-full", "sbs-half", "ou-full", "ou-half")


def _kodi(name: str) -> str:
    if not re.search(r"[-. _]3d[-. _]", name, re.IGNORECASE):
        return ""
    return next((k for k in ("sbs", "tab") if re.search(rf"[-. _]h?{k}[-. _]", name, re.IGNORECASE)), "")


def _jellyfin(name: str) -> str:
    words = re.split(r"[ ()\-._\[\]]", name.lower())
    return next((k for k in ("fsbs", "hsbs", "sbs", "htab", "ftab", "tab") if k in words), "")


def _words(name: str) -> set[str]:
    return set(re.split(r"[. _-]", name.lower()))


def _named(layout: str, player: str | None) -> str:
    return f"A film{name_suffix(LAYOUTS[layout], player)}.mkv"


@pytest.mark.parametrize("layout", FOUR)
@pytest.mark.parametrize("player", [None, "kodi", "all"])
def test_kodi(layout: str, player: str | None) -> None:
    assert _kodi(_named(layout, player)) == ("sbs" if layout.startswith("sbs") else "tab")


@pytest.mark.parametrize("player", ["jellyfin", "all"])
def test_jellyfin(player: str) -> None:
    found = [_jellyfin(_named(layout, player)) for layout in FOUR]
    assert found == ["fsbs", "hsbs", "ftab", "htab"]
    assert _jellyfin(_named("sbs-half", None)) == "hsbs"


@pytest.mark.parametrize("player", [None, "skybox", "all"])
def test_skybox(player: str | None) -> None:
    for layout in FOUR:
        words = _words(_named(layout, player))
        assert bool(words & {"3dh", "lr", "sbs", "hsbs"}) == layout.startswith("sbs")
        assert bool(words & {"3dv", "tb", "ou", "hou"}) == layout.startswith("ou")
    assert {"180x180", "sbs"} <= _words(_named("vr180", player))


@pytest.mark.parametrize("player", ["deovr", "all"])
def test_deovr(player: str) -> None:
    for layout in FOUR:
        name = _named(layout, player)
        assert bool(re.search(r"_(LR|SBS)\b", name)) == layout.startswith("sbs")
        assert bool(re.search(r"_TB\b", name)) == layout.startswith("ou")
    assert "_180" in _named("vr180", player)


def test_pigasus() -> None:
    assert [name_suffix(LAYOUTS[layout], "pigasus") for layout in FOUR] == ["_LRF", "_LR", "_TBF", "_TB"]


@pytest.mark.parametrize("player", [None, *PLAYERS])
def test_every_layout_has_a_name(player: str | None) -> None:
    names = [name_suffix(layout, player) for layout in LAYOUTS.values()]
    assert all(name[0] in "._" and len(name) > 2 for name in names)

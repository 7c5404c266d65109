"""Tone-mapping against the formulas of the recommendations, written out a second time in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stereo3d import tone
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.tone import SDR, eetf, to_sdr

PQ_FILM = PixelFormat("yuv420p10le", 10, 1, 1, Colour(9, 16, 9, False))
HLG_FILM = PixelFormat("yuv420p10le", 10, 1, 1, Colour(9, 18, 9, False))


def _pq(nits: float) -> float:
    """BT.2100, inverse EOTF."""
    y = (nits / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)


def _nits(value: float) -> float:
    p = value ** (32 / 2523)
    return 10000 * (max(p - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * p)) ** (16384 / 2610)


def _bt2390(nits: float, peak: float) -> float:
    top, most = _pq(peak), _pq(203) / _pq(peak)
    e, knee = _pq(nits) / top, 1.5 * most - 0.5
    if e >= knee:
        t = (e - knee) / (1 - knee)
        e = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return _nits(e * top)


@pytest.mark.parametrize("peak", [400.0, 1000.0, 4000.0, 10000.0])
def test_the_curve_is_that_of_bt_2390(peak: float) -> None:
    nits = np.array([0.1, 1, 10, 50, 100, 203, 300, 399])
    got = eetf(torch.tensor(nits, dtype=torch.float64), peak).numpy()
    assert got == pytest.approx([_bt2390(n, peak) for n in nits], rel=1e-4)
    rising = eetf(torch.linspace(0, peak, 500, dtype=torch.float64), peak)
    assert bool((rising.diff() > 0).all())
    assert float(rising[-1]) == pytest.approx(203, rel=1e-4)


def test_a_film_no_brighter_than_white_is_left_alone() -> None:
    nits = torch.tensor([0.0, 20, 203, 500])
    assert eetf(nits, 150.0).tolist() == [0, 20, 203, 203]


def _flat(rgb_nits: tuple[float, float, float], pixels: PixelFormat = PQ_FILM) -> FrameBatch:
    """A frame of one BT.2020 colour, as 10-bit studio-range codes."""
    r, g, b = (_pq(n) for n in rgb_nits)
    y = 0.2627 * r + 0.678 * g + 0.0593 * b
    codes = (64 + 876 * y, 512 + 896 * (b - y) / 1.8814, 512 + 896 * (r - y) / 1.4746)
    sizes = ((1, 16, 32), (1, 8, 16), (1, 8, 16))
    planes = [torch.full(s, round(c), dtype=torch.uint16) for s, c in zip(sizes, codes, strict=True)]
    return FrameBatch(tuple(planes), (7,), 3, pixels)


@pytest.mark.parametrize(
    "nits", [(0, 0, 0), (50, 50, 50), (203, 203, 203), (1000, 1000, 1000), (90, 60, 40), (20, 70, 30), (400, 300, 250)]
)
def test_colours_are_those_of_the_recommendations(nits: tuple[float, float, float]) -> None:
    out = to_sdr(_flat(nits), 1000.0)
    assert (out.format, out.pts, out.index) == (SDR, (7,), 3)
    brightest = max(max(nits), 1e-4)
    light = np.array(nits) * _bt2390(brightest, 1000) / brightest / 203
    to_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
    r, g, b = np.clip(to_709 @ light, 0, 1) ** (1 / 2.4)
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    wanted = (16 + 219 * y, 128 + 224 * (b - y) / 1.8556, 128 + 224 * (r - y) / 1.5748)
    for plane, code in zip(out.planes, wanted, strict=True):
        assert plane.dtype == torch.uint8
        assert int(plane.max()) - int(plane.min()) <= 1
        assert float(plane.float().mean()) == pytest.approx(code, abs=1.2)


def test_hlg_white_and_black() -> None:
    codes = (64 + 876 * 0.75, 64)  # BT.2408: diffuse white is 75 % of HLG, 203 cd/m2
    whites = []
    for code in codes:
        planes = (
            torch.full((1, 8, 16), round(code), dtype=torch.uint16),
            *[torch.full((1, 4, 8), 512, dtype=torch.uint16)] * 2,
        )
        whites.append(int(to_sdr(FrameBatch(planes, (0,), 0, HLG_FILM), 1000.0).planes[0][0, 0, 0]))
    wanted = 16 + 219 * (_bt2390(203, 1000) / 203) ** (1 / 2.4)
    assert whites == pytest.approx([wanted, 16], abs=1.5)


@pytest.mark.parametrize("location", ["left", "topleft", "center"])
def test_chroma_stays_where_it_is(location: str) -> None:
    """A slope of red difference: its middle must not move, wherever the source's samples are."""
    width, height = 64, 32
    along = {"left": 0.0, "topleft": 0.0, "center": 0.5}[location]
    x = torch.arange(width // 2) * 2 + along
    slope = (512 + 2 * (x - 32)).round().to(torch.uint16).expand(1, height // 2, width // 2).contiguous()
    flat = torch.full_like(slope, 512)
    batch = FrameBatch((torch.full((1, height, width), 400, dtype=torch.uint16), flat, slope), (0,), 0, PQ_FILM)
    out = to_sdr(batch, 1000.0, location).planes[2][0, height // 4].float()
    places = torch.arange(width // 2) * 2.0  # the output's samples are at the left
    crossing = float(places[(out - 128).abs().argmin()])
    assert abs(crossing - 32) <= 2


def test_every_format_that_hdr_comes_in() -> None:
    for name in ("yuv422p10le", "yuv444p12le", "gbrp10le"):
        bits = 12 if "12" in name else 10
        x = {"yuv422p10le": 1}.get(name, 0)
        rgb = name.startswith("gbr")
        pixels = PixelFormat(name, bits, x, 0, Colour(9, 16, 0 if rgb else 9, rgb))
        grey = _pq(50)
        code = round(grey * ((1 << bits) - 1)) if rgb else (64 + 876 * grey) * (1 << (bits - 10))
        chroma = code if rgb else 512 << (bits - 10)
        sizes = ((1, 8, 16), (1, 8, 16 >> x), (1, 8, 16 >> x))
        planes = tuple(
            torch.full(s, round(c), dtype=torch.uint16) for s, c in zip(sizes, (code, chroma, chroma), strict=True)
        )
        out = to_sdr(FrameBatch(planes, (0,), 0, pixels), 1000.0)
        assert float(out.planes[0][0, 0, 0]) == pytest.approx(16 + 219 * (50 / 203) ** (1 / 2.4), abs=1.5)
        assert [tuple(p.shape) for p in out.planes] == [(1, 8, 16), (1, 4, 8), (1, 4, 8)]


def test_soft_gradients_keep_their_mean_and_what_is_whole_stays() -> None:
    ramp = torch.linspace(40, 44, 640).repeat(64, 1)
    dithered = tone._dithered(ramp)
    means = [x.unflatten(0, (8, 8)).unflatten(2, (80, 8)).mean((1, 3)) for x in (dithered, ramp)]
    assert (means[0] - means[1]).abs().max() < 0.03
    assert (dithered - ramp).abs().max() < 1
    assert dithered.frac().abs().max() == 0
    whole = torch.arange(16.0, 236).repeat(16, 1)
    assert torch.equal(tone._dithered(whole), whole)
    assert torch.equal(tone._dithered(ramp), dithered)

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from stereo3d.depth.colour import hdr_to_sdr
from stereo3d.depth.preprocess import IMAGENET, NetInput, SizeRule, parse_depth_size
from stereo3d.depth.resample import resample
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from tests.depth import stand_in

CPU = torch.device("cpu")
MEAN, STD = (torch.tensor(t).view(3, 1, 1) for t in IMAGENET)
KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(1080, 1920, (518, 924)), (2160, 3840, (518, 924)), (360, 640, (518, 924)), (612, 1440, (518, 1218)),
     (1920, 1080, (924, 518)), (518, 518, (518, 518)), (100, 4000, (518, 20720))],
)  # fmt: skip
def test_upstreams_size_rule(height, width, expected):
    assert parse_depth_size(None).size(height, width) == expected


@pytest.mark.parametrize(
    ("height", "width"), [(1080, 1920), (800, 1920), (1072, 1434), (1080, 2560), (1920, 1080), (360, 490)]
)
def test_a_pixel_budget_costs_the_same_at_every_aspect(height, width):
    rows, columns = parse_depth_size("924x518").size(height, width)
    assert rows % 14 == columns % 14 == 0
    assert 0.9 * 518 * 924 < rows * columns <= 518 * 924
    assert rows / columns == pytest.approx(height / width, rel=0.05)


@pytest.mark.parametrize(
    ("height", "width"), [(1080, 1920), (1080, 1440), (360, 490), (1920, 1080), (518, 518), (700, 980)]
)
def test_auto_is_upstreams_rule_up_to_16_by_9(height, width):
    assert parse_depth_size("auto").size(height, width) == parse_depth_size(None).size(height, width)


@pytest.mark.parametrize(("height", "width"), [(1080, 1998), (800, 1920), (804, 1920), (1600, 3840), (1920, 800)])
def test_auto_spends_no_more_pixels_on_a_wider_picture(height, width):
    rows, columns = parse_depth_size("auto").size(height, width)
    assert 0.93 * 518 * 924 < rows * columns <= 518 * 924
    assert rows / columns == pytest.approx(height / width, rel=0.03)
    assert parse_depth_size("auto").label != parse_depth_size(None).label


def test_a_budget_of_upstreams_picture_is_upstreams_size():
    assert parse_depth_size("924x518").size(1080, 1920) == (518, 924)


@pytest.mark.parametrize("size", [(518, 924), (40, 37), (301, 500), (120, 200)])
def test_resampling_is_opencvs_cubic(size):
    planes = torch.rand(2, 120, 200, generator=torch.Generator().manual_seed(1))
    ours = resample(planes, size)
    for plane, out in zip(planes, ours, strict=True):
        theirs = cv2.resize(plane.numpy(), size[::-1], interpolation=cv2.INTER_CUBIC)
        np.testing.assert_allclose(out.numpy(), theirs, atol=2e-5)


def smooth_rgb(height, width):
    """Colours that change slowly, RGB [3, H, W] float64 in 0.05..0.95: what subsampling keeps."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    waves = [
        0.5 + 0.45 * torch.sin(6 * (a * x + b * y) + c) for a, b, c in ((1.0, 0.4, 0), (0.3, 1.0, 1), (1.2, -0.8, 2))
    ]
    return torch.stack(waves).double()


def encode(rgb, fmt):
    """RGB [3, H, W] float64 to the planes of a format: BT matrices, siting left, quantised. The reference of these tests."""
    top, step = (1 << fmt.bits) - 1, 1 << (fmt.bits - 8)
    if fmt.is_rgb:
        codes = [plane * top for plane in rgb[[1, 2, 0]]]
    else:
        kr, kb = KR_KB[fmt.colour.matrix]
        luma = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2]
        chroma = [(rgb[2] - luma) / (2 - 2 * kb), (rgb[0] - luma) / (2 - 2 * kr)]
        if fmt.chroma_x:  # a left-sited sample is the [1 2 1] mean round its luma column
            chroma = [(c.roll(1, 1) + 2 * c + c.roll(-1, 1))[:, ::2] / 4 for c in chroma]
        if fmt.chroma_y:
            chroma = [(c[::2] + c[1::2]) / 2 for c in chroma]
        full = fmt.colour.full_range
        codes = [luma * top if full else (16 + 219 * luma) * step]
        codes += [(c * top if full else 224 * step * c) + 128 * step for c in chroma]
        codes = codes[:1] if fmt.name.startswith("gray") else codes
    planes = tuple(c.round().clamp(0, top).to(torch.int32).to(fmt.dtype)[None].contiguous() for c in codes)
    return FrameBatch(planes, (0,), 0, fmt)


FORMATS = [
    PixelFormat("yuv420p", 8, 1, 1, Colour(matrix=1)),
    PixelFormat("yuv420p", 8, 1, 1, Colour(matrix=6, full_range=True)),
    PixelFormat("yuv422p10le", 10, 1, 0, Colour(matrix=9)),
    PixelFormat("yuv444p", 8, 0, 0, Colour(matrix=1)),
    PixelFormat("yuv444p16le", 16, 0, 0, Colour(matrix=6)),
    PixelFormat("gbrp", 8, 0, 0, Colour(matrix=0, full_range=True)),
    PixelFormat("gbrp12le", 12, 0, 0, Colour(matrix=0, full_range=True)),
]


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f"{f.name}-{f.colour.matrix}-{f.colour.full_range}")
def test_planes_give_what_rgb_gives(fmt):
    rgb = smooth_rgb(360, 640)
    seen = NetInput(SizeRule(short_side=252)).from_planes(encode(rgb, fmt), CPU)
    wanted = NetInput(SizeRule(short_side=252)).from_rgb(rgb[None].float(), CPU)
    difference = ((seen - wanted) * STD)[..., 4:-4].abs()  # the fixture wraps round at the picture's sides
    assert difference.max() < (0.012 if fmt.chroma_x else 0.009)
    assert difference.mean() < 0.002


def test_chroma_is_read_where_it_was_sampled():
    """Half a luma sample of misplacement would show as an error three times the tolerance on a chroma ramp."""
    rgb = torch.full((3, 64, 400), 0.5, dtype=torch.float64)
    rgb[2] = 0.1 + 0.8 * (torch.arange(400) / 400 * 10 * torch.pi).sin().square()
    fmt = PixelFormat("yuv422p16le", 16, 1, 0, Colour(matrix=1))
    seen = NetInput(SizeRule(fixed=(64, 400))).from_planes(encode(rgb, fmt), CPU)
    difference = (seen * STD + MEAN)[0, 2, :, 8:-8] - rgb[2][:, 8:-8]
    assert difference.abs().max() < 0.006
    grain = torch.gradient(rgb[2][0])[0].abs().max()
    assert grain / 2 > 0.015


def test_odd_sizes_keep_chroma_in_place():
    rgb = smooth_rgb(135, 241)
    fmt = PixelFormat("yuv444p", 8, 0, 0, Colour(matrix=1))
    full = encode(rgb, fmt)
    luma, cb, cr = full.planes
    padded = [
        torch.cat([c, c[:, -1:]], 1).float().unfold(1, 2, 2).mean(-1).round().to(torch.uint8)[:, :, ::2]
        for c in (cb, cr)
    ]
    sub = FrameBatch(
        (luma, *(c.contiguous() for c in padded)), (0,), 0, PixelFormat("yuv420p", 8, 1, 1, Colour(matrix=1))
    )
    rule = NetInput(SizeRule(short_side=126))
    difference = ((rule.from_planes(sub, CPU) - rule.from_planes(full, CPU)) * STD).abs()
    assert difference.max() < 0.02


def test_grey_is_grey():
    fmt = PixelFormat("gray10le", 10, 0, 0, Colour(matrix=2))
    codes = torch.linspace(64, 940, 100).round().to(torch.int32).to(torch.uint16).view(1, 10, 10).contiguous()
    seen = NetInput(SizeRule(fixed=(10, 10))).from_planes(FrameBatch((codes,), (0,), 0, fmt), CPU) * STD + MEAN
    torch.testing.assert_close(seen[0, 0], (codes[0].float() - 64) / 876, atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[:, 0], seen[:, 1])
    torch.testing.assert_close(seen[:, 0], seen[:, 2])


def test_an_unspecified_matrix_goes_by_the_number_of_lines():
    rgb = torch.tensor([0.9, 0.2, 0.2], dtype=torch.float64).view(3, 1, 1)
    for height, matrix in ((480, 6), (720, 1)):
        frames = encode(rgb.expand(3, height, 8), PixelFormat("yuv444p", 8, 0, 0, Colour(matrix=matrix)))
        unsaid = FrameBatch(frames.planes, (0,), 0, PixelFormat("yuv444p", 8, 0, 0, Colour()))
        seen = NetInput(SizeRule(fixed=(4, 4))).from_planes(unsaid, CPU) * STD + MEAN
        torch.testing.assert_close(seen[0, :, 2, 2], rgb.flatten().float(), atol=0.006, rtol=0)


@pytest.mark.parametrize(("transfer", "white"), [(16, 0.58), (18, 0.75)])
def test_hdr_becomes_an_ordinary_picture(transfer, white):
    """BT.2408: diffuse white is 58 % of PQ and 75 % of HLG. It must come out light, black black, and order kept."""
    ramp = torch.linspace(0, 1, 101).view(1, 1, 1, 101).expand(1, 3, 1, 101)
    out = hdr_to_sdr(ramp, Colour(primaries=9, transfer=transfer, matrix=9))[0, :, 0]
    assert out.amin() >= 0
    assert out.amax() <= 1
    assert (out.diff(dim=1) >= -1e-6).all()
    assert out[:, 0].max() < 0.01
    assert 0.7 < out[0, round(100 * white)] < 0.9
    assert (out.amax(0) - out.amin(0)).max() < 0.01  # grey stays grey


def test_rgb_of_another_shape_is_refused():
    for wrong in (torch.zeros(3, 8, 8), torch.zeros(1, 4, 8, 8), torch.zeros(1, 3, 8, 8, dtype=torch.int32)):
        with pytest.raises(ValueError, match="expected RGB"):
            NetInput(SizeRule(short_side=112)).from_rgb(wrong, CPU)


def test_uint8_and_float_are_the_same_picture():
    rgb = stand_in.picture()
    net_input = NetInput(SizeRule(short_side=112))
    torch.testing.assert_close(net_input.from_rgb(rgb, CPU), net_input.from_rgb(rgb.float() / 255, CPU))

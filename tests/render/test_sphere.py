"""Half spheres: where things come to lie, how fine they are, and on which side of infinity."""

from __future__ import annotations

from math import atan, degrees, radians, tan

import pytest
import torch

from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.layouts import LAYOUTS
from stereo3d.render import Packing, pack, packed_size
from stereo3d.render.sphere import sphere_side

GREY = PixelFormat("gray", 8, 0, 0, Colour(full_range=True))
YUV10 = PixelFormat("yuv420p10le", 10, 1, 1, Colour())


def picture(luma: torch.Tensor) -> FrameBatch:
    return FrameBatch((luma.to(torch.uint8)[None],), (0,), 0, GREY)


def eyes(frames: FrameBatch, fov: float, nearer: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    left, right = (
        pack(frames, frames, Packing(LAYOUTS["vr180"], fov=fov, nearer=nearer)).planes[0][0].double().chunk(2, 1)
    )
    return left, right


def angles(ball: torch.Tensor) -> tuple[float, float]:
    """Longitude and latitude (down is positive), in degrees, of the light's centre."""
    high, wide = ball.shape
    x = (ball.sum(0) * (torch.arange(wide) + 0.5)).sum() / ball.sum()
    y = (ball.sum(1) * (torch.arange(high) + 0.5)).sum() / ball.sum()
    return float(x / wide - 0.5) * 180, float(y / high - 0.5) * 180


@pytest.mark.parametrize("fov", [60, 90, 120])
@pytest.mark.parametrize(("column", "row"), [(320, 180), (600, 180), (320, 40), (560, 320), (60, 60)])
def test_a_spot_is_seen_where_it_would_be_on_a_flat_screen(fov: float, column: int, row: int) -> None:
    luma = torch.zeros(360, 640)
    luma[row - 2 : row + 2, column - 2 : column + 2] = 255
    left, right = eyes(picture(luma), fov)
    assert torch.equal(left, right)
    half = tan(radians(fov) / 2)
    x, y = (column / 320 - 1) * half, (row / 180 - 1) * half * 360 / 640
    lon = atan(x)
    wanted = degrees(lon), degrees(atan(y / (1 + x * x) ** 0.5))
    assert angles(left) == pytest.approx(wanted, abs=0.06)


@pytest.mark.parametrize("fov", [40, 90, 140])
def test_the_picture_spans_the_field_of_view_on_black(fov: float) -> None:
    left, _ = eyes(picture(torch.full((180, 320), 200)), fov)
    side = len(left)
    middle = left[side // 2]
    lit = (middle > 100).nonzero().flatten()
    assert (int(lit[-1]) - int(lit[0]) + 1) * 180 / side == pytest.approx(fov, abs=2 * 180 / side)
    assert (middle[lit[0] + 3 : lit[-1] - 3] == 200).all()
    upright = (left[:, side // 2] > 100).sum() * 180 / side
    assert float(upright) == pytest.approx(2 * degrees(atan(tan(radians(fov) / 2) * 9 / 16)), abs=2 * 180 / side)
    assert (left[0] == 0).all()
    assert (left[:, 0] == 0).all()


def test_black_is_the_films_black_and_chroma_follows() -> None:
    sizes = [YUV10.plane_size(number, 320, 180) for number in range(3)]
    planes = [torch.full((1, h, w), v, dtype=torch.int32).to(torch.uint16) for (w, h), v in zip(sizes, (700, 300, 800), strict=True)]  # fmt: skip
    out = pack(*[FrameBatch(tuple(planes), (0,), 0, YUV10)] * 2, Packing(LAYOUTS["vr180"]))
    for plane, outside, inside in zip(out.planes, (64, 512, 512), (700, 300, 800), strict=True):
        values = plane[0].int()
        assert values[0, 0] == outside
        assert values[values.shape[0] // 2, values.shape[1] // 4] == inside


def test_nothing_lies_beyond_infinity() -> None:
    """With the whole budget of nearness, the farthest point of any zero parallax is seen at infinity or nearer."""
    strength, width = 0.05, 640
    for zero_parallax, depth in ((1.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)):
        shift = strength * width * (depth - zero_parallax) / 2
        places = []
        for sign in (1, -1):
            luma = torch.zeros(360, width)
            column = round(320 + sign * shift)
            luma[178:182, column - 2 : column + 2] = 255
            places.append(picture(luma))
        out = pack(*places, Packing(LAYOUTS["vr180"], fov=90, nearer=strength)).planes[0][0].double()
        left, right = (angles(half)[0] for half in out.chunk(2, 1))
        wanted = 2 * degrees(atan(strength * (depth - zero_parallax + 1)))
        assert left - right == pytest.approx(wanted, abs=0.03)
        assert left - right > -0.01


def test_sizes_are_sane() -> None:
    assert sphere_side(1920, 90) == 3024  # pi / 2 * 1920 = 3015.9, up to whole blocks
    assert sphere_side(3840, 90) == 4096
    assert sphere_side(1920, 120) == 1744
    assert packed_size(1920, 800, Packing(LAYOUTS["vr180"]), YUV10) == (6048, 3024)


def test_a_picture_finer_than_the_sphere_is_averaged_not_skipped() -> None:
    stripes = (torch.arange(8192) % 2 * 255).expand(64, -1)
    left, _ = eyes(picture(stripes), 60)
    middle = left[left.shape[0] // 2, 1700:2400]
    assert middle.std() < 15
    assert float(middle.mean()) == pytest.approx(127.5, abs=2)

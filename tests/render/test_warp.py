"""Forward warping: where pixels land, who wins, what is a hole, and that all forms of it agree."""

from __future__ import annotations

import pytest
import torch

from stereo3d.render import fill, render_view, warp

DTYPES = (torch.uint8, torch.uint16, torch.float16, torch.float32)


def noise(*shape: int, dtype: torch.dtype = torch.uint8, seed: int = 0) -> torch.Tensor:
    values = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    scale = {torch.uint8: 255, torch.uint16: 65535}.get(dtype, 1)
    return (values * scale).to(dtype)


def rough_shift(frames: int, height: int, width: int) -> torch.Tensor:
    """Slopes, steps and specks, as float noise would have them."""
    random = torch.Generator().manual_seed(7)
    shift = torch.randn((frames, 1, height, width), generator=random).cumsum(3) * 0.4
    shift[..., width // 3 : width // 2] += 12
    shift[:, :, height // 4 : height // 2, -20:-8] += 25
    return shift


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("disparity", "position"), [(0.0, 0.5), (0.0, -1.0), (9.0, 0.0)])
def test_no_shift_is_the_source_bit_for_bit(dtype: torch.dtype, disparity: float, position: float) -> None:
    image = noise(2, 3, 21, 33, dtype=dtype)
    view, holes = render_view(image, torch.full((2, 1, 21, 33), disparity), position=position)
    assert torch.equal(view, image)
    assert not holes.any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("position", "moved"), [(0.5, 3), (-0.5, -3), (-1.0, -6)])
def test_a_whole_shift_copies_pixels(dtype: torch.dtype, position: float, moved: int) -> None:
    image = noise(1, 2, 5, 40, dtype=dtype)
    view, holes = render_view(image, torch.full((1, 1, 5, 40), 6.0), position=position, fill=False)
    expected = torch.zeros_like(image)
    hole = torch.zeros(1, 1, 5, 40, dtype=torch.bool)
    if moved > 0:
        expected[..., moved:] = image[..., :-moved]
        hole[..., :moved] = True
    else:
        expected[..., :moved] = image[..., -moved:]
        hole[..., moved:] = True
    assert torch.equal(view, expected)
    assert torch.equal(holes, hole)


def test_half_a_pixel_lies_between_its_neighbours() -> None:
    ramp = torch.arange(0, 200, 4, dtype=torch.float32).expand(1, 1, 3, 50).contiguous()
    view, _ = render_view(ramp, torch.full((1, 1, 3, 50), 1.0), position=-0.5)
    assert torch.allclose(view[..., 2:-3], ramp[..., 2:-3] + 2)


def step_scene() -> tuple[torch.Tensor, torch.Tensor]:
    """A bar of 200 at columns 20..29, 8 px nearer than its ground of 50."""
    image = torch.full((1, 1, 16, 60), 50, dtype=torch.uint8)
    disparity = torch.zeros(1, 1, 16, 60)
    image[..., 20:30] = 200
    disparity[..., 20:30] = 8
    return image, disparity


@pytest.mark.parametrize(("position", "bar", "gap"), [(1.0, (28, 38), (20, 28)), (-1.0, (12, 22), (22, 30))])
def test_the_nearest_wins_and_the_gap_is_where_it_was(
    position: float, bar: tuple[int, int], gap: tuple[int, int]
) -> None:
    image, disparity = step_scene()
    view, holes = render_view(image, disparity, position=position)
    expected = torch.full_like(image, 50)
    expected[..., bar[0] : bar[1]] = 200
    hole = torch.zeros_like(holes)
    hole[..., gap[0] : gap[1]] = True
    assert torch.equal(view, expected)  # so the gap is filled from the ground, not from the bar
    assert torch.equal(holes, hole)


def test_a_gap_between_two_depths_takes_the_farther() -> None:
    image = torch.full((1, 1, 12, 80), 10.0)
    disparity = torch.zeros(1, 1, 12, 80)
    image[..., 40:], disparity[..., 40:] = 90.0, 12.0
    view, holes = render_view(image, disparity, position=1.0)
    assert holes[..., 40:52].all()
    assert torch.allclose(view[..., :52], torch.tensor(10.0))


def test_a_stretched_slope_has_no_cracks() -> None:
    disparity = torch.linspace(0, 40, 64).expand(1, 1, 4, 64)
    _, holes = render_view(noise(1, 1, 4, 64), disparity, position=1.0)
    assert not holes[..., 1:].any()


def test_rows_are_independent() -> None:
    image, shift = noise(1, 1, 24, 90), rough_shift(1, 24, 90)
    view, holes = render_view(image, shift, position=-1.0, fill=False)
    alone, alone_holes = render_view(image[:, :, 11:12], shift[:, :, 11:12], position=-1.0, fill=False)
    assert torch.equal(view[:, :, 11:12], alone)
    assert torch.equal(holes[:, :, 11:12], alone_holes)


def test_values_stay_within_the_source_range() -> None:
    image = (noise(1, 1, 32, 90, dtype=torch.float32) * 879 + 64).to(torch.uint16)
    view, _ = render_view(image, rough_shift(1, 32, 90), position=0.5)
    assert int(view.to(torch.int32).min()) >= 64
    assert int(view.to(torch.int32).max()) <= 943


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_kernels_equal_the_reference(dtype: torch.dtype, sign: int) -> None:
    """The surface exactly; pixels within one code value, or 1e-4 of the range for floats."""
    image, shift = noise(2, 3, 37, 131, dtype=dtype), rough_shift(2, 37, 131)
    seen = warp.surface(shift, sign)
    assert torch.equal(seen, warp.surface_reference(shift.reshape(-1, 131), sign).reshape(shift.shape))
    assert 0.02 < (seen == fill.EMPTY).float().mean() < 0.5
    for filled in (False, True):
        got = warp.sample(image, seen, sign, fill=filled).double()
        want = warp.sample_reference(image, seen, sign, fill=filled).double()
        assert (got - want).abs().max() <= (
            1 if dtype in (torch.uint8, torch.uint16) else 1e-3 if dtype == torch.float16 else 1e-4
        )


def test_the_result_does_not_depend_on_threads_or_batch() -> None:
    image, shift = noise(3, 2, 190, 120), rough_shift(3, 190, 120)
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            results.append(render_view(image, shift, position=-1.0)[0])
    finally:
        torch.set_num_threads(threads)
    results.append(torch.cat([render_view(image[n : n + 1], shift[n : n + 1], position=-1.0)[0] for n in range(3)]))
    assert all(torch.equal(results[0], other) for other in results[1:])


def test_a_row_that_loses_everything_keeps_its_picture() -> None:
    image = noise(1, 1, 8, 20)
    view, holes = render_view(image, torch.full((1, 1, 8, 20), 100.0), position=1.0)
    assert holes.all()
    assert torch.equal(view, image)


def test_what_does_not_fit_is_refused() -> None:
    image = noise(1, 3, 4, 6)
    with pytest.raises(ValueError, match="must be"):
        render_view(image, torch.zeros(1, 1, 4, 5), position=0.5)
    with pytest.raises(TypeError, match="int32"):
        render_view(image.to(torch.int32), torch.zeros(1, 1, 4, 6), position=0.5)

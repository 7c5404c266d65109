"""Each CUDA kernel against its torch reference: on a GPU, or as ``TRITON_INTERPRET=1 python -m tests.render.kernels`` on the CPU.

Holes, shifts and moved pixels are compared for equality up to what a device's order of float operations may change:
:data:`SHIFT` pixels of shift, one code value of whole-number pictures.
"""

from __future__ import annotations

import torch

from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.render import (
    borders,
    borders_triton,
    edges,
    edges_triton,
    fill,
    fill_triton,
    ramps_triton,
    rules,
    views_triton,
    warp,
    warp_triton,
)
from stereo3d.render.sight import sights
from stereo3d.render.uncovered import Uncovered
from stereo3d.render.uncovered_device import UncoveredOnDevice
from stereo3d.render.views import Eyes, _eye, render_eyes
from tests.render import test_uncovered
from tests.render.test_warp import noise, rough_shift

SHIFT = 1e-4
SIGNS = (1, -1)
PICTURES = ((torch.uint8, 3), (torch.uint8, 1), (torch.uint16, 2), (torch.float32, 3))


def size(device: str) -> tuple[int, int, int]:
    """Frames, rows, columns; few in the interpreter, which is slow."""
    return (1, 4, 64) if device == "cpu" else (2, 64, 400)


def surface_equals(device: str) -> None:
    frames, height, width = size(device)
    shift = rough_shift(frames, height, 2 * width)
    for eyes in ((1, -1), (-1,)):
        got = warp_triton.surface(torch.cat([shift] * len(eyes)).to(device), eyes, join=rules.JOIN).cpu()
        want = torch.cat(
            [warp.surface_reference(shift.reshape(-1, 2 * width), eye).reshape(shift.shape) for eye in eyes]
        )
        assert torch.equal(want.isinf(), got.isinf())
        assert want.isinf().any()
        assert torch.where(want.isinf(), 0, want - got).abs().max() <= SHIFT


def cover_equals(device: str) -> None:
    """Covered, and brought to chroma; and how far every span of columns moves."""
    for width in (150, 2100):
        shift, guide = rough_shift(2, 3, width), noise(2, 1, 3, width)
        cells = (2, 2) if width == 150 else (4, 1)
        got, small = edges_triton.cover(shift.to(device), guide.to(device), SIGNS, cells)
        want = torch.cat([edges.cover_reference(shift, guide, sign) for sign in SIGNS])
        assert torch.equal(want, got.shift.cpu())
        assert not torch.equal(want, torch.cat([shift, shift]))
        assert torch.equal(edges.chroma(want, *cells), small.shift.cpu())
        for part in (got, small):
            moves = torch.cat([sign * half for sign, half in zip(SIGNS, part.shift.cpu().chunk(2), strict=True)])
            spans = moves.reshape(-1, moves.shape[3]).split(part.span, 1)
            assert torch.equal(torch.stack([span.amin(1) for span in spans], 1), part.least.cpu())
            assert torch.equal(torch.stack([span.amax(1) for span in spans], 1), part.most.cpu())


def smooth_equals(device: str) -> None:
    shift = noise(1, 1, 2, 40, dtype=torch.float32, seed=1) * 2
    marks = noise(*shift.shape, dtype=torch.float32) > 0.5
    marks[0, 0, :, 20:] = False
    want, moved = edges.smooth_reference(shift, marks)
    got, left = shift.to(device), marks.to(device, torch.uint8)
    edges_triton.smooth(got, left)
    assert torch.equal(want, got.cpu())
    assert torch.equal(moved, left.cpu().bool())
    assert moved.any()
    assert not torch.equal(moved, marks)


def ramps(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Soft edges both ways, of other heights and directions, and a guide that has them elsewhere."""
    x, y = torch.arange(width), torch.arange(height)[:, None]
    steps = 8.0 * (x > width // 3) - 5.0 * (x > 2 * width // 3) + 6.0 * (y > height // 2) + 0.02 * x
    kernel = torch.tensor([1.0, 4, 6, 4, 1]) / 16
    for shape in ((1, 1, 1, 5), (1, 1, 5, 1)):
        reach = tuple(size // 2 for size in shape[:1:-1] for _ in range(2))
        padded = torch.nn.functional.pad(steps.reshape(1, 1, height, width), reach, mode="replicate")
        steps = torch.nn.functional.conv2d(padded, kernel.reshape(shape))[0, 0]
    guide = noise(1, 1, height, width) // 4 + (100 * ((x > width // 3 + 1) ^ (y > height // 2))).to(torch.uint8)
    return (steps * 16).round()[None, None] / 16, guide


def ramps_equal(device: str) -> None:
    """Ramps found and made steps, marks and all; and a smaller map brought to the picture's size on the way."""
    height, width = (6, 40) if device == "cpu" else (90, 400)
    shift, guide = ramps(height, width)
    along, first = edges.snap_reference(shift, guide, 9)
    down, second = edges.snap_reference(along.mT, guide.mT, 9)
    got, marks = ramps_triton.snap(shift.to(device), guide.to(device), 9)
    assert torch.equal(down.mT, got.cpu())
    assert torch.equal(first | second.mT, marks.cpu().bool())
    assert first.any()
    assert second.any()
    small = shift[..., ::2, ::2].contiguous()
    large = torch.nn.functional.interpolate(small, shift.shape[2:], mode="bilinear", align_corners=True)
    along, _ = edges.snap_reference(large, guide, 9)
    want = edges.snap_reference(along.mT, guide.mT, 9)[0].mT
    got, _ = ramps_triton.snap(small.to(device), guide.to(device), 9)
    assert ((want - got.cpu()).abs() > SHIFT).float().mean() < 0.002


def views(image: torch.Tensor, shift: torch.Tensor, device: str) -> tuple[torch.Tensor, ...]:
    """(holes 0, filled, blended) by the kernels."""
    seen = stacked(shift).to(device)
    image = image.to(device)
    steps = [warp_triton.sample(image, seen, SIGNS)]
    steps.append(steps[-1].clone())
    fill_triton.fill(steps[-1], image, seen)
    steps.append(steps[-1].clone())
    borders_triton.blend(steps[-1], image, seen, SIGNS, jump=rules.JOIN)
    return tuple(step.cpu() for step in steps)


def stacked(shift: torch.Tensor) -> torch.Tensor:
    rows = shift.reshape(-1, shift.shape[3])
    return torch.cat([warp.surface_reference(rows, sign).reshape(shift.shape) for sign in SIGNS])


def views_equal(device: str) -> None:
    """Sampled, filled, blended: whole numbers within one code value, floats within 1e-4 of the range."""
    frames, height, width = size(device)
    shift = rough_shift(frames, height, width)
    shift[-1, 0, 3] = 1000.0  # a row that loses everything
    seen = stacked(shift)
    for dtype, channels in PICTURES[:1] if device == "cpu" else PICTURES:
        image = noise(frames, channels, height, width, dtype=dtype)
        most = 1e-4 if dtype == torch.float32 else 1
        plain, filled, blended = views(image, shift, device)
        double = torch.cat([image, image]).float()
        want = torch.cat([warp.sample_reference(image, half, s, fill=False) for half, s in halves(seen)])
        assert (want.double() - plain.double()).abs().max() <= most
        full = fill.fill(plain.float(), double, seen.reshape(-1, width))
        full = full if dtype == torch.float32 else (full + 0.5).floor()
        assert (full.double() - filled.double()).abs().max() <= most
        soft = torch.cat(
            [
                borders.blend_reference(part, image.float(), half, s, jump=rules.JOIN)
                for part, (half, s) in zip(filled.float().chunk(2), halves(seen), strict=True)
            ]
        )
        soft = soft if dtype == torch.float32 else (soft + 0.5).floor()
        assert (soft.double() - blended.double()).abs().max() <= most
        assert not torch.equal(plain, filled)
        assert not torch.equal(filled, blended)


def halves(seen: torch.Tensor) -> list[tuple[torch.Tensor, int]]:
    return list(zip(seen.chunk(2), SIGNS, strict=True))


def eyes_equal(device: str) -> None:
    """Whole frames of 4:2:0 and RGB against the CPU's, both eyes at once and one alone; the same from run to run."""
    interpreted = device == "cpu"
    height, width = (2, 40) if interpreted else (64, 400)
    shift = torch.linspace(-1, 1, width).expand(1, 1, height, width).clone()
    shift[..., width // 3 : width // 2] += 3
    for name, small in (("yuv420p", 1), ("gbrp", 0))[: 1 if interpreted else 2]:
        luma, colour = noise(1, height, width), noise(2, 1, height >> small, width >> small, seed=1)
        form = PixelFormat(name, 8, small, small, Colour())
        frames = FrameBatch((luma, *colour), (0,), 5, form)
        for signs in ((1, -1), (-1,))[: 1 if interpreted else 2]:
            runs = [
                views_triton.eyes(frames.to(torch.device(device)), shift.to(device), signs)
                for _ in range(1 if interpreted else 3)
            ]
            for sign, *batches in zip(signs, *runs, strict=True):
                want, surface = _eye(frames, shift, sign)
                assert surface is not None
                for got, seen in batches:
                    assert torch.equal(seen.cpu().isinf(), surface.isinf())
                    assert (got.pts, got.index, got.format) == (want.pts, want.index, want.format)
                    for expected, plane, again in zip(want.planes, got.planes, batches[0][0].planes, strict=True):
                        assert plane.is_contiguous()
                        assert (expected.int() - plane.cpu().int()).abs().max() <= 1
                        assert torch.equal(plane, again)


def uncovered_equal(device: str) -> None:
    """Holes filled over time as on the CPU, but for few samples; and the same from run to run."""
    interpreted = device == "cpu"
    count, rows = (3, 16) if interpreted else (test_uncovered.COUNT, test_uncovered.HEIGHT)
    forms = (("yuv420p", 8, 1, 1), ("yuv420p10le", 10, 1, 1), ("gbrp", 8, 0, 0), ("gray", 8, 0, 0))
    for name, bits, across, down in forms[: 1 if interpreted else None]:
        form, place = PixelFormat(name, bits, across, down, Colour()), torch.device(device)
        windows = (Uncovered(), *(UncoveredOnDevice() for _ in range(1 if interpreted else 2)))
        results: tuple[list[FrameBatch], ...] = tuple([] for _ in windows)
        for t, picture in enumerate(test_uncovered.PICTURES[:count]):
            frame = test_uncovered.frames([picture[20 : 20 + rows]], form, t)
            maps = test_uncovered.depth(t)[:, :, 20 : 20 + rows]
            eyes = render_eyes(frame, maps, strength=9.0, zero_parallax=0.1, synthetic="right")
            there = frame.to(place)
            moved = Eyes(
                *(view.to(place) for view in (eyes.left, eyes.right)),
                eyes.shift.to(place),
                (None, None if eyes.seen[1] is None else eyes.seen[1].to(place)),
            )
            plain = eyes.right.planes[0].int()
            for window, found in zip(windows, results, strict=True):
                pair = (frame, eyes) if isinstance(window, Uncovered) else (there, sights(there, moved))
                found += [right for _, right in window.push(*pair)]
        for window, found in zip(windows, results, strict=True):
            found += [right for _, right in window.finish()]
        want, *runs = ([[plane.cpu().int() for plane in right.planes] for right in found] for found in results)
        for number, frame_wanted in enumerate(want):
            for k, plane in enumerate(frame_wanted):
                assert ((plane - runs[0][number][k]).abs() > 1).float().mean() < 0.002
                assert all(torch.equal(run[number][k], runs[0][number][k]) for run in runs)
        assert not interpreted or (want[-1][0] != plain).float().mean() > 0.002


CHECKS = (surface_equals, cover_equals, ramps_equal, smooth_equals, views_equal, eyes_equal, uncovered_equal)

if __name__ == "__main__":
    torch.set_num_threads(1)
    import sys
    import time

    for check in CHECKS:
        if sys.argv[1:] and check.__name__ not in sys.argv[1:]:
            continue
        begin = time.perf_counter()
        check("cpu")
        print(f"{check.__name__}: {time.perf_counter() - begin:.1f} s")

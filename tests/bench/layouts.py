"""What packing costs, and what 4:2:0 costs anaglyphs: ``python -m tests.bench.layouts FILM.3D.SBS.mkv``.

The film is one of ours, side by side in 8-bit 4:2:0; its first frame is taken apart into the two eyes. Processor time of one thread.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import av
import torch

from stereo3d.colour import yuv_affine
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.layouts import LAYOUTS
from stereo3d.render import Packing, pack
from stereo3d.render.anaglyph import mixed

ROUNDS = 5


def first_eyes(path: Path) -> tuple[FrameBatch, FrameBatch]:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    colour = Colour(frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range == 2)
    pixels = PixelFormat("yuv420p", 8, 1, 1, colour)
    planes = [
        torch.frombuffer(bytearray(p), dtype=torch.uint8).reshape(p.height, -1)[:, : p.width] for p in frame.planes
    ]
    halves = [plane.chunk(2, 1) for plane in planes]
    left, right = (
        FrameBatch(tuple(half[eye][None].contiguous() for half in halves), (0,), 0, pixels) for eye in (0, 1)
    )
    return left, right


def fine(eye: FrameBatch) -> FrameBatch:
    """The same in 4:4:4, each chroma sample repeated."""
    luma, *chroma = eye.planes
    planes = (luma, *(plane.repeat_interleave(2, 1).repeat_interleave(2, 2) for plane in chroma))
    return FrameBatch(planes, eye.pts, 0, PixelFormat("yuv444p", 8, 0, 0, eye.format.colour))


def rgb(frames: FrameBatch) -> torch.Tensor:
    frames = fine(frames) if frames.format.chroma_x else frames
    gain, offset = yuv_affine(frames.format.colour, 8, frames.height)
    codes = torch.stack([plane[0].double() for plane in frames.planes])
    return (torch.einsum("rc,chw->rhw", gain, codes) + offset[:, None, None]).clamp(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("film", type=Path)
    left, right = first_eyes(parser.parse_args().film)
    torch.set_num_threads(1)
    print(f"{left.width}x{left.height}, torch {torch.__version__}, median of {ROUNDS}")
    for name, layout in LAYOUTS.items():
        packing, spent = Packing(layout, nearer=0.025), []
        for _ in range(ROUNDS + 1):
            began = time.process_time()
            pack(left, right, packing)
            spent.append(time.process_time() - began)
        text = f"{name:24} {1000 * statistics.median(spent[1:]):6.1f} ms"
        if layout.colours:
            coarse, exact = rgb(mixed(left, right, layout.colours)), rgb(mixed(fine(left), fine(right), layout.colours))
            errors = (coarse - exact).square().mean((1, 2))
            text += "   4:2:0 against 4:4:4, dB: " + " ".join(
                f"{c} {-10 * float(e.log10()):.1f}" for c, e in zip("RGB", errors, strict=True)
            )
        print(text)
    chroma = [(a.int() - b.int()).abs().float() / 2 for a, b in zip(left.planes[1:], right.planes[1:], strict=True)]
    for plane, name in zip(chroma, ("Cb", "Cr"), strict=True):
        print(
            f"by turns in 4:2:0: {name} is off by {float(plane.mean()):.1f}, 99 % under {float(plane.quantile(0.99)):.1f}"
        )


if __name__ == "__main__":
    main()

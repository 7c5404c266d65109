"""``python -m stereo3d.demo``: render the demo film, convert it with the embedded depth model, and show the result."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stereo3d.demo.film import DemoFilm
from stereo3d.demo.sheet import sheet, write_png
from stereo3d.errors import OutputError, Stereo3DError
from stereo3d.media.simple_writer import read_frame, write_film

if TYPE_CHECKING:
    from stereo3d.job.report import Report

_MODEL = "classic"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stereo3d.demo", description="Render a short film and convert it.")
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), metavar="DIR", help="folder for all results (default demo)"
    )
    parser.add_argument(
        "--frames", type=int, default=48, metavar="N", help="frames of each of the four shots (default 48)"
    )
    parser.add_argument("--size", default="1280x720", metavar="WxH", help="size of the film, even (default 1280x720)")
    parser.add_argument("--keep-source", action="store_true", help="use DIR/demo.mkv of an earlier run, if it is there")
    arguments = parser.parse_args(argv)
    width, _, height = arguments.size.partition("x")
    if (
        not (width.isdecimal() and height.isdecimal())
        or int(width) % 2
        or int(height) % 2
        or min(int(width), int(height)) < 64
    ):
        parser.error(f"--size {arguments.size}: WxH with even numbers from 64, such as 1280x720")
    if arguments.frames < 1:
        parser.error(f"--frames {arguments.frames}: 1 or more")
    arguments.width, arguments.height = int(width), int(height)
    return arguments


def _counted(film: DemoFilm) -> Iterator[npt.NDArray[np.uint8]]:
    begun = time.monotonic()
    for index, picture in enumerate(film.pictures()):
        yield picture
        if (index + 1) % 30 == 0 or index + 1 == film.frames:
            rate = (index + 1) / (time.monotonic() - begun)
            print(f"rendering the demo film: {index + 1} of {film.frames} frames, {rate:.1f} fps", file=sys.stderr)


def _depth_of(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The embedded model's depth of one picture: float32 [H, W], 0..1."""
    import torch

    from stereo3d.depth import load_model

    rgb = torch.from_numpy(picture.transpose(2, 0, 1)[None].copy())
    depth = load_model(_MODEL, device="cpu").infer(rgb)[0, 0]
    return np.asarray(depth.cpu().numpy(), dtype=np.float32)


def _write_still(path: Path, source: Path, result: Path, index: int) -> tuple[int, int]:
    """The labelled sheet of frame ``index``; returns the (width, height) of the result's pictures."""
    picture, packed = read_frame(source, index), read_frame(result, index)
    half = packed.shape[1] // 2
    write_png(path, sheet(picture, _depth_of(picture), packed[:, :half], packed[:, half:]))
    return packed.shape[1], packed.shape[0]


def _summary(
    film: DemoFilm, source: Path, still: Path, report: Report, size: tuple[int, int], rendering: float
) -> dict[str, Any]:
    return {
        "source": str(source),
        "result": str(report.output),
        "still": str(still),
        "model": _MODEL,
        "frames": report.frames,
        "film_seconds": round(float(film.frames / film.rate), 3),
        "source_size": [film.width, film.height],
        "result_size": list(size),
        "source_bytes": source.stat().st_size,
        "result_bytes": report.output.stat().st_size,
        "render_seconds": round(rendering, 1),
        "convert_seconds": round(report.seconds, 1),
        "convert_fps": round(report.fps, 2),
        "limited_by": report.limited_by,
        "verified": True,  # a conversion that returns a report has been verified; it raises otherwise
        "losses": list(report.losses),
    }


def _run(arguments: argparse.Namespace) -> int:
    import stereo3d

    out: Path = arguments.out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {out}: {error.strerror}", hint="choose another with --out"
        ) from error
    film = DemoFilm(arguments.width, arguments.height, frames_per_shot=arguments.frames)
    source, result, still, summary = (out / n for n in ("demo.mkv", "demo.3D.SBS.mkv", "still.png", "summary.json"))
    begun = time.monotonic()
    if not (arguments.keep_source and source.exists()):
        unfinished = out / "demo.part.mkv"
        write_film(unfinished, _counted(film), film.rate, film.sound())
        unfinished.replace(source)
    rendering = time.monotonic() - begun
    report = stereo3d.convert(source, result, model=_MODEL, overwrite=True, progress="auto")
    size = _write_still(still, source, report.output, arguments.frames // 2)
    facts = _summary(film, source, still, report, size, rendering)
    summary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(report.text())
    for name, path in (("source", source), ("result", report.output), ("still", still), ("summary", summary)):
        print(f"  {name:<8}{path}")
    return report.exit_code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit code."""
    try:
        return _run(_arguments(argv))
    except Stereo3DError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())

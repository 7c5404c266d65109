"""How much of a film goes to machines that do not see it: two Ray workers on this machine that are made to believe so (Linux).

    python -m tests.bench.far_bytes [--frames 3840]

The film is noise, small in pixels and large in bytes. What each worker got is what its file with holes holds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import av
import numpy as np

from stereo3d.executors.crew import Crew
from stereo3d.executors.ray import ClusterSeats, open_cluster
from stereo3d.frames import Shot
from stereo3d.pipeline.meter import Meter
from stereo3d.plan.segments import make_plan
from tests.bench.two_workers import ray_machines
from tests.executors.conftest import places_in, recipe_of

_SHOT, _SIZE, _MIB = 240, (256, 144), 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=3840)
    frames = parser.parse_args().frames
    with tempfile.TemporaryDirectory(prefix="stereo3d-far-") as folder:
        os.environ["TMPDIR"] = folder
        place = Path(folder)
        film = noise(place / "film.mkv", frames)
        size = film.stat().st_size / _MIB
        recipe = recipe_of(film, "h264")
        plan = make_plan(recipe.timeline, tuple(Shot(start, start + _SHOT) for start in range(0, frames, _SHOT)))
        with ray_machines() as address:
            seats = ClusterSeats(open_cluster(address), recipe)
            seats._film = replace(seats._film, fingerprint="that of a film which is not there")
            with closing(Crew(seats, {"": recipe.model_identity}, Meter(), print, lambda: False)) as crew:
                began = time.perf_counter()
                built = list(crew.run(recipe, plan, places_in(place), lambda _count: None))
                seconds = time.perf_counter() - began
                got = [path.stat().st_blocks * 512 / _MIB for path in place.glob("stereo3d-work-*/film")]
    print(f"{len(built)} segments in {seconds:.0f} s; the film has {size:.1f} MiB")
    print("workers got " + ", ".join(f"{part:.1f} MiB" for part in got))


def noise(path: Path, frames: int) -> Path:
    """Pictures of noise with a keyframe every two seconds."""
    random = np.random.default_rng(1)
    width, height = _SIZE
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=24, options={"preset": "ultrafast", "crf": "23", "g": "48"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        for _ in range(frames):
            picture = random.integers(0, 255, (height * 3 // 2, width), dtype=np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(video.encode(None))
    return path


if __name__ == "__main__":
    main()

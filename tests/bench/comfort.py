"""How far from the screen a subject is at the cuts, and how fast the screen moves: one screen a shot against one that follows.

    python -m tests.bench.comfort

Two thousand made-up shots of 1 to 25 s whose subject rests, walks or runs through the scene (depth changes by up to the given
amount a second) and whose measurement jitters, as that of networks does. Strength 2.5 %.
"""

from __future__ import annotations

import numpy as np

from stereo3d.render.comfort_screen import Follow, ScreenPath

RATE, STRENGTH, JITTER = 24.0, 2.5, 0.02


def shot(random: np.random.Generator, fastest: float) -> np.ndarray:
    """The subject's true depth at each frame."""
    frames = round(random.uniform(1, 25) * RATE)
    turns = np.sort(random.uniform(0, frames, random.integers(0, 4)))
    speed = np.repeat(
        random.uniform(-fastest, fastest, len(turns) + 1), np.diff([0, *np.round(turns), frames]).astype(int)
    )
    return np.clip(random.uniform(0.1, 0.9) + np.cumsum(speed) / RATE, 0, 1)  # type: ignore[no-any-return]


def main() -> None:
    for name, fastest in (("rests", 0.0), ("walks, 0.1 a second", 0.1), ("runs, 0.4 a second", 0.4)):
        random = np.random.default_rng(1)
        ends: dict[str, list[float]] = {"one screen": [], "follows": []}
        speed = 0.0
        for _ in range(2000):
            truth = shot(random, fastest)
            keys = np.linspace(0, len(truth) - 1, min(16, len(truth)))
            seen = truth[keys.round().astype(int)] + random.normal(0, JITTER, len(keys))
            step = (len(truth) - 1) / max(1, len(keys) - 1)
            path = ScreenPath(seen.tolist(), 0, step, Follow.of(STRENGTH, RATE))
            screen = np.array([path.at(frame) for frame in range(len(truth))])
            second = round(RATE)
            for way, at in (("one screen", np.full(len(truth), np.median(seen))), ("follows", screen)):
                away = STRENGTH * (truth - at)
                ends[way] += [float(np.median(away[:second])), float(np.median(away[-second:]))]
            if len(screen) > second:
                speed = max(speed, float(np.abs(screen[second:] - screen[:-second]).max()) * STRENGTH)
        print(f"subject {name}: the screen moves by at most {speed:.2f} % in a second")
        for way, values in ends.items():
            jumps = np.abs(np.array(values[1:-1:2]) - np.array(values[2::2]))
            print(
                f"  {way:10}  jump over cuts: median {np.median(jumps):.2f} %, 99 of 100 below {np.quantile(jumps, 0.99):.2f} %, "
                f"worst {jumps.max():.2f} %; above 0.5 %: {(jumps > 0.5).mean():.1%}"
            )


if __name__ == "__main__":
    main()

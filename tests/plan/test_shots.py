"""The detector's score, counted faster, is the detector's score."""

from __future__ import annotations

import numpy as np
from scenedetect import AdaptiveDetector, FrameTimecode

from stereo3d.frames import Shot
from stereo3d.plan.shots import MIN_SHOT_FRAMES, ShotDetector


def test_cuts_and_scores_are_those_of_pyscenedetect() -> None:
    random = np.random.default_rng(1)
    scenes = [random.integers(0, 255, (9, 16, 3)).repeat(16, 0).repeat(16, 1) for _ in range(4)]
    pictures = [
        np.clip(scene + random.normal(0, 6, scene.shape), 0, 255).astype(np.uint8)
        for scene in scenes
        for _ in range(20)
    ]
    ours, theirs = ShotDetector(), AdaptiveDetector(min_scene_len=MIN_SHOT_FRAMES)
    scores, cuts = [], []
    for number, picture in enumerate(pictures):
        cuts += [cut.frame_num for cut in theirs.process_frame(FrameTimecode(number, 24.0), picture)]
        ours.push(picture)
        scores.append((theirs._frame_score, ours._detector._frame_score))
    assert max(score for score, _ in scores) > 15
    assert all(their == our for their, our in scores)
    assert cuts == [20, 40, 60]
    assert ours.finish() == (Shot(0, 20), Shot(20, 40), Shot(40, 60), Shot(60, 80))

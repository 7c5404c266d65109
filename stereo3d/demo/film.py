"""The demo film: four short shots with known truth (depth, the other eye's view, cuts, sound)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stereo3d.demo import colonnade, courtyard, meadow, tabletop
from stereo3d.demo.render import distance_map, picture
from stereo3d.demo.scene import Camera, Scene
from stereo3d.demo.sound import soundtrack
from stereo3d.frames import Shot

__all__ = ["SCENES", "DemoFilm"]


class Set(NamedTuple):
    """What a shot is made of, as functions of the seconds since it began."""

    scene: Callable[[float], Scene]
    camera: Callable[[float], Camera]


SCENES: Mapping[str, Set] = MappingProxyType(
    {
        "courtyard": Set(courtyard.scene, courtyard.camera),
        "colonnade": Set(colonnade.scene, colonnade.camera),
        "tabletop": Set(tabletop.scene, tabletop.camera),
        "meadow": Set(meadow.scene, meadow.camera),
    }
)


@dataclass(frozen=True, slots=True)
class DemoFilm:
    """A film that is computed, frame by frame, in any order, always with the same pixels.

    ``scenes``: names from SCENES, one a shot. ``frames_per_shot``: each at least 1. ``rate``: frames per second. Motion
    goes by the clock, so another rate samples the same film. Raises ValueError for what cannot be meant.
    """

    width: int = 1280
    height: int = 720
    scenes: tuple[str, ...] = tuple(SCENES)
    frames_per_shot: int = 60
    rate: Fraction = Fraction(24000, 1001)

    def __post_init__(self) -> None:
        unknown = [name for name in self.scenes if name not in SCENES]
        if unknown or not self.scenes:
            raise ValueError(f"scenes {unknown or self.scenes} are not known; choose from {', '.join(SCENES)}")
        if min(self.width, self.height) < 16 or self.frames_per_shot < 1 or self.rate <= 0:
            raise ValueError(
                f"{self.width}x{self.height}, {self.frames_per_shot} frames a shot at {self.rate}: "
                "sizes are 16 or more, frames 1 or more, the rate above 0"
            )

    @property
    def frames(self) -> int:
        return len(self.scenes) * self.frames_per_shot

    @property
    def shots(self) -> tuple[Shot, ...]:
        step = self.frames_per_shot
        return tuple(Shot(k * step, (k + 1) * step) for k in range(len(self.scenes)))

    def scene(self, index: int) -> Scene:
        """The bodies, light and camera of frame ``index``. Raises IndexError outside the film."""
        if not 0 <= index < self.frames:
            raise IndexError(f"frame {index} of a film of {self.frames} frames")
        shot, frame = divmod(index, self.frames_per_shot)
        return SCENES[self.scenes[shot]].scene(float(frame / self.rate))

    def rgb(
        self, index: int, position: float = 0.0, strength: float = 2.5, zero_parallax: float = 0.4
    ) -> npt.NDArray[np.uint8]:
        """What the eye at ``position`` sees: uint8 RGB [H, W, 3], BT.709 gamma-encoded, full range.

        A surface point of depth d that the central camera has at x appears at x + position * disparity, disparity =
        strength / 100 * width * (d - zero_parallax) pixels: with depth affine in 1/Z, that is a parallel camera moved
        sideways (the 1/Z term) with a shifted sensor (the constant term). The frame is whole: nothing needs filling.
        """
        scene = self.scene(index)
        budget = strength / 100 * self.width
        far_term = 1 / scene.far
        per_inverse_metre = budget / (1 / scene.near - far_term)
        sideways = -position * per_inverse_metre / (scene.camera.focal * self.width)
        shift = -position * (per_inverse_metre * far_term + budget * zero_parallax)
        return picture(scene, self.width, self.height, sideways, shift)

    def depth(self, index: int) -> npt.NDArray[np.float32]:
        """True depth at the pixel centres of the central camera: float32 [H, W], 0..1, 1 = near, sky 0; affine in 1/Z."""
        scene = self.scene(index)
        inverse = 1 / distance_map(scene, self.width, self.height)
        depth = (inverse - 1 / scene.far) / (1 / scene.near - 1 / scene.far)
        return np.clip(depth, 0, 1).astype(np.float32)

    def pictures(self) -> Iterator[npt.NDArray[np.uint8]]:
        """All frames as the central camera sees them, in order; the next two are on their way meanwhile."""
        with ThreadPoolExecutor(2) as pool:
            coming: deque[Future[npt.NDArray[np.uint8]]] = deque()
            for index in range(self.frames):
                coming.append(pool.submit(self.rgb, index))
                if len(coming) > 2:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()

    def sound(self) -> npt.NDArray[np.float32]:
        """Stereo sound at 48 kHz, float32 [samples, 2], -1..1; a click begins at the first sample of each cut."""
        times = [float(frame / self.rate) for frame in range(self.frames_per_shot)]
        eye = np.array([[SCENES[name].camera(t).eye[0] for t in times] for name in self.scenes])
        spread = np.maximum(np.abs(eye - eye.mean(axis=1, keepdims=True)).max(axis=1, keepdims=True), 1e-6)
        pan = 0.8 * (eye - eye.mean(axis=1, keepdims=True)) / spread
        return soundtrack([shot.start for shot in self.shots], self.frames, self.rate, pan.ravel())

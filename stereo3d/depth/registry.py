"""The models we know by name: size, licence, hub id and architecture. Light: imports neither torch nor the hub client."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from stereo3d.errors import UsageError

__all__ = ["MODELS", "Architecture", "Choice", "ModelEntry", "choose"]

_NON_COMMERCIAL = "CC-BY-NC-4.0"


@dataclass(frozen=True, slots=True)
class Architecture:
    """A Depth-Anything network: a DINOv2 encoder of ``layers`` blocks and a DPT head.

    ``taps`` are the blocks (0-based) whose outputs the head reads; ``neck`` the channels of its four pyramid levels;
    ``fusion`` the channels of its fusion blocks. ``max_depth``: metres at the top of a metric head's range, or None
    for the relative models (inverse depth up to scale and shift). ``temporal``: frames of a window see one another.
    """

    name: str
    width: int
    layers: int
    heads: int
    taps: tuple[int, int, int, int]
    neck: tuple[int, int, int, int]
    fusion: int
    max_depth: float | None = None
    temporal: bool = False

    @property
    def label(self) -> str:
        """One word for identities: whatever changes the network's function is in it."""
        metric = "" if self.max_depth is None else f"-metric{self.max_depth:g}"
        family = "video-depth-anything" if self.temporal else "depth-anything"
        return f"{family}-{self.name}-taps{'.'.join(map(str, self.taps))}{metric}"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model with a name of its own. ``hub_id`` is None where there is nothing to fetch; ``hub_file`` names its weights
    there where the hub has no folder of the transformers library."""

    name: str
    title: str
    parameters_millions: float
    licence: str
    hub_id: str | None
    architecture: Architecture | None
    released: bool = True
    hub_file: str | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user must be told each time the model is chosen."""
        if self.licence != _NON_COMMERCIAL:
            return ()
        return (f"the weights of {self.title} are licensed {self.licence}: no commercial use",)


VITS = Architecture("vits", 384, 12, 6, (2, 5, 8, 11), (48, 96, 192, 384), 64)
VITB = Architecture("vitb", 768, 12, 12, (2, 5, 8, 11), (96, 192, 384, 768), 128)
VITL = Architecture("vitl", 1024, 24, 16, (4, 11, 17, 23), (256, 512, 1024, 1024), 256)


def _video(name: str, size: str, parameters_millions: float, licence: str, arch: Architecture) -> ModelEntry:
    """Video-Depth-Anything: the encoders and heads of Depth-Anything-V2, with attention over time in the head."""
    title = f"Video-Depth-Anything {size}"
    return ModelEntry(
        name=name,
        title=title,
        parameters_millions=parameters_millions,
        licence=licence,
        hub_id=f"depth-anything/Video-Depth-Anything-{size}",
        architecture=replace(arch, temporal=True),
        hub_file=f"video_depth_anything_{arch.name}.pth",
    )


MODELS: dict[str, ModelEntry] = {
    entry.name: entry
    for entry in (
        ModelEntry(
            "small", "Depth-Anything-V2 Small", 24.8, "Apache-2.0", "depth-anything/Depth-Anything-V2-Small-hf", VITS
        ),
        ModelEntry(
            "base", "Depth-Anything-V2 Base", 97.5, _NON_COMMERCIAL, "depth-anything/Depth-Anything-V2-Base-hf", VITB
        ),
        ModelEntry(
            "large",
            "Depth-Anything-V2 Large",
            335.3,
            _NON_COMMERCIAL,
            "depth-anything/Depth-Anything-V2-Large-hf",
            VITL,
        ),
        ModelEntry("giant", "Depth-Anything-V2 Giant", 1300.0, _NON_COMMERCIAL, None, None, released=False),
        ModelEntry("classic", "classic (no network, no weights)", 0.0, "Apache-2.0", None, None),
        _video("video-small", "Small", 29.0, "Apache-2.0", VITS),
        _video("video-base", "Base", 114.4, _NON_COMMERCIAL, VITB),
        _video("video-large", "Large", 384.4, _NON_COMMERCIAL, VITL),
    )
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a ``--model`` value means: exactly one of a known entry, a folder and a hub id."""

    entry: ModelEntry | None = None
    folder: Path | None = None
    hub_id: str | None = None


def choose(name: str) -> Choice:
    """What ``name`` means: a known name, an existing folder, or ``owner/name`` on the hub. Raises UsageError."""
    known = ", ".join(entry.name for entry in MODELS.values() if entry.released)
    entry = MODELS.get(name)
    if entry is not None:
        if not entry.released:
            raise UsageError(
                f"--model {name}: {entry.title} was announced, but its weights were never released",
                hint="large is the largest model that exists",
            )
        return Choice(entry=entry)
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return Choice(folder=folder)
    owner, slash, rest = name.partition("/")
    if slash and owner and rest and "/" not in rest and not name.startswith((".", "~")):
        known_id = next((entry for entry in MODELS.values() if entry.hub_id == name), None)
        return Choice(entry=known_id) if known_id else Choice(hub_id=name)
    if slash or name.startswith((".", "~")):
        raise UsageError(f"--model {name!r}: no such folder", hint=f"give {known}, a hub id (owner/name) or a folder")
    raise UsageError(f"--model {name!r} is not a known model", hint=f"give {known}, a hub id (owner/name) or a folder")

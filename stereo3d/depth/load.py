"""``load_model``: from what a user wrote to a model that is ready to run. Imports what is heavy only when called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stereo3d.depth.registry import ModelEntry, choose
from stereo3d.errors import UsageError

if TYPE_CHECKING:
    from stereo3d.depth.base import DepthModel
    from stereo3d.depth.depth_anything import Running

__all__ = ["load_model"]


def load_model(
    name: str = "small",
    *,
    weights: str | Path | None = None,
    device: str = "auto",
    dtype: str = "auto",
    batch: int | Literal["auto"] = "auto",
    depth_size: int | str | None = None,
    compiled: bool = False,
    progress: Callable[[int, int], None] | None = None,
    report: Callable[[str], None] | None = None,
) -> DepthModel:
    """A depth model by name: never another one than asked for.

    ``name``: small, base, large, video-small, video-base, video-large, classic, a hub id (owner/name) or a folder of the
    transformers library. ``weights``: a .pth or .safetensors file for a network with a name, instead of the local cache
    and the hub.
    ``device``: auto, cpu, mps, cuda or cuda:N. ``dtype``: auto, fp32, bf16 or fp16. ``batch``: pictures a call, 1..256.
    ``depth_size``: the short side that the network sees (518 if None), ``'924x518'``: as many pixels as that, or ``'auto'``:
    518, but no more pixels than a 16:9 picture has then.
    ``compiled``: through torch.compile, which takes minutes once and needs a compiler.
    ``progress``: called with (bytes so far, bytes of the file) during a download. ``report``: called with one line when
    a batch had to be halved or a wider number format was needed.

    Raises UsageError for a value that cannot be meant, WeightsError for weights that are absent, broken or of another
    network.
    """
    choice = choose(name)
    if weights is not None and (choice.entry is None or choice.entry.architecture is None):
        raise UsageError(
            f"--weights goes with --model small, base, large or video-..., not with {name!r}",
            hint="leave --weights out",
        )

    from stereo3d.depth.depth_anything import Running
    from stereo3d.depth.precision import choose_device, choose_precision
    from stereo3d.depth.preprocess import parse_depth_size

    where = choose_device(device)
    how = Running(where, choose_precision(dtype, where), parse_depth_size(depth_size), batch, report, compiled)
    if choice.entry is not None and choice.entry.architecture is None:
        from stereo3d.depth.classic import ClassicModel

        if report is not None and (depth_size not in (None, "auto") or dtype != "auto"):
            report(f"{choice.entry.name} is no network: depth-size and dtype do nothing for it")
        return ClassicModel(str(where))
    if choice.entry is not None:
        path = Path(weights).expanduser() if weights is not None else _cached_weights(choice.entry, progress)
        return _load_entry(choice.entry, path, how)
    if choice.folder is not None:
        return _load_folder(choice.folder, how, name)

    from stereo3d.depth.hub import fetch

    assert choice.hub_id is not None
    return _load_folder(fetch(choice.hub_id, progress), how, choice.hub_id)


def _cached_weights(entry: ModelEntry, progress: Callable[[int, int], None] | None) -> Path:
    from stereo3d.depth.hub import fetch, fetch_file, weight_files

    assert entry.hub_id is not None
    if entry.hub_file is not None:
        return fetch_file(entry.hub_id, entry.hub_file, progress)
    return weight_files(fetch(entry.hub_id, progress))[0]


def _load_entry(entry: ModelEntry, path: Path, how: Running) -> DepthModel:
    assert entry.architecture is not None
    if entry.architecture.temporal:
        from stereo3d.depth.video_depth import load_video_depth

        return load_video_depth(entry, path, how)

    from stereo3d.depth.depth_anything import load_depth_anything

    return load_depth_anything(entry.architecture, path, how, name=entry.name, licence=entry.licence, notes=entry.notes)


def _load_folder(folder: Path, how: Running, name: str) -> DepthModel:
    """Depth-Anything networks run in our own module (upstream's numbers, faster); all others in the library's."""
    from stereo3d.depth.depth_anything import load_depth_anything
    from stereo3d.depth.hub import licence_notes, licence_of, weight_files
    from stereo3d.depth.weights import architecture_of

    arch, files = architecture_of(folder), weight_files(folder)
    if arch is not None and len(files) == 1:
        licence = licence_of(folder)
        return load_depth_anything(arch, files[0], how, name=name, licence=licence, notes=licence_notes(licence))

    from stereo3d.depth.transformers_model import load_transformers

    return load_transformers(folder, how, name=name)

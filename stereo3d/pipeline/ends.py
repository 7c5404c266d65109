"""Whether the film's frames can stay on the device from the decoder to the encoder (tried once, each end on its own), and what
is copied where they cannot."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stereo3d.errors import Stereo3DError
from stereo3d.frames import PixelFormat
from stereo3d.media.device import nvdec_refusal
from stereo3d.media.encode import HARDWARE
from stereo3d.media.geometry import output_size
from stereo3d.media.trial import trial
from stereo3d.pipeline.recipe import Ends, Recipe
from stereo3d.render.pack import Packing, packed_format, packed_size

__all__ = ["Found", "device_bytes", "find_ends"]


@dataclass(frozen=True, slots=True)
class Found:
    """``notes``: one line for each end that goes over the host, none where the host computes anyway."""

    ends: Ends
    notes: tuple[str, ...] = ()


def find_ends(recipe: Recipe) -> Found:
    """Try NVDEC on the source's first frame and NVENC on black pictures, both on the recipe's device."""
    if recipe.place.type != "cuda":
        return Found(Ends())
    refusals = {"decoder": _decoder_refusal(recipe), "encoder": _encoder_refusal(recipe)}
    copies = "frames are copied through pinned memory"
    notes = tuple(
        f"the {end} does not share memory with the device ({why}): {copies}" for end, why in refusals.items() if why
    )
    return Found(Ends(not refusals["decoder"], not refusals["encoder"]), notes)


def _decoder_refusal(recipe: Recipe) -> str:
    refusal = nvdec_refusal(recipe.info, recipe.settings.picture.height)
    if refusal:
        return refusal
    try:
        with replace(recipe, ends=Ends(decode=True)).decoder() as decoder:
            next(decoder.batches(0, 1, batch=1))
            return decoder.fell_back
    except Stereo3DError as error:
        return error.message


def _encoder_refusal(recipe: Recipe) -> str:
    spec, settings = recipe.encoder, recipe.settings
    if spec.encoder not in {encoder.name for encoder in HARDWARE.values()}:
        return f"{spec.encoder} runs on the processor"
    if settings.paint.colormap is not None:
        return "depth is not encoded there"
    if recipe.goals:
        return "a wished size takes several passes"
    packing, video = Packing.of(settings), recipe.info.video
    width, height = packed_size(video.out_width, video.out_height, packing, video.format)
    return trial(spec, width, height, packed_format(video.format, packing.layout), device=recipe.place)


def device_bytes(recipe: Recipe, ends: Ends) -> int:
    """Bytes between host and device for a frame of a film in views; 0 where the host computes. A frame that the host decodes goes
    there for the views, and again for a network's depth; a packed picture that the host encodes comes back."""
    settings = recipe.settings
    if recipe.place.type == "cpu" or settings.paint.colormap is not None:
        return 0
    size, pixels = output_size(recipe.info.video, settings.picture.height), recipe.info.video.decoded_format
    packing = Packing.of(settings)
    packed = packed_size(*size, packing, pixels)
    down = 0 if ends.encode else _frame_bytes(packed_format(pixels, packing.layout), *packed)
    return (0 if ends.decode else (1 + recipe.network) * _frame_bytes(pixels, *size)) + down


def _frame_bytes(pixels: PixelFormat, width: int, height: int) -> int:
    planes = (pixels.plane_size(plane, width, height) for plane in range(1 if pixels.name.startswith("gray") else 3))
    return sum(across * down for across, down in planes) * pixels.dtype.itemsize

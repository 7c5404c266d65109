"""``--target-size``: what is left for the picture, and each segment's share of it."""

from __future__ import annotations

from dataclasses import asdict, replace
from math import log2
from pathlib import Path

from stereo3d.errors import UsageError
from stereo3d.files import read_json, write_json
from stereo3d.media.encode import ENCODERS, EncoderSpec
from stereo3d.media.info import MediaInfo
from stereo3d.media.mux import OutputPlan
from stereo3d.media.weigh import Weights, weigh
from stereo3d.plan.segments import Segment
from stereo3d.plan.sizes import segment_goals
from stereo3d.table import size_text

__all__ = ["film_goals", "size_losses", "sized_encoder"]

_LEAST = 1 / 32
"""Of an encoder's usual bits a pixel: with less, nobody would want to look at it."""
_OFF = 0.03


def film_goals(
    target: int, info: MediaInfo, output: OutputPlan, out: Path, plan: tuple[Segment, ...], kept: Path, fingerprint: str
) -> tuple[int, ...]:
    """Bytes for the pictures of each segment. ``kept``: where what one pass over the source found is kept.

    Raises UsageError where everything else leaves no room.
    """
    tracks = [stream.index for stream in (*info.audio, *info.others)]
    question = [fingerprint, out.suffix.lower(), tracks, output.audio_codec, str(output.span), len(output.timeline)]
    known = read_json(kept)
    try:
        weights = Weights(known["beside"], tuple(known["picture"])) if known["of"] == question else None
    except (KeyError, TypeError):
        weights = None
    if weights is None:
        weights = weigh(info, output, out)
        write_json(kept, {"of": question, **asdict(weights)})
    left = target - weights.beside
    if left <= 0:
        raise UsageError(
            f"--target-size {size_text(target)}: sound and everything else alone take {size_text(weights.beside)}",
            hint="ask for more, or take fewer tracks along with --audio and --subs",
        )
    return segment_goals(left, plan, weights.picture)


def sized_encoder(spec: EncoderSpec, goals: tuple[int, ...], pixels: int) -> EncoderSpec:
    """The encoder, with the quality at which the search begins. ``pixels``: of all the film's pictures.

    Raises UsageError where so few bits would be left for each that nothing could be seen.
    """
    encoder = ENCODERS[spec.codec]
    bits = 8 * sum(goals) / pixels
    if bits < _LEAST * encoder.bits:
        least = _LEAST * encoder.bits * pixels / 8
        raise UsageError(
            f"--target-size leaves {size_text(sum(goals))} for the picture, too little for its size and length",
            hint=f"it needs at least {size_text(least)}: ask for more, or use a half layout or a smaller --height",
        )
    worst = float(encoder.max_crf or 51)
    guess = encoder.crf + 6 * log2(encoder.bits / bits)
    return replace(spec, crf=round(min(max(guess, 4.0), worst - 4), 1))


def size_losses(target: int | None, actual: int) -> tuple[str, ...]:
    """A line where the output is not as large as it was to be."""
    if target is None or abs(actual / target - 1) <= _OFF:
        return ()
    why = "its pictures need no more at their best" if actual < target else "its pictures do not become smaller"
    return (f"--target-size {size_text(target)}: it is {size_text(actual)}, for {why}",)

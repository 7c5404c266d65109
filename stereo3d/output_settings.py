"""The options of what is written: encoder, tracks, and depth shown instead of views. The rest is in :mod:`stereo3d.settings`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["EncodeSettings", "Group", "PaintSettings", "TrackSettings", "parse_size"]

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?$", re.IGNORECASE)


def parse_size(value: object) -> int:
    """Bytes: ``8GB`` is 8,000,000,000, ``7.5GiB`` counts in powers of 1024, a bare number is bytes. Raises ValueError."""
    match = _SIZE.match(str(value).strip())
    if not match:
        raise ValueError("a size is a number and a unit, such as 8GB, 700MB or 7.5GiB")
    number, unit, binary = match.groups()
    return int(Decimal(number) * (1024 if binary else 1000) ** " KMGT".index(unit.upper() or " "))


Size = Annotated[int, BeforeValidator(parse_size)]


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class EncodeSettings(Group):
    """Encoder"""

    codec: Literal["h264", "hevc", "av1", "ffv1", "auto"] = Field("auto", description="video codec of the output")
    encoder: Literal["auto", "software", "nvenc"] = Field(
        "auto",
        description="who encodes: software, nvenc (NVIDIA's hardware), or auto (nvenc where a trial with this film's format works)",
    )
    crf: int | None = Field(
        None,
        ge=0,
        le=63,
        description="constant quality, lower is better; each codec has a sane default",
        json_schema_extra={"metavar": "N"},
    )
    target_size: Size | None = Field(
        None,
        gt=0,
        description="how large the whole output is to be, such as 8GB or 700MiB, instead of --crf: each segment is encoded until it "
        "has its share",
        json_schema_extra={"metavar": "SIZE"},
    )
    encoder_preset: str | None = Field(
        None,
        pattern=r"^[a-z0-9]{1,12}$",
        description="the encoder's own speed preset (x264, x265: ultrafast..placebo; SVT-AV1: 0..13; NVENC: p1..p7)",
        json_schema_extra={"metavar": "P"},
    )
    frame_packing_sei: bool = Field(
        False,
        description="say inside the pictures, too, how the eyes are packed (h264, hevc): for televisions that look only there; "
        "FFmpeg 9's command then fails to filter the film",
    )
    depth_codec: Literal["hevc", "ffv1"] = Field(
        "hevc", description="how grey depth is written: hevc (12 bit, small) or ffv1 (16 bit, exact, 20 times as large)"
    )


class TrackSettings(Group):
    """Tracks"""

    audio: str = Field(
        "all",
        pattern=r"^[A-Za-z0-9-]+(,[A-Za-z0-9-]+)*$",
        description="sound tracks to take along: all, none, or numbers (from 1) and languages, such as 1,eng",
        json_schema_extra={"metavar": "N|LANG,.."},
    )
    subs: str = Field(
        "all",
        pattern=r"^[A-Za-z0-9-]+(,[A-Za-z0-9-]+)*$",
        description="subtitle tracks to take along: all, none, or numbers (from 1) and languages",
        json_schema_extra={"metavar": "N|LANG,.."},
    )
    subs_3d: bool = Field(
        True,
        description="beside each text subtitle put a track that is drawn for both eyes, in front of what is there (Matroska, side by side and "
        "over-under); players choose it only when told to",
    )
    audio_codec: Literal["copy", "aac", "ac3", "eac3", "opus", "flac"] = Field(
        "copy",
        description="what sound becomes that the output's container cannot hold as it is; copy: it is left out. All other sound is "
        "copied",
    )


class PaintSettings(Group):
    """Depth instead of views"""

    colormap: Literal["none", "jet", "turbo", "viridis", "inferno", "magma", "plasma", "cividis", "bone"] | None = (
        Field(
            None,
            description="none: grey depth, to render from; for people a film in colours: jet, turbo, viridis, inferno, magma, "
            "plasma, cividis or bone",
            json_schema_extra={"metavar": "NAME"},
        )
    )

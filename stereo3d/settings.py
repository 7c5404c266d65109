"""Every option once: type, unit, bounds, default and help.

The command line, the YAML presets and docs/reference are generated from these groups; a segment's key is the hash of
the groups that its pixels depend on (all but :class:`RunSettings`). Option names are unique over the groups, so a preset
is one flat mapping: ``strength: 2.5``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    field_validator,
    model_validator,
)

from stereo3d.errors import UsageError
from stereo3d.layouts import LAYOUTS

__all__ = [
    "DepthSettings",
    "EncodeSettings",
    "LayoutSettings",
    "PaintSettings",
    "RunSettings",
    "Settings",
    "TimeSettings",
    "TrackSettings",
    "ViewSettings",
    "parse_time",
]

_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)$")


def parse_time(value: object) -> Fraction:
    """Seconds, or ``[HH:]MM:SS[.mmm]``, as an exact number of seconds >= 0. Raises ValueError."""
    match = _TIME.match(str(value).strip())
    if not match:
        raise ValueError("a time is seconds or [HH:]MM:SS[.mmm]")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds)


def _decimal(value: Fraction) -> str:
    """A time as it was typed: every time that :func:`parse_time` gives is a finite decimal."""
    return str(Decimal(value.numerator) / Decimal(value.denominator))


Time = Annotated[Fraction, BeforeValidator(parse_time), PlainSerializer(_decimal)]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DepthSettings(_Group):
    """Depth"""

    model: str = Field(
        "small",
        min_length=1,
        description="depth model: small, base, large, giant, video-small, -base or -large, classic, a hub id (owner/name) or a folder",
        json_schema_extra={"metavar": "NAME"},
    )
    weights: str | None = Field(
        None,
        description="checkpoint for a model with a name: official .pth, or .safetensors",
        json_schema_extra={"metavar": "FILE"},
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="where depth and views are computed: auto, cpu, mps, cuda or cuda:N",
        json_schema_extra={"metavar": "D"},
    )
    batch: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = Field(
        "auto", description="frames a call of the depth model, 1..256, or auto", json_schema_extra={"metavar": "N"}
    )
    depth_size: str = Field(
        "auto",
        pattern=r"^(auto|\d{3,4}|\d{2,5}x\d{2,5})$",
        description="what the network sees: its short side, 112..2044, as many pixels as WxH, or auto (518, at most 924x518)",
        json_schema_extra={"metavar": "N|WxH", "unit": "pixels"},
    )
    dtype: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="number format of the network's encoder; auto suits the device"
    )

    compile: Literal["auto", "on", "off"] = Field(
        "auto",
        description="compile the network for this machine first; auto: on a CUDA device, for a film that is long enough, if it is "
        "faster",
    )

    @field_validator("depth_size", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """A preset may hold a bare number."""
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    depth_from: str | None = Field(
        None,
        min_length=1,
        description="take the depth from a depth film or a folder of grey pictures; no model is run",
        json_schema_extra={"metavar": "FILE"},
    )
    depth_invert: bool = Field(False, description="in --depth-from black is near")


class ViewSettings(_Group):
    """3D effect"""

    strength: float = Field(
        2.5,
        ge=0,
        le=15,
        description="the whole depth budget, in % of one eye's width, 0..15",
        json_schema_extra={"metavar": "PCT", "unit": "% of one eye's width"},
    )
    zero_parallax: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] = Field(
        "auto",
        description="the depth that lies on the screen, 0 (far) .. 1 (near), or auto",
        json_schema_extra={"metavar": "Z"},
    )


class LayoutSettings(_Group):
    """Picture"""

    layout: str = Field(
        "sbs-full",
        description=f"how the two views are packed: {', '.join(LAYOUTS)}",
        json_schema_extra={"metavar": "NAME"},
    )
    swap_eyes: bool = Field(False, description="put the right eye first")
    fov: float = Field(
        90,
        ge=20,
        le=150,
        description="vr180: how much of the half sphere the picture spans from left to right, 20..150",
        json_schema_extra={"metavar": "DEG", "unit": "degrees"},
    )
    canvas: str | None = Field(
        None,
        pattern=r"^(\d{2,5}x\d{2,5}|\d{1,4}(\.\d+)?:\d{1,4}(\.\d+)?)$",
        description="pad each eye with black to WxH pixels, or to an aspect such as 16:9",
        json_schema_extra={"metavar": "WxH|16:9"},
    )
    bars: Literal["keep", "crop", "off"] = Field(
        "keep",
        description="black bars: keep out of the 3D effect and put back, crop where the whole film has them, or off (as picture)",
    )
    deinterlace: Literal["frame", "field", "off"] = Field(
        "frame",
        description="an interlaced source becomes a frame for each frame, or for each field (twice as many, smoother), or stays as it is",
    )
    sdr: bool = Field(
        False, description="make an SDR film of an HDR one (BT.709, 8 bit), tone-mapped after ITU-R BT.2390"
    )
    height: int | None = Field(
        None,
        ge=64,
        le=8192,
        description="scale the source to this many rows before the canvas (aspect kept)",
        json_schema_extra={"metavar": "N", "unit": "pixels"},
    )

    @field_validator("layout")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in LAYOUTS:
            raise ValueError("no such layout")
        return value

    @model_validator(mode="after")
    def _has_eyes(self) -> Self:
        if self.swap_eyes and LAYOUTS[self.layout].depth:
            raise ValueError(f"--swap-eyes does not go with --layout {self.layout}, which has no eyes")
        return self


class TimeSettings(_Group):
    """Part and rate"""

    start: Time | None = Field(
        None, description="begin here: seconds or [HH:]MM:SS[.mmm]", json_schema_extra={"metavar": "T"}
    )
    end: Time | None = Field(
        None, description="stop before this: seconds or [HH:]MM:SS[.mmm]", json_schema_extra={"metavar": "T"}
    )
    max_fps: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="drop frames by time where the source is faster",
        json_schema_extra={"metavar": "N", "unit": "frames/s"},
    )


class EncodeSettings(_Group):
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


class TrackSettings(_Group):
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
    audio_codec: Literal["copy", "aac", "ac3", "eac3", "opus", "flac"] = Field(
        "copy",
        description="what sound becomes that the output's container cannot hold as it is; copy: it is left out. All other sound is "
        "copied",
    )


class PaintSettings(_Group):
    """Depth instead of views"""

    colormap: Literal["none", "jet", "turbo", "viridis", "inferno", "magma", "plasma", "cividis", "bone"] | None = (
        Field(
            None,
            description="none: grey depth, to render from; for people a film in colours: jet, turbo, viridis, inferno, magma, "
            "plasma, cividis or bone",
            json_schema_extra={"metavar": "NAME"},
        )
    )


class RunSettings(_Group):
    """Running"""

    restart: bool = Field(False, description="throw away what an earlier run of this output left")
    overwrite: bool = Field(False, description="replace an OUTPUT that already exists")
    name_for: Literal["kodi", "jellyfin", "skybox", "deovr", "pigasus", "all"] | None = Field(
        None,
        description="name the output (where -o does not) so that this player, or all of them, know it as 3D; by default a short name "
        "for Kodi, Jellyfin and SKYBOX",
        json_schema_extra={"metavar": "PLAYER"},
    )
    keep_depth: bool = Field(False, description="keep the depth beside OUTPUT, as OUTPUT's name with .depth.mkv")
    keep_work: bool = Field(False, description="keep the work folder after success")
    progress: Literal["auto", "rich", "plain", "json", "none"] = Field(
        "auto", description="how progress is shown, on stderr"
    )


class Settings(_Group):
    """All settings of one conversion, grouped by what they touch."""

    depth: DepthSettings = DepthSettings()
    view: ViewSettings = ViewSettings()
    picture: LayoutSettings = LayoutSettings()
    time: TimeSettings = TimeSettings()
    encode: EncodeSettings = EncodeSettings()
    tracks: TrackSettings = TrackSettings()
    paint: PaintSettings = PaintSettings()
    run: RunSettings = RunSettings()

    @field_validator("time")
    @classmethod
    def _ordered(cls, value: TimeSettings) -> TimeSettings:
        if value.start is not None and value.end is not None and value.end <= value.start:
            raise ValueError(f"end ({value.end} s) must come after start ({value.start} s)")
        return value

    @classmethod
    def groups(cls) -> dict[str, type[BaseModel]]:
        """Group name -> group class, in the order of ``--help``."""
        return {name: type(field.default) for name, field in cls.model_fields.items()}

    @classmethod
    def from_flat(cls, options: Mapping[str, Any], *, where: str = "") -> Self:
        """Settings from a flat mapping (dashes or underscores). ``where`` names the mapping in errors.

        Raises UsageError for an unknown name and for a value out of its type or bounds.
        """
        home = {option: group for group, kind in cls.groups().items() for option in kind.model_fields}
        nested: dict[str, dict[str, Any]] = {}
        for name, value in options.items():
            option = str(name).replace("-", "_")
            if option not in home:
                known = ", ".join(sorted(o.replace("_", "-") for o in home))
                raise UsageError(f"{where}unknown option {str(name)!r}", hint=f"the options are: {known}")
            nested.setdefault(home[option], {})[option] = value
        try:
            return cls.model_validate(nested)
        except ValidationError as error:
            raise _usage_error(error, where) from None

    def to_flat(self) -> dict[str, Any]:
        """The flat mapping of all options, JSON-ready."""
        return {k: v for group in self.model_dump(mode="json").values() for k, v in group.items()}


def _usage_error(error: ValidationError, where: str) -> UsageError:
    """One line for the first thing that is wrong: option, value, what is allowed."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"] if isinstance(part, str)]
    if len(path) < 2:
        return UsageError(f"{where}{first['msg'].removeprefix('Value error, ')}")
    group, option = path[0], path[1]
    field = Settings.groups()[group].model_fields.get(option)
    allowed = (field.description or "") if field else ""
    complaints = " or ".join(
        dict.fromkeys(
            e["msg"].removeprefix("Value error, ")
            for e in error.errors()
            if e["loc"][: len(path[:2])] == first["loc"][:2]
        )
    )
    return UsageError(
        f"{where}--{option.replace('_', '-')} {first['input']!r}: {complaints[0].lower() + complaints[1:]}",
        hint=f"{option.replace('_', '-')} is {allowed}" if allowed else "",
    )

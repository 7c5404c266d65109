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
    Field,
    PlainSerializer,
    ValidationError,
    field_validator,
    model_validator,
)

from stereo3d.errors import UsageError
from stereo3d.layouts import LAYOUTS
from stereo3d.output_settings import EncodeSettings, Group, PaintSettings, TrackSettings

__all__ = [
    "SCREENS",
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

# Metres. A 65-inch television; a virtual screen 67 degrees wide, three metres away; that of a small cinema.
SCREENS = {"tv": 1.44, "headset": 4.0, "cinema": 10.0}

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


class DepthSettings(Group):
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
        pattern=r"^(auto|mps|cpu(,cpu)*|cuda(:\d+)?|cuda:all|cuda:\d+(,cuda:\d+)+)$",
        description="where depth and views are computed: auto, cpu, mps, cuda, cuda:N, or on several at once, each in a process of its "
        "own: cuda:all, cuda:0,cuda:1 or cpu,cpu",
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
    steady: Literal["off", "range", "motion"] = Field(
        "motion",
        description="depth from frame to frame: motion (scale and shift, then pixels along the motion), range (scale and shift "
        "only) or off (as the network gives it, one range a shot)",
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


class ViewSettings(Group):
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
        description="the depth that lies on the screen, 0 (far) .. 1 (near), or auto: it follows each shot's subject",
        json_schema_extra={"metavar": "Z"},
    )
    synthetic_view: Literal["both", "left", "right"] = Field(
        "both",
        description="the eyes whose pictures are made: both by half each, or one, and the other sees the source itself",
    )
    screen_width: Literal["any", "tv", "headset", "cinema"] | Annotated[float, Field(ge=0.02, le=100)] = Field(
        "any",
        description="limit the strength for a screen of this many metres, 0.02..100, or tv (1.44), headset (4) or cinema (10)",
        json_schema_extra={"metavar": "M|NAME", "unit": "metres"},
    )
    eye_distance: float = Field(
        63,
        ge=40,
        le=80,
        description="between the viewer's eyes, 40..80: no point lies farther behind the screen (children: 50)",
        json_schema_extra={"metavar": "MM", "unit": "millimetres"},
    )
    window: Literal["soften", "float", "off"] = Field(
        "soften",
        description="near things cut by the frame's sides: soften (less pop-out there), float (the frame comes forward) or off",
    )
    credits: Literal["flat", "deep"] = Field("flat", description="credits and title cards, found by themselves")
    fill: Literal["auto", "spatial", "temporal"] = Field(
        "auto",
        description="what the shift uncovers is taken from frames around that show it (temporal), or made up from beside it "
        "(spatial); auto: temporal, but not with classic",
    )


class LayoutSettings(Group):
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


class TimeSettings(Group):
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


class RunSettings(Group):
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
    wait: bool = Field(True, description="at a full disk wait for room (--no-wait: stop, resumable)")
    recursive: bool = Field(False, description="of a folder take the films below it, too")
    stop_after: Time | None = Field(
        None,
        description="stop, resumable, after so long: seconds or [HH:]MM:SS",
        json_schema_extra={"metavar": "T", "unit": "seconds"},
    )
    done_by: str | None = Field(
        None,
        pattern=r"^([01]?\d|2[0-3]):[0-5]\d$",
        description="of small, base and large choose the largest that will be ready at this time of the day, by its measured speed",
        json_schema_extra={"metavar": "HH:MM"},
    )
    watch: bool = Field(
        True,
        description="work in a process that is watched, and replaced where it hangs or crashes (--no-watch: in this one)",
    )
    verify: Literal["packets", "full"] = Field(
        "packets",
        description="how the finished film is read back: packets (every packet and time is compared) or full (it is decoded, too)",
    )
    report: Literal["html", "json", "none"] = Field(
        "html",
        description="beside OUTPUT: html (a page to look at, and the record), json (the record: later runs take from it what can "
        "stay) or none",
    )
    hang_limit: Literal["auto"] | Annotated[float, Field(ge=5, le=86400)] = Field(
        "auto",
        description="how long nothing may move before it is a hang, 5..86400; auto follows the measured speed, from 120 on",
        json_schema_extra={"metavar": "S", "unit": "seconds"},
    )
    cluster: str | None = Field(
        None,
        pattern=r"^(auto|.+:\d{1,5})$",
        description="build the segments on the machines of a Ray cluster: its address (host:port), or auto for the one that this "
        "machine belongs to; needs stereo3d[ray]",
        json_schema_extra={"metavar": "auto|ADDRESS"},
    )
    trace: str | None = Field(
        None,
        min_length=1,
        description="write down when each stage did what, for Perfetto (ui.perfetto.dev) and other viewers of trace files",
        json_schema_extra={"metavar": "FILE"},
    )
    dry_run: bool = Field(False, description="say what would be done, kept and needed, and do nothing")
    progress: Literal["auto", "rich", "plain", "json", "none"] = Field(
        "auto", description="how progress is shown, on stderr"
    )


class Settings(Group):
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
    def home(cls) -> dict[str, str]:
        """Option -> name of the group that holds it."""
        return {option: group for group, kind in cls.groups().items() for option in kind.model_fields}

    @classmethod
    def from_flat(cls, options: Mapping[str, Any], *, where: str = "") -> Self:
        """Settings from a flat mapping (dashes or underscores). ``where`` names the mapping in errors.

        Raises UsageError for an unknown name and for a value out of its type or bounds.
        """
        home = cls.home()
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


# Where pydantic's words are for programmers; what is allowed is in the hint.
_COMPLAINTS = {"string_pattern_mismatch": "it is not of that form", "string_too_short": "it is empty"}


def _usage_error(error: ValidationError, where: str) -> UsageError:
    """One line for the first thing that is wrong: option, value, what is allowed."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"] if isinstance(part, str)]
    if len(path) < 2:
        return UsageError(f"{where}{first['msg'].removeprefix('Value error, ')}")
    group, option = path[0], path[1]
    field = Settings.groups()[group].model_fields.get(option)
    flag = "--" + option.replace("_", "-")
    extra = field.json_schema_extra if field and isinstance(field.json_schema_extra, dict) else {}
    complaints = " or ".join(
        dict.fromkeys(_complaint(e["type"], e["msg"]) for e in error.errors() if e["loc"][:2] == first["loc"][:2])
    )
    return UsageError(
        f"{where}{flag} {first['input']!r}: {complaints}",
        hint=f"{flag} {extra.get('metavar', '')}".rstrip() + f": {field.description}" if field else "",
    )


def _complaint(kind: str, message: str) -> str:
    message = message.removeprefix("Value error, ")
    return _COMPLAINTS.get(kind, message[0].lower() + message[1:])

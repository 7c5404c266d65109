"""Subtitles in ASS for two eyes that share one picture. Text to text; neither FFmpeg nor files.

A script's coordinates are those of its own screen (PlayRes). The script for both eyes gets a screen of two such ones, side by side or
one above the other; so each eye keeps the coordinates it had, moved by its place and half of the parallax, and what a player does by
itself (breaking lines, stacking what would overlap) it does in each eye alike. In half layouts the screen is squeezed: letters,
whose size follows its height alone, are stretched against that; outlines follow both sides by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

__all__ = ["Box", "Event", "Eyes", "Script"]

_DEFAULT_SCREEN = (384, 288)
_FINE = 5
"""FFmpeg gives other text subtitles a screen of 384x288, too coarse for parallax: it is made so many times finer."""
_LEGACY = {1: 1, 2: 2, 3: 3, 5: 7, 6: 8, 7: 9, 9: 4, 10: 5, 11: 6}
_BLOCK = re.compile(r"\{[^{}]*\}")
_NUMBER = r"[+-]?\d*\.?\d+"
_TAG = re.compile(
    r"\\(?P<place>pos|move|org|i?clip)\s*\((?P<list>[^()]*)\)"
    rf"|\\(?P<size>fscx|fsp|fs|[xy]?bord|[xy]?shad|pbo)(?P<value>{_NUMBER})?(?![a-z(])"
)
_SCALED = ("Fontsize", "Spacing", "Outline", "Shadow", "MarginL", "MarginR", "MarginV")
_WIDE, _LINE = 0.5, 1.2  # a letter's width and a line's height, in font sizes, about


@dataclass(frozen=True, slots=True)
class Eyes:
    """How two eyes lie in a picture of ``size`` (width, height): ``beside`` one another or one above the other. ``stretch``: how much
    wider letters must be drawn for the same height. ``right_first``: the first one is the right eye."""

    size: tuple[int, int]
    beside: bool
    stretch: Fraction = Fraction(1)
    right_first: bool = False

    @property
    def aspect(self) -> float:
        """Of one eye as it is shown."""
        width, height = self.size
        eye = width / 2 / height if self.beside else 2 * width / height
        return eye / float(self.stretch)


@dataclass(frozen=True, slots=True)
class Box:
    """Where a text is, about, in shares of an eye's width and height."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Event:
    """A dialogue line as Matroska and FFmpeg have it. ``margins``: left, right, vertical; 0: the style's."""

    layer: str
    style: str
    name: str
    margins: tuple[int, int, int]
    effect: str
    text: str

    @classmethod
    def parse(cls, line: str) -> Event:
        """``ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text``. Raises ValueError."""
        _, layer, style, name, left, right, vertical, effect, text = line.split(",", 8)
        return cls(layer, style, name, (_whole(left), _whole(right), _whole(vertical)), effect, text)

    def line(self, order: int) -> str:
        margins = ",".join(map(str, self.margins))
        return f"{order},{self.layer},{self.style},{self.name},{margins},{self.effect},{self.text}"


@dataclass(frozen=True, slots=True)
class _Style:
    alignment: int
    size: float
    margins: tuple[int, int, int]


class Script:
    """A script's header, and what it makes of events. Raises ValueError where it has no styles of version 4+."""

    def __init__(self, header: str, height: int, *, own: bool) -> None:
        """``height``: rows of the film's picture. ``own``: it is the film's header, not one that FFmpeg gives to plain text."""
        if "[V4+ Styles]" not in header:
            raise ValueError("no styles of ASS")
        self._head, self._sections = header.split("[V4+ Styles]", 1)
        self._fine = 1 if own else _FINE
        self._screen = self._play_res()
        # Outlines count in rows of the picture unless the script says that they grow with its screen; here they always do.
        rows = int((re.findall(r"^LayoutResY:\s*(\d+)", self._head, re.MULTILINE) or [0])[0]) or height
        scaled = re.search(r"^ScaledBorderAndShadow:\s*yes", self._head, re.MULTILINE | re.IGNORECASE)
        self._edge = self._fine * (1.0 if scaled else self._screen[1] / rows)
        columns = re.search(r"^Format:\s*(.*Alignment.*)$", self._sections, re.MULTILINE)
        if columns is None:
            raise ValueError("no columns of styles")
        self._columns = [name.strip() for name in columns[1].split(",")]
        self._styles = {line[0].lstrip("*"): self._style(line) for line in self._style_lines()}

    def _play_res(self) -> tuple[int, int]:
        found = dict(re.findall(r"^PlayRes([XY]):\s*(\d+)", self._head, re.MULTILINE))
        width, height = int(found.get("X", 0)), int(found.get("Y", 0))
        if not width and not height:
            return _DEFAULT_SCREEN
        # As VSFilter guesses what is not said.
        return width or (1280 if height == 1024 else height * 4 // 3), height or (
            1024 if width == 1280 else width * 3 // 4
        )

    def _style_lines(self) -> Iterator[list[str]]:
        for line in re.findall(r"^Style:\s*(.*)$", self._sections, re.MULTILINE):
            fields = [field.strip() for field in line.split(",", len(self._columns) - 1)]
            if len(fields) == len(self._columns):
                yield fields

    def _style(self, fields: list[str]) -> _Style:
        value = dict(zip(self._columns, fields, strict=True))
        left, right, vertical = (_whole(value.get(f"Margin{side}", "")) for side in "LRV")
        return _Style(_whole(value["Alignment"]) or 2, _real(value.get("Fontsize", "")), (left, right, vertical))

    def header(self, eyes: Eyes) -> str:
        """For both eyes."""
        head = re.sub(r"^(PlayRes[XY]|LayoutRes[XY]|ScaledBorderAndShadow):.*\n?", "", self._head, flags=re.MULTILINE)
        width, height = (side * self._fine for side in self._screen)
        screen = (2 * width, height) if eyes.beside else (width, 2 * height)
        lines = [
            f"{name}{axis}: {side}"
            for name, sides in (("PlayRes", screen), ("LayoutRes", eyes.size))
            for axis, side in zip("XY", sides, strict=True)
        ]
        styles = re.sub(r"^Style:\s*(.*)$", lambda m: self._styled(m, eyes), self._sections, flags=re.MULTILINE)
        lines = [head.rstrip(), "ScaledBorderAndShadow: yes", *lines, "", "[V4+ Styles]"]
        return "\n".join(lines) + styles

    def _styled(self, match: re.Match[str], eyes: Eyes) -> str:
        fields = [field.strip() for field in match[1].split(",", len(self._columns) - 1)]
        if len(fields) != len(self._columns):
            return match[0]
        for place, name in enumerate(self._columns):
            if name == "ScaleX":
                fields[place] = _text(_real(fields[place]) * float(eyes.stretch))
            elif name in _SCALED:
                factor = self._edge if name in ("Outline", "Shadow") else self._fine
                fields[place] = _text(_real(fields[place]) * factor)
        return "Style: " + ",".join(fields)

    def box(self, event: Event, eyes: Eyes) -> Box:
        """Where an event is seen, about."""
        style = self._of(event.style)
        width, height = self._screen
        lines = [_BLOCK.sub("", line) for line in re.split(r"\\[Nn]", event.text)]
        wide = max(map(len, lines)) * style.size * _WIDE / height / eyes.aspect
        rows = sum(max(1, ceil(len(line) * style.size * _WIDE / height / eyes.aspect)) for line in lines)
        across, high = min(wide, 1.0) / 2, min(rows * style.size * _LINE / height, 1.0)
        left, right, vertical = (own or usual for own, usual in zip(event.margins, style.margins, strict=True))
        column, row = (self._alignment(event) - 1) % 3, (self._alignment(event) - 1) // 3
        places = [
            (x / width, y / height)
            for match in _TAG.finditer(event.text)
            if match["place"] in ("pos", "move")
            for x, y in _pairs(match["list"])[:2]
        ]
        if not places:
            x = (left / width, (left + width - right) / 2 / width, 1 - right / width)[column]
            places = [(x, (1 - vertical / height, 0.5, vertical / height)[row])]
        xs = [x + (across, 0.0, -across)[column] for x, _ in places]
        ys = [y + (-high / 2, 0.0, high / 2)[row] for _, y in places]
        return Box(min(xs) - across, min(ys) - high / 2, max(xs) + across, max(ys) + high / 2)

    def both(self, event: Event, eyes: Eyes, parallax: float) -> tuple[Event, Event]:
        """An event for the first and the second eye of the picture. ``parallax``: % of an eye's width in front of the screen."""
        width = self._screen[0] * self._fine
        # In whole units, for margins know no others; rather too near than behind what is nearest.
        units = ceil(parallax / 100 * width - 1e-6)
        return self._one(event, eyes, 0, units), self._one(event, eyes, 1, units)

    def _of(self, name: str) -> _Style:
        return self._styles.get(name.lstrip("*")) or next(iter(self._styles.values()), _Style(2, 16, (10, 10, 10)))

    def _alignment(self, event: Event) -> int:
        found = re.search(r"\\an([1-9])", event.text)
        if found:
            return int(found[1])
        old = re.search(r"\\a(\d+)", event.text)
        return _LEGACY.get(int(old[1]), 2) if old else self._of(event.style).alignment

    def _one(self, event: Event, eyes: Eyes, second: int, units: int) -> Event:
        width, height = (side * self._fine for side in self._screen)
        style = self._of(event.style)
        usual = zip(event.margins, style.margins, strict=True)
        left, right, vertical = ((own or other) * self._fine for own, other in usual)
        is_left = bool(second) == eyes.right_first
        forward = units if is_left else -units
        left, right = left + max(forward, 0), right + max(-forward, 0)
        alignment = self._alignment(event)
        column, row = (alignment - 1) % 3, (alignment - 1) // 3
        off = (second * width, 0) if eyes.beside else (0, second * height)
        text = _BLOCK.sub(lambda block: self._moved(block[0], eyes, (off[0] + forward / 2, off[1])), event.text)
        prefix = ""
        if re.search(r"\\(pos|move)\s*\(", text):
            corner = off[0] + width, off[1] + height
            prefix += "" if "clip" in text else f"\\clip({off[0]},{off[1]},{corner[0]},{corner[1]})"
        elif row == 1 and not eyes.beside:
            x = (left, (left + width - right) / 2, width - right)[column]
            prefix += f"\\pos({_text(x)},{_text(off[1] + height / 2)})"
        elif eyes.beside:
            left, right = left + second * width, right + (1 - second) * width
        else:
            vertical += height * (second if row == 2 else 1 - second)
        margins = (max(1, left), max(1, right), max(1, vertical))
        effect = "" if event.effect.startswith(("Banner", "Scroll")) else event.effect
        return replace(event, margins=margins, effect=effect, text=("{" + prefix + "}" if prefix else "") + text)

    def _moved(self, block: str, eyes: Eyes, off: tuple[float, float]) -> str:
        """A block of tags, its places moved and its sizes fitted to the screen."""
        stretch = float(eyes.stretch)

        def new(match: re.Match[str]) -> str:
            if match["place"]:
                return f"\\{match['place']}({_moved_list(match['place'], match['list'], self._fine, off)})"
            name, value = match["size"], match["value"]
            if value is None or (name == "fs" and value[0] in "+-"):
                return match[0]
            edge = self._edge if name.endswith(("bord", "shad")) else self._fine
            return f"\\{name}{_text(float(value) * (stretch if name == 'fscx' else edge))}"

        return _TAG.sub(new, block)


def _moved_list(name: str, words: str, fine: int, off: tuple[float, float]) -> str:
    """The arguments of pos, move, org and clip, as far as they are places."""
    if "clip" in name and not re.fullmatch(rf"\s*{_NUMBER}\s*(,\s*{_NUMBER}\s*){{3}}", words):
        scale, _, drawing = words.rpartition(",")
        finer = 1 << max(0, (_whole(scale) or 1) - 1)
        places = iter(range(len(drawing)))

        def shifted(match: re.Match[str]) -> str:
            return _text((float(match[0]) * fine) + off[next(places) % 2] * finer)

        return (scale + "," if scale else "") + re.sub(_NUMBER, shifted, drawing)
    values = words.split(",")
    count = 2 if name in ("pos", "org") else 4
    moved = [_text(_real(v) * fine + off[n % 2]) for n, v in enumerate(values[:count])]
    return ",".join([*moved, *values[count:]])


def _pairs(words: str) -> list[tuple[float, float]]:
    values = [_real(word) for word in words.split(",")]
    return list(zip(values[::2], values[1::2], strict=False))


def _whole(text: str) -> int:
    return int(_real(text))


def _real(text: str) -> float:
    match = re.match(rf"\s*({_NUMBER})", text)
    return float(match[1]) if match else 0.0


def _text(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")

"""``OUTPUT.shots.yaml``: other settings for some shots, written by the user beside the output.

::

    shot 132: strength 1.2
    shots 1-3, 7: flat
    shots 40-55:
      model: large
      zero-parallax: 0.4

Shots are numbered as ``stereo3d shots`` lists them; what stands further down wins.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from stereo3d.errors import UsageError
from stereo3d.frames import Shot
from stereo3d.plan.overrides import FLAT, InForce, Overrides, flat_view
from stereo3d.settings import Settings, ViewSettings

__all__ = [
    "SHOTS",
    "SHOT_OPTIONS",
    "Rule",
    "in_force",
    "overrides_of",
    "own_options",
    "read_rules",
    "rules_in",
    "rules_json",
    "shots_file_of",
    "shots_text",
]

SHOTS = re.compile(r"shots?\s+(\d+(?:\s*-\s*\d+)?(?:\s*,\s*\d+(?:\s*-\s*\d+)?)*)$", re.IGNORECASE)
_EXAMPLES = "write lines such as 'shot 132: strength 1.2' or 'shots 1-3: flat'"
# Whether credits are looked for is a matter of the whole film.
SHOT_OPTIONS = (*(name for name in ViewSettings.model_fields if name != "credits"), "model", FLAT)
"""What a shot can have of its own."""
_ALLOWED = tuple(name.replace("_", "-") for name in SHOT_OPTIONS)


@dataclass(frozen=True, slots=True)
class Rule:
    """One option of one line, for shots first..last (from 1). ``option``: a name of ViewSettings, ``model`` or ``flat``."""

    line: int
    first: int
    last: int
    option: str
    value: str


def shots_file_of(output: Path) -> Path:
    """``film.3D.SBS.mkv.shots.yaml`` beside the output."""
    return output.with_name(output.name + ".shots.yaml")


def read_rules(path: Path) -> tuple[Rule, ...]:
    """What the file says; nothing where there is none. Raises UsageError that names the line."""
    return rules_in(shots_text(path), path)


def shots_text(path: Path) -> str:
    """The file's text; nothing where there is none. Raises UsageError."""
    if not os.access(path.parent, os.X_OK):
        return ""  # no place for an output, which is said elsewhere
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(
            f"{path} cannot be read: {reason}", hint="it is a text file of one line for each shot"
        ) from None


def rules_in(text: str, path: Path) -> tuple[Rule, ...]:
    """What such a text says. ``path``: its file, for errors. Raises UsageError that names the line."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _wrong(path, line, error.problem or "this is not YAML") from None
    except yaml.YAMLError as error:
        raise _wrong(path, 1, " ".join(str(error).split())) from None
    if root is None:
        return ()
    if not isinstance(root, yaml.MappingNode):
        raise _wrong(path, root.start_mark.line + 1, "there must be 'shot N: ...' lines")
    return tuple(rule for key, value in root.value for rule in _rules(path, key, value))


def rules_json(rules: Sequence[Rule]) -> list[list[object]]:
    """As they are written down with a job: what they mean, wherever they stand."""
    return [[rule.first, rule.last, rule.option, rule.value] for rule in rules]


def _rules(path: Path, key: yaml.Node, value: yaml.Node) -> Iterator[Rule]:
    line = key.start_mark.line + 1
    match = SHOTS.match(str(key.value).strip())
    if not match:
        raise _wrong(path, line, f"{str(key.value)!r} names no shots")
    for part in match[1].split(","):
        first, _, last = part.partition("-")
        a, b = int(first), int(last or first)
        if a < 1 or b < a:
            raise _wrong(path, line, f"{part.strip()!r} is no range of shots; they are counted from 1")
        for at, option, text in _options(path, value):
            _check(path, at, option, text)
            yield Rule(at, a, b, option.replace("-", "_"), text)


def _options(path: Path, node: yaml.Node) -> Iterator[tuple[int, str, str]]:
    """(line, option, value) of ``strength 1.2, flat`` or of an indented mapping."""
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(value, yaml.ScalarNode):
                raise _wrong(path, value.start_mark.line + 1, f"{key.value!r} must have one value")
            yield key.start_mark.line + 1, str(key.value), str(value.value)
    elif isinstance(node, yaml.ScalarNode) and str(node.value).strip():
        for part in str(node.value).split(","):
            option, _, value = part.strip().partition(" ")
            yield line, option, value.strip()
    else:
        raise _wrong(path, line, "nothing is said about these shots")


def _check(path: Path, line: int, option: str, value: str) -> None:
    name = option.replace("_", "-")
    if name not in _ALLOWED:
        near = difflib.get_close_matches(name, _ALLOWED, 1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise _wrong(path, line, f"{option!r} is no option of a shot{guess}", f"a shot can have: {', '.join(_ALLOWED)}")
    if name == FLAT:
        if value.lower() not in ("", "true"):
            raise _wrong(path, line, f"flat takes no value, not {value!r}")
        return
    Settings.from_flat({name: value}, where=f"{path.name}, line {line}: ")


def _wrong(path: Path, line: int, what: str, hint: str = _EXAMPLES) -> UsageError:
    return UsageError(f"{path.name}, line {line}: {what}", hint=hint)


def overrides_of(rules: Sequence[Rule], path: Path, shots: Sequence[Shot], settings: Settings) -> Overrides:
    """What the rules make of a film's shots. ``path``: the file, for errors. Raises UsageError."""
    for rule in rules:
        if rule.option == "model" and (settings.run.keep_depth or settings.depth.depth_from is not None):
            hint = "leave this line out, or the option"
            raise _wrong(path, rule.line, "a shot's own model does not go with --keep-depth or --depth-from", hint)
    own = own_options(rules, path, len(shots))
    return Overrides(tuple((shots[number - 1], in_force(own[number], settings)) for number in sorted(own)))


def own_options(rules: Sequence[Rule], path: Path, count: int) -> dict[int, dict[str, str]]:
    """By the number of each shot that has any, of a film with ``count`` shots: its own options with their values. ``path``: the
    file, for errors. Raises UsageError."""
    own: dict[int, dict[str, str]] = {}
    for rule in rules:
        if rule.last > count:
            hint = "'stereo3d shots' lists them; with --start or --end they are counted within the part"
            raise _wrong(path, rule.line, f"there is no shot {rule.last}: the film has {count}", hint)
        for number in range(rule.first, rule.last + 1):
            own.setdefault(number, {})[rule.option] = rule.value
    return own


def in_force(options: Mapping[str, str], settings: Settings) -> InForce:
    """The settings of a shot with these options of its own (of :data:`SHOT_OPTIONS`). Raises UsageError."""
    if FLAT in options:
        return InForce(flat_view(settings.view), FLAT)
    changed = {name: value for name, value in options.items() if name != "model"}
    view = Settings.from_flat({**settings.view.model_dump(mode="json"), **changed}).view
    model = options.get("model", "")
    return InForce(view, "" if model == settings.depth.model else model)

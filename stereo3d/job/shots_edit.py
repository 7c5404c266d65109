"""Changes to ``OUTPUT.shots.yaml`` that leave all else in it as its owner wrote it: comments, order, and what holds for other shots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

import yaml

from stereo3d.errors import UsageError
from stereo3d.job.shots_file import SHOTS, own_options, rules_in

__all__ = ["edited"]


def edited(text: str, path: Path, changes: Mapping[int, Mapping[str, str]], count: int) -> str:
    """The file's text with other options for some shots: ``changes``, by number, all that each has from now on (none: it is as the
    film). ``path``: the file, for errors; ``count``: how many shots the film has.

    The shots are taken out of the lines that name them, and lines of their own come last, where they win. Raises UsageError for what
    no shot can have, and for a file that has been written too artfully for that.
    """
    before = own_options(rules_in(text, path), path, count)
    new = _without(text, set(changes))
    lines = _lines({number: options for number, options in changes.items() if options})
    if lines:
        new = f"{new}{'' if not new or new.endswith(chr(10)) else chr(10)}{lines}"
    wanted = {**before, **{number: dict(options) for number, options in changes.items()}}
    if own_options(rules_in(new, path), path, count) != {number: own for number, own in wanted.items() if own}:
        raise UsageError(f"{path.name} cannot be changed by a program", hint="write the lines in an editor")
    return new


def _without(text: str, shots: set[int]) -> str:
    """The text without these shots: keys name the others only, and where none is left the whole entry goes."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    entries = root.value if isinstance(root, yaml.MappingNode) else []
    for key, value in reversed(entries):
        match = SHOTS.match(str(key.value).strip())
        named = _numbers(match[1]) if match else set()
        if not named & shots:
            continue
        start, left = key.start_mark.index, named - shots
        if left:
            text = text[:start] + _name(left) + text[key.end_mark.index :]
        else:
            end = text.find("\n", _last(value).end_mark.index)
            text = text[:start] + (text[end + 1 :] if end >= 0 else "")
    return text


def _last(node: yaml.Node) -> yaml.Node:
    """The last word of a value: a mapping itself is said to end only where the next thing begins, comments between included."""
    return _last(node.value[-1][1]) if isinstance(node, yaml.MappingNode) and node.value else node


def _numbers(text: str) -> set[int]:
    """``1-3, 7`` as numbers."""
    ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    return {number for part in ends for number in range(part[0], part[-1] + 1)}


def _name(numbers: Iterable[int]) -> str:
    """Numbers as ``shots 1-3, 7``."""
    runs = [[n for _, n in run] for _, run in groupby(enumerate(sorted(numbers)), key=lambda item: item[1] - item[0])]
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return f"{'shot' if parts[0].isdecimal() and len(parts) == 1 else 'shots'} {', '.join(parts)}"


def _lines(own: Mapping[int, Mapping[str, str]]) -> str:
    """A line for all shots that have the same options."""
    said: dict[str, list[int]] = {}
    for number, options in sorted(own.items()):
        words = [f"{name.replace('_', '-')} {value}".strip() for name, value in sorted(options.items())]
        said.setdefault(", ".join(words), []).append(number)
    return "".join(f"{_name(numbers)}: {words}\n" for words, numbers in said.items())

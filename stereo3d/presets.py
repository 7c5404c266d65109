"""Presets: named sets of options in YAML, shipped with the program or written by the user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from stereo3d.errors import UsageError
from stereo3d.settings import Settings

__all__ = ["load_preset", "preset_names", "settings_from"]


class _Loader(yaml.SafeLoader):
    """YAML, but ``on`` and ``off`` are words: options have such values."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def _folder() -> Path:
    """Inside the package when installed from a wheel, at the top of the tree when run from a clone."""
    inside = Path(__file__).parent / "presets"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "presets"


def preset_names() -> tuple[str, ...]:
    """The presets that come with the program."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def load_preset(name: str | PathLike[str]) -> dict[str, Any]:
    """The options of a preset, by name or by file. Raises UsageError."""
    shipped = _folder() / f"{name}.yaml"
    path = shipped if str(name) in preset_names() else Path(name)
    if not path.is_file():
        raise UsageError(
            f"there is no preset {str(name)!r}",
            hint=f"the presets are {', '.join(preset_names())}; or name a YAML file",
        )
    try:
        options = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # safe: made of SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"preset {path} cannot be read: {reason}", hint="a preset is 'option: value' lines") from None
    if not isinstance(options, dict):
        raise UsageError(
            f"preset {path} holds no options", hint="a preset is 'option: value' lines, such as 'strength: 2'"
        )
    return {str(name).replace("-", "_"): value for name, value in options.items()}


def settings_from(preset: str | PathLike[str] | None, options: Mapping[str, Any]) -> Settings:
    """Settings from the defaults, then a preset, then options. Raises UsageError that says which of them is wrong."""
    base = load_preset(preset) if preset is not None else {}
    if preset is not None:
        Settings.from_flat(base, where=f"preset {str(preset)!r}: ")
    return Settings.from_flat({**base, **{name.replace("-", "_"): value for name, value in options.items()}})

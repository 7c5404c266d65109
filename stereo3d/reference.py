"""docs/reference/options.md, from the settings: ``python -m stereo3d.reference > docs/reference/options.md``."""

from __future__ import annotations

from typing import get_args

from pydantic.fields import FieldInfo

from stereo3d.presets import load_preset, preset_names
from stereo3d.settings import Settings

__all__ = ["options_markdown"]


def options_markdown() -> str:
    """Every option and every preset as one Markdown page."""
    lines = ["# Options", "", "Generated from `stereo3d/settings.py` and `presets/`; a test keeps it so.", ""]
    for kind in Settings.groups().values():
        lines += [f"## {kind.__doc__}", "", "| option | default | unit | meaning |", "| --- | --- | --- | --- |"]
        for name, field in kind.model_fields.items():
            lines.append(_row(name, field))
        lines.append("")
    lines += ["## Presets", "", "| preset | options |", "| --- | --- |"]
    for name in preset_names():
        options = ", ".join(f"{option.replace('_', '-')}: {value}" for option, value in load_preset(name).items())
        lines.append(f"| `{name}` | {options} |")
    return "\n".join(lines) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    choices = "|".join(str(choice) for choice in get_args(field.annotation) if isinstance(choice, str))
    value = "" if field.annotation is bool else str(extra.get("metavar", "")) or choices
    flag = f"`--{name.replace('_', '-')}{' ' + value if value else ''}`".replace("|", "\\|")
    default = "" if field.default is None else "off" if field.default is False else f"{field.default}"
    return f"| {flag} | {default} | {extra.get('unit', '')} | {field.description} |"


if __name__ == "__main__":
    print(options_markdown(), end="")

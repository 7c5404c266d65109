"""What the page must know before anything is chosen: models, layouts, the bounds of its options."""

from __future__ import annotations

from typing import Any

from stereo3d.depth.registry import MODELS, ModelEntry
from stereo3d.facts.models import weights_of
from stereo3d.layouts import LAYOUTS
from stereo3d.settings import SCREENS, EncodeSettings, LayoutSettings, Settings, ViewSettings
from stereo3d.ui.folders import Folders
from stereo3d.ui.security import Access

__all__ = ["page_facts"]


def page_facts(base: Settings, folders: Folders, access: Access) -> dict[str, Any]:
    """JSON-ready."""
    view, picture, encode = ViewSettings.model_fields, LayoutSettings.model_fields, EncodeSettings.model_fields
    helps = {"strength": view, "zero_parallax": view, "screen_width": view, "layout": picture, "codec": encode}
    return {
        "folders": [str(root) for root in folders.roots],
        "models": _models(base),
        "layouts": [{"name": layout.name, "about": layout.about} for layout in LAYOUTS.values()],
        "screens": ["any", *SCREENS],
        "codecs": ["auto", "h264", "hevc", "av1", "ffv1"],
        "begin": {
            "model": base.depth.model,
            "strength": base.view.strength,
            "zero_parallax": base.view.zero_parallax,
            "screen_width": base.view.screen_width,
            "layout": base.picture.layout,
            "codec": base.encode.codec,
        },
        "help": {name: fields[name].description for name, fields in helps.items()},
        "local": access.is_local,
    }


def _models(base: Settings) -> list[dict[str, Any]]:
    rows = [_row(entry, base) for entry in MODELS.values() if entry.released]
    if base.depth.model not in MODELS:
        rows.insert(
            0, {"name": base.depth.model, "title": base.depth.model, "licence": "", "here": True, "megabytes": 0}
        )
    return rows


def _row(entry: ModelEntry, base: Settings) -> dict[str, Any]:
    own = base.depth.weights is not None and base.depth.model == entry.name
    here = own or entry.hub_id is None or weights_of(entry) is not None
    megabytes = round(4 * entry.parameters_millions)
    return {"name": entry.name, "title": entry.title, "licence": entry.licence, "here": here, "megabytes": megabytes}

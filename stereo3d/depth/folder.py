"""Reading the JSON of a model folder. Light: no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stereo3d.errors import WeightsError

__all__ = ["read_config"]


def read_config(folder: Path, name: str = "config.json") -> dict[str, Any]:
    """A JSON object of a model folder. Raises WeightsError."""
    try:
        config = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = None
    if not isinstance(config, dict):
        raise WeightsError(
            f"{folder} has no readable {name}", hint="--model DIR takes a folder saved by the transformers library"
        )
    return config

"""estimate: how long each model takes for this film on this machine."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from stereo3d.commands.arguments import Add, add_preset, parts, settings_given, tell
from stereo3d.errors import UsageError

__all__ = ["add_estimate", "add_models", "model_weights"]


def add_estimate(add: Add, add_settings: Callable[..., None]) -> None:
    """Add estimate. ``add_settings``: gives a parser the options of a conversion."""
    estimate = add(
        "estimate",
        usage="stereo3d estimate INPUT [options]",
        help="time, size and disk for this film on this machine, for each model",
        description="Converts some seconds of pieces of the film with each model, and says what the whole film will take: time, when "
        "it would be ready, size, disk, and the stage that limits. The conversion says at its end how far that was off.",
    )
    estimate.add_argument("input", metavar="INPUT", type=Path, help="a film or a folder of numbered pictures")
    add_models(estimate)
    add_preset(estimate)
    add_settings(estimate, "estimate")
    estimate.add_argument("--json", action="store_true", help="as JSON on stdout")
    estimate.set_defaults(run=_estimate)


def add_models(parser: argparse.ArgumentParser) -> None:
    """The options that say which models."""
    parser.add_argument("--models", metavar="M,..", default=None, help="models (default: small,base,large)")
    parser.add_argument(
        "--weights",
        metavar="M=FILE,..",
        default=None,
        help="checkpoints for some of them, such as small=FILE,base=FILE",
    )


def model_weights(text: str | None) -> dict[str, Path]:
    """``small=FILE,base=FILE`` by name. Raises UsageError."""
    found: dict[str, Path] = {}
    for part in parts(text, "weights"):
        name, equals, file = part.partition("=")
        if not (name and equals and file):
            raise UsageError(f"--weights {part!r} names no model", hint="write small=FILE,base=FILE")
        found[name] = Path(file)
    return found


def _estimate(arguments: argparse.Namespace) -> int:
    from stereo3d.facts.estimate import estimate_film
    from stereo3d.presets import settings_from

    settings = settings_from(arguments.preset, settings_given(arguments, "weights"))
    names = parts(arguments.models, "models")
    found = estimate_film(arguments.input, settings, names, model_weights(arguments.weights), tell)
    print(json.dumps(found.to_json()) if arguments.json else found.text())
    return 0

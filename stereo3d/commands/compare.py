"""compare: the same moments through several depth models, with what each costs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from stereo3d.commands.arguments import (
    Add,
    add_moments,
    add_preset,
    moments_at,
    page_place,
    parts,
    settings_given,
    tell,
)
from stereo3d.commands.estimate import add_models, model_weights
from stereo3d.files import publish, write_text

__all__ = ["add_compare"]

_MOMENTS = 4


def add_compare(add: Add, add_settings: Callable[..., None]) -> None:
    """Add compare. ``add_settings``: gives a parser the options of a conversion."""
    compare = add(
        "compare",
        usage="stereo3d compare INPUT [options]",
        help="the same moments through several depth models, beside one another, timed",
        description="Shows moments of the film beside the depth that each model sees in them, with the time for 100 frames, fps, peak "
        "memory, the time for this film, and how far each is from the largest. Writes a page (HTML), a sheet (PNG) and "
        "the figures (JSON) beside one another.",
    )
    add_moments(compare, page="the sheet and the figures go beside it", count=str(_MOMENTS))
    add_models(compare)
    compare.add_argument(
        "--timed", action=argparse.BooleanOptionalAction, default=True, help="measure speed and memory, too"
    )
    add_preset(compare)
    add_settings(compare, "compare")
    compare.add_argument("--json", action="store_true", help="the figures as JSON on stdout")
    compare.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    from stereo3d.moments.compare import compare, comparison_page, comparison_sheet
    from stereo3d.moments.moments import open_moments
    from stereo3d.moments.preview import pick
    from stereo3d.presets import settings_from

    settings = settings_from(arguments.preset, settings_given(arguments, "weights"))
    names, weights = parts(arguments.models, "models"), model_weights(arguments.weights)
    place = page_place(arguments.input, arguments.output, "compare")
    with open_moments(arguments.input, settings, tell) as moments:
        picked = pick(moments, moments_at(arguments.at), arguments.count or _MOMENTS)
        scenes = [moments.scene(each.time) for each in picked]
        found = compare(moments, scenes, names, weights, tell, timed=arguments.timed)
    text = json.dumps(found.to_json())
    write_text(place, comparison_page(found))
    write_text(place.with_suffix(".json"), text)
    sheet = place.with_suffix(".png")
    part = sheet.with_name(sheet.name + ".part")
    part.write_bytes(comparison_sheet(found))
    publish(part, sheet)
    print(
        text if arguments.json else "\n".join([found.text(), str(place), str(sheet), str(place.with_suffix(".json"))])
    )
    return 0

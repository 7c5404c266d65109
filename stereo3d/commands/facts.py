"""models, doctor, shots: what one may ask before a conversion."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from stereo3d.commands.arguments import Add
from stereo3d.settings import Settings, TimeSettings

__all__ = ["add_facts"]


def add_facts(add: Add) -> None:
    """Add models, doctor and shots."""
    models = add("models", help="depth models: licence, where the weights are, speed here")
    models.set_defaults(run=_models)
    doctor = add("doctor", help="what this machine can do")
    doctor.set_defaults(run=_doctor)
    shots = add("shots", help="the shots of a film, with times")
    shots.add_argument(
        "input",
        metavar="INPUT|OUTPUT",
        type=Path,
        help="a film, a folder of numbered pictures, or what convert made of one",
    )
    shots.add_argument(
        "--thumbs", metavar="DIR", type=Path, default=None, help="a small picture of each shot goes there"
    )
    for name, field in TimeSettings.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        metavar = str(extra.get("metavar"))
        shots.add_argument("--" + name.replace("_", "-"), metavar=metavar, default=None, help=field.description)
    shots.set_defaults(run=_shots)
    for parser in (models, doctor, shots):
        parser.add_argument("--json", action="store_true", help="as JSON on stdout")


def _models(arguments: argparse.Namespace) -> int:
    from stereo3d.facts.models import model_facts, models_text

    models = model_facts()
    print(json.dumps({"models": [model.to_json() for model in models]}) if arguments.json else models_text(models))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from stereo3d.facts.doctor import examine, examine_text

    checks = list(examine())
    print(json.dumps({"checks": [check.to_json() for check in checks]}) if arguments.json else examine_text(checks))
    return 0


def _shots(arguments: argparse.Namespace) -> int:
    from stereo3d.facts.shots import list_shots, look_at, write_thumbs, written_survey
    from stereo3d.job.survey import survey_source
    from stereo3d.progress import Advance, Note, Phase, open_progress

    given = {name: value for name in TimeSettings.model_fields if (value := getattr(arguments, name)) is not None}
    times = Settings.from_flat(given).time
    written = written_survey(arguments.input) if not given else None
    source, survey = (written.source, written.survey) if written else (arguments.input, None)
    info = look_at(source) if survey is None or arguments.thumbs else None
    progress = open_progress("auto")
    try:
        if survey is None and info is not None:
            progress.emit(Phase("scan", f"scanning {info.path.name} for shots", info.video.frames_hint))
            tell = lambda done: progress.emit(Advance(done)) if done % 24 == 0 else None  # noqa: E731
            survey = survey_source(info, times, tell)
        assert survey is not None
        thumbs = write_thumbs(info, survey, arguments.thumbs) if info is not None and arguments.thumbs else ()
        shots = list_shots(str(arguments.input), survey, written, thumbs)
        for fault in shots.faults:
            progress.emit(Note(fault, "warning"))
    finally:
        progress.close()
    print(json.dumps(shots.to_json()) if arguments.json else shots.text())
    return 3 if shots.faults else 0

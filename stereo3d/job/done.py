"""What a finished run leaves: the files under their names, and beside them ``OUTPUT.report.json``, what it was made of.

A process can die between the names, and between the last name and the removal of the work folder. The same command must then
give the names that lack and say that all is done, not that the output is in the way. And when settings change after all is
done, the record says which parts of the output can stay: see :mod:`stereo3d.job.reuse`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stereo3d.files import publish, read_json, write_json
from stereo3d.job.comfort import ComfortReport
from stereo3d.job.report import Report
from stereo3d.job.shots_file import Rule
from stereo3d.job.store import WorkFolder, work_folder_of
from stereo3d.settings import Settings

__all__ = ["Asked", "finished_report", "only_rules_differ", "publish_all", "record_of"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked for: the output is a function of it."""

    source: Path
    output: Path
    settings: Settings
    rules: tuple[Rule, ...] = ()

    def that_matters(self) -> dict[str, object]:
        settings = self.settings
        return {**settings.model_dump(mode="json", exclude={"run"}), "keep_depth": settings.run.keep_depth}

    def rules_json(self) -> list[list[object]]:
        return [[rule.first, rule.last, rule.option, rule.value] for rule in self.rules]


def record_of(output: Path) -> Path:
    """``film.3D.SBS.mkv.report.json`` beside the output."""
    return output.with_name(output.name + ".report.json")


def publish_all(
    folder: WorkFolder, asked: Asked, finals: Sequence[tuple[Path, Path]], report: Report, job: dict[str, Any]
) -> None:
    """Give verified files of the work folder their names. ``finals``: (file, name) each. ``job``: what the output is made of,
    JSON-ready. Raises OutputError."""
    record = {
        "report": {**asdict(report), "output": str(report.output), "exit_code": report.exit_code},
        "source": [str(asked.source.resolve()), *_look(asked.source)],
        "files": [[final.name, str(place), *_look(final)] for final, place in finals],
        "settings": asked.that_matters(),
        "shots": asked.rules_json(),
        "job": job,
        "survey": read_json(folder.survey),
    }
    write_json(folder.path / "done.json", record)
    for final, place in finals:
        publish(final, place)
    write_json(record_of(asked.output), record)


def finished_report(asked: Asked) -> Report | None:
    """The report of the run that made just this output of this source with these settings, if nothing was touched since.
    Files that it could not name any more get their names."""
    folder = work_folder_of(asked.output)
    for place in (folder / "done.json", record_of(asked.output)):
        record = read_json(place)
        try:
            report = _finished(record, folder, asked)
        except (KeyError, TypeError, ValueError, OSError):
            continue
        if report is not None:
            if place != record_of(asked.output):
                write_json(record_of(asked.output), record)
            return report
    return None


def _finished(record: Any, folder: Path, asked: Asked) -> Report | None:
    if not _same_film(record, asked) or record["shots"] != asked.rules_json():
        return None
    unnamed: list[tuple[Path, Path]] = []
    for name, place, *look in record["files"]:
        final = folder / name
        if final.is_file() and _look(final) == look and not Path(place).exists():
            unnamed.append((final, Path(place)))
        elif not Path(place).is_file() or _look(Path(place)) != look:
            return None
    stored = {name: value for name, value in record["report"].items() if name != "exit_code"}
    comfort = ComfortReport.from_json(stored["comfort"]) if stored["comfort"] else None
    losses = tuple(stored["losses"])
    report = Report(**{**stored, "output": asked.output, "losses": losses, "comfort": comfort})
    for final, place in unnamed:
        publish(final, place)
    return report


def only_rules_differ(asked: Asked) -> bool:
    """Whether the output is the finished work of just these settings but for other lines in the file of shots: then nobody
    can mean anything else than to have those shots made anew."""
    record = read_json(record_of(asked.output))
    try:
        return _same_film(record, asked) and all(
            _look(Path(place)) == look for _, place, *look in record["files"] if Path(place) == asked.output
        )
    except (KeyError, TypeError, ValueError, OSError):
        return False


def _same_film(record: Any, asked: Asked) -> bool:
    source = [str(asked.source.resolve()), *_look(asked.source)]
    return bool(record["settings"] == asked.that_matters() and record["source"] == source)


def _look(path: Path) -> list[int]:
    """Size and time of a file: both stay when it is renamed."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]

"""What a finished run leaves: the files under their names, and beside them ``OUTPUT.report.json``, what it was made of,
and ``OUTPUT.report.html``, the same for people.

A process can die between the names, and between the last name and the removal of the work folder. The same command must then
give the names that lack and say that all is done, not that the output is in the way. And when settings change after all is
done, the record says which parts of the output can stay: see :mod:`stereo3d.job.reuse`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from stereo3d.files import publish, read_json, write_json, write_text
from stereo3d.job.page.page import page_of
from stereo3d.job.report import Report
from stereo3d.job.shots_file import Rule, rules_json
from stereo3d.job.store import WorkFolder, work_folder_of
from stereo3d.settings import Settings

__all__ = ["Asked", "finished_report", "note_decoded", "only_rules_differ", "page_place", "publish_all", "record_of"]


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
        "shots": rules_json(asked.rules),
        "job": job,
        "survey": read_json(folder.survey),
        "finished": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    write_json(folder.path / "done.json", record)
    for final, place in finals:
        publish(final, place)
    _leave(asked, record)


def _leave(asked: Asked, record: dict[str, Any]) -> None:
    """What ``--report`` asks for beside the output."""
    how = asked.settings.run.report
    if how == "none":
        return
    if read_json(record_of(asked.output)) != record:
        write_json(record_of(asked.output), record)
    if how == "html":
        write_text(page_place(asked.output), page_of(record))


def page_place(output: Path) -> Path:
    """``film.3D.SBS.mkv.report.html`` beside the output."""
    return output.with_name(output.name + ".report.html")


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
            if place != record_of(asked.output) or not page_place(asked.output).exists():
                _leave(asked, record)
            return report
    return None


def note_decoded(asked: Asked, report: Report) -> Report:
    """The report of a finished output that was decoded just now, written down where reports are."""
    record = read_json(record_of(asked.output))
    proof = replace(report.proof, decoded=True) if report.proof else None
    if record is not None:
        record["report"]["proof"] = asdict(proof) if proof else None
        _leave(asked, record)
    return replace(report, proof=proof)


def _finished(record: Any, folder: Path, asked: Asked) -> Report | None:
    if not _same_film(record, asked) or record["shots"] != rules_json(asked.rules):
        return None
    unnamed: list[tuple[Path, Path]] = []
    for name, place, *look in record["files"]:
        final = folder / name
        if final.is_file() and _look(final) == look and not Path(place).exists():
            unnamed.append((final, Path(place)))
        elif not Path(place).is_file() or _look(Path(place)) != look:
            return None
    report = replace(Report.from_json(record["report"]), output=asked.output)
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

"""The last instants of a job: all is verified, and the files get their names.

A process can die between the names, and between the last name and the removal of the work folder. The same command must then
give the names that lack and say that all is done, not that the output is in the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from stereo3d.files import publish, read_json, write_json
from stereo3d.job.comfort import ComfortReport
from stereo3d.job.report import Report
from stereo3d.job.store import work_folder_of
from stereo3d.settings import Settings

__all__ = ["finished_report", "publish_all"]


def publish_all(
    folder: Path, source: Path, finals: Sequence[tuple[Path, Path]], report: Report, settings: Settings
) -> None:
    """Give verified files of the work folder their names. ``finals``: (file, name) each. Raises OutputError."""
    write_json(
        folder / "done.json",
        {
            "source": [str(source.resolve()), *_look(source)],
            "files": [[final.name, str(place), *_look(final)] for final, place in finals],
            "settings": _that_matter(settings),
            "report": {**asdict(report), "output": str(report.output)},
        },
    )
    for final, place in finals:
        publish(final, place)


def finished_report(source: Path, output: Path, settings: Settings) -> Report | None:
    """The report of the run that made just this output of this source with these settings, if its work folder still stands.
    Files that it could not name any more get their names."""
    folder = work_folder_of(output)
    value = read_json(folder / "done.json")
    try:
        if value["settings"] != _that_matter(settings) or value["source"] != [str(source.resolve()), *_look(source)]:
            return None
        unnamed: list[tuple[Path, Path]] = []
        for name, place, *look in value["files"]:
            final = folder / name
            if final.is_file() and _look(final) == look and not Path(place).exists():
                unnamed.append((final, Path(place)))
            elif not Path(place).is_file() or _look(Path(place)) != look:
                return None
        stored = value["report"]
        comfort = ComfortReport.from_json(stored["comfort"]) if stored["comfort"] else None
        report = Report(**{**stored, "output": output, "losses": tuple(stored["losses"]), "comfort": comfort})
    except (KeyError, TypeError, ValueError, OSError):
        return None
    for final, place in unnamed:
        publish(final, place)
    return report


def _look(path: Path) -> list[int]:
    """Size and time of a file: both stay when it is renamed."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _that_matter(settings: Settings) -> dict[str, object]:
    return {**settings.model_dump(mode="json", exclude={"run"}), "keep_depth": settings.run.keep_depth}

"""Whether a job had finished when it was killed: the last instant that needs care.

Between giving the output its name and removing the work folder a process can die. The same command must then say that all is
done, not that the output is in the way.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from stereo3d.job.files import read_json, write_json
from stereo3d.job.report import Report
from stereo3d.job.store import work_folder_of
from stereo3d.settings import Settings

__all__ = ["finished_report", "note_finished"]


def note_finished(folder: Path, source: Path, final: Path, report: Report, settings: Settings) -> None:
    """Write down, in the work folder, what is about to be published: ``final`` is verified and only lacks its name."""
    write_json(
        folder / "done.json",
        {
            "source": [str(source.resolve()), *_look(source)],
            "file": _look(final),
            "settings": _that_matter(settings),
            "report": {**asdict(report), "output": str(report.output)},
        },
    )


def finished_report(source: Path, output: Path, settings: Settings) -> Report | None:
    """The report of the run that made just this output of this source with these settings, if its work folder still stands."""
    value = read_json(work_folder_of(output) / "done.json")
    try:
        same_work = value["settings"] == _that_matter(settings) and value["source"] == [
            str(source.resolve()),
            *_look(source),
        ]
        if not (same_work and output.is_file() and value["file"] == _look(output)):
            return None
        stored = value["report"]
        return Report(**{**stored, "output": output, "losses": tuple(stored["losses"])})
    except (KeyError, TypeError):
        return None


def _look(path: Path) -> list[int]:
    """Size and time of a file: both stay when it is renamed."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _that_matter(settings: Settings) -> dict[str, object]:
    return settings.model_dump(mode="json", exclude={"run"})

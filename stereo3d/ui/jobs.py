"""Conversions as the page shows them. All that is said of a job is read from the disk, so a second tab, a restarted server and a
conversion that was started in a terminal are nothing special."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from stereo3d.errors import JobError, Stereo3DError, UsageError
from stereo3d.facts.shots import written_survey
from stereo3d.files import read_json
from stereo3d.job.done import page_place, record_of
from stereo3d.job.manifest import Manifest
from stereo3d.job.pause import ask_to_pause, is_pausing, is_worked_on
from stereo3d.job.shots_file import read_rules, rules_json, shots_file_of
from stereo3d.job.status import JobStatus, status_of
from stereo3d.job.store import work_folder_of
from stereo3d.settings import Settings
from stereo3d.ui.children import Run, drawer, drawers, end, forget, option_words, stamp, start
from stereo3d.ui.said import Said, said_in

__all__ = ["JobView", "begin", "begun_outputs", "dismiss", "go_on", "job_of", "no_other", "pause", "view_of"]

# What belongs to one run and not to the job: going on must not, for instance, restart it.
_ONCE = {"restart", "dry_run", "progress", "done_by", "recursive", "stop_after", "name_for"}


@dataclass(frozen=True, slots=True)
class JobView:
    """What is known of one output. ``name``: in the page's folders. ``state``: running, pausing, paused, failed or done.
    ``phase``: what is done now, a sentence; ``share``: how far that is, 0..1, None where nobody knows. ``seconds_left``: of the
    conversion. ``watchable``: some of it can be played. ``can_end``: it can be stopped at once. ``can_continue``: there is
    something left to do, also of a finished one whose shots are to be otherwise by now."""

    name: str
    file: str
    film: str
    state: str
    phase: str = ""
    share: float | None = None
    frames_done: int = 0
    frames_total: int = 0
    fps: float | None = None
    seconds_left: float | None = None
    limited_by: str = ""
    notes: tuple[str, ...] = ()
    error: str = ""
    hint: str = ""
    report: bool = False
    watchable: bool = False
    can_end: bool = False
    can_continue: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _run_of(output: Path) -> Run | None:
    return Run.of(drawer("runs", output))


def begun_outputs() -> Iterator[Path]:
    """The outputs of all runs that were ever started from a page, whatever came of them."""
    for folder in drawers("runs"):
        run = Run.of(folder)
        if run is not None and "output" in run.about:
            yield Path(run.about["output"])


def view_of(output: Path, name: str) -> JobView | None:
    """What is known of an output; None where there is nothing to tell."""
    run, folder, there = _run_of(output), work_folder_of(output), output.is_file()
    alive = run is not None and run.process() is not None
    said = said_in(run.said) if run is not None and not _is_old(run, output) else Said()
    manifest, record = _manifest(folder / "job.json"), record_of(output)
    finished = there and not folder.is_dir() and record.is_file()
    source = manifest.source if manifest else run.about["source"] if run else _source(record)
    view: dict[str, Any] = {"name": name, "file": output.name, "film": Path(source).name, "notes": said.notes}
    view |= {"report": finished and page_place(output).is_file(), "watchable": there, "can_end": alive}
    if alive or is_worked_on(output):
        return JobView(**view | _progress(output, said, there), state="pausing" if is_pausing(output) else "running")
    wrong = {"error": said.error, "hint": said.hint} if said.failed else {}
    if finished:
        return JobView(**view | wrong, state="done", share=1.0, can_continue=_shots_changed(output))
    if not folder.is_dir() and not said.failed:
        return None
    view |= {
        **_progress(output, Said(), there),
        "phase": "",
        **wrong,
        "can_continue": manifest is not None or run is not None,
    }
    return JobView(**view, state="failed" if said.failed else "paused")


def _is_old(run: Run, output: Path) -> bool:
    """Whether somebody else has finished the output since."""
    with suppress(OSError):
        return record_of(output).stat().st_mtime > run.said.stat().st_mtime
    return False


def _source(record: Path) -> str:
    return _recorded(record, stamp(record))[0]


@lru_cache(maxsize=512)
def _recorded(record: Path, _stamp: int) -> tuple[str, list[list[object]]]:
    """The source of a finished output, and what single shots had of their own."""
    value = read_json(record)
    with suppress(KeyError, TypeError, IndexError):
        return str(value["source"][0]), value["shots"]
    return "", []


def _shots_changed(output: Path) -> bool:
    """Whether the file of shots says something else than the finished output was made with."""
    place, record = shots_file_of(output), record_of(output)
    return _rules(place, stamp(place)) != _recorded(record, stamp(record))[1]


@lru_cache(maxsize=512)
def _rules(place: Path, _stamp: int) -> list[list[object]] | None:
    with suppress(UsageError):  # the conversion will say what is wrong with it
        return rules_json(read_rules(place))
    return None


def _manifest(path: Path) -> Manifest | None:
    return _manifest_at(path, stamp(path))


@lru_cache(maxsize=64)
def _manifest_at(path: Path, _stamp: int) -> Manifest | None:
    return Manifest.load(path)


def _status(output: Path) -> JobStatus | None:
    """Read anew only when a segment came or went: there are thousands."""
    folder = work_folder_of(output)
    return _status_at(output, stamp(folder / "segments"), stamp(folder / "job.json")) if folder.is_dir() else None


@lru_cache(maxsize=64)
def _status_at(output: Path, _segments: int, _job: int) -> JobStatus | None:
    with suppress(Stereo3DError):
        return status_of(output)
    return None


def _progress(output: Path, said: Said, there: bool) -> dict[str, Any]:
    """From what the run says while it converts, else from the finished segments."""
    found: dict[str, Any] = {"phase": str(said.phase.get("text", "beginning"))}
    if said.converts and said.tick:
        found |= {key: said.tick[key] for key in ("frames_done", "frames_total", "fps", "seconds_left", "limited_by")}
        found["watchable"] = there or said.tick["segments_done"] > 0
    elif (status := _status(output)) is not None:
        found |= {"frames_done": status.frames_done, "frames_total": status.frames_total}
        found["watchable"] = there or status.segments_done > 0
    if said.converts:
        found["share"] = found["frames_done"] / found["frames_total"] if found.get("frames_total") else None
    elif said.phase.get("total"):
        found["share"] = min(1.0, said.done / said.phase["total"])
    return found


def no_other(others: Iterable[JobView]) -> None:
    """Raises JobError while a conversion runs: two things at once are slower than one after the other."""
    busy = next((job for job in others if job.state in ("running", "pausing")), None)
    if busy is not None:
        raise JobError(f"{busy.file} is being made", hint="pause it, or wait until it is done")


def begin(film: Path, output: Path, settings: Settings, others: Iterable[JobView]) -> None:
    """Start a conversion. Raises JobError while another one runs."""
    no_other(others)
    flat, plain = settings.to_flat(), Settings().to_flat()
    flat = {name: value for name, value in flat.items() if name not in _ONCE and value not in (None, plain[name])}
    about = {"source": str(film), "output": str(output), "settings": flat}
    words = ["convert", str(film), f"--output={output}", "--progress=json", *option_words(settings, without=_ONCE)]
    start(drawer("runs", output), about, words)


def job_of(output: Path) -> tuple[Path, Settings]:
    """The source and the settings of a job. Raises UsageError where there is none."""
    manifest, run = _manifest(work_folder_of(output) / "job.json"), _run_of(output)
    written = written_survey(output) if manifest is None and (run is None or _is_old(run, output)) else None
    if manifest is not None:
        source, flat = manifest.source, manifest.settings
    elif written is not None:
        source, flat = str(written.source), written.manifest.settings
    elif run is not None:
        source, flat = run.about["source"], run.about["settings"]
    else:
        raise UsageError(f"there is no job for {output.name}", hint="start the conversion of its film")
    return Path(source), Settings.from_flat({name: value for name, value in flat.items() if name not in _ONCE})


def go_on(output: Path, others: Iterable[JobView]) -> None:
    """Continue a job with the settings that it has. Raises UsageError or JobError."""
    source, settings = job_of(output)
    begin(source, output, settings, others)


def pause(output: Path, *, at_once: bool) -> None:
    """Have a job stop, after the segment in work or now; it can go on. Raises UsageError or JobError."""
    if not at_once:
        ask_to_pause(output)
        return
    run = _run_of(output)
    if run is None or not end(run):
        raise JobError(f"{output.name} was started elsewhere", hint="stop it there, or wait until it has paused")


def dismiss(output: Path) -> None:
    """Forget what the last run said. Raises JobError while it runs."""
    if is_worked_on(output) or ((run := _run_of(output)) is not None and run.process() is not None):
        raise JobError(f"{output.name} is being made", hint="pause it first")
    forget(drawer("runs", output))

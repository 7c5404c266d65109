"""Changed settings after all was done: what of the finished output can stay is taken apart into segments again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from stereo3d.depth.base import DepthModel
from stereo3d.depth.registry import MODELS
from stereo3d.errors import VerificationError
from stereo3d.files import file_sha256, flush, read_json, write_json
from stereo3d.job.done import record_of
from stereo3d.job.job import Job
from stereo3d.job.places import depth_place
from stereo3d.job.store import SegmentRecord, WorkFolder
from stereo3d.media.split import packets_sha256, split
from stereo3d.plan.overrides import FLAT
from stereo3d.progress import Phase, Progress

__all__ = ["in_output", "recall", "restore", "what_it_is_made_of"]


def what_it_is_made_of(job: Job) -> dict[str, Any]:
    """The manifest and the records of all segments, JSON-ready, for ``OUTPUT.report.json``."""
    pieces = {
        piece: [
            asdict(record)
            for segment in job.plan
            if (record := job.folder.record(segment, job.keys[segment.number], piece))
        ]
        for piece in job.pieces
    }
    models = [
        _model(name, model) for name, model in (("", job.models.film), *job.models.others.items()) if name != FLAT
    ]
    return {"manifest": asdict(job.manifest()), "pieces": pieces, "models": models}


def _model(name: str, model: DepthModel) -> dict[str, str]:
    """What a model is, under which licence, and where its weights come from, for people."""
    entry = MODELS.get(name or model.info.name)
    place = f"huggingface.co/{entry.hub_id}" if entry is not None and entry.hub_id else "none"
    return {
        "name": model.info.name,
        "title": entry.title if entry is not None else model.info.name,
        "licence": model.info.licence,
        "weights": place if entry is not None else model.info.name,
        "identity": model.info.identity,
    }


def recall(folder: WorkFolder, output: Path, fingerprint: str) -> None:
    """Give a fresh work folder the survey and the numbers of the run that made ``output`` of the same source."""
    record = read_json(record_of(output))
    try:
        if folder.manifest.exists() or record["job"]["manifest"]["fingerprint"] != fingerprint:
            return
        write_json(folder.survey, record["survey"])
        write_json(folder.manifest, record["job"]["manifest"])
    except (KeyError, TypeError):
        return


def in_output(job: Job, output: Path) -> dict[int, SegmentRecord]:
    """The segments that the record says are in the finished output, with all their pieces, by number."""
    found = [_recorded(job, output, piece) for piece in job.pieces]
    return {number: record for number, record in found[-1].items() if all(number in other for other in found)}


def restore(job: Job, output: Path, missing: Collection[int], progress: Progress) -> None:
    """Bring segments that the finished output holds back to the work folder. What does not prove to be what was recorded is
    left out: it is built anew."""
    numbers = in_output(job, output).keys() & missing
    if numbers:
        progress.emit(Phase("restore", f"taking {len(numbers)} segments that can stay out of {output.name}"))
    for piece in job.pieces if numbers else ():
        recorded = {n: r for n, r in _recorded(job, output, piece).items() if n in numbers}
        parts = {n: job.part(job.plan[n], piece) for n in recorded}
        film = output if piece == "" else depth_place(output)
        try:
            split(film, [len(segment) for segment in job.plan], parts)
            for number, record in recorded.items():
                _believe(job, number, piece, record)
        except VerificationError:
            continue


def _believe(job: Job, number: int, piece: str, record: SegmentRecord) -> None:
    part = job.part(job.plan[number], piece)
    if packets_sha256(part) != record.packets:
        part.unlink()
        return
    flush(part)
    restored = replace(record, size=part.stat().st_size, sha256=file_sha256(part))
    job.folder.finish(job.plan[number], job.keys[number], restored, piece)


def _recorded(job: Job, output: Path, piece: str) -> Mapping[int, SegmentRecord]:
    """Records of the output's segments that are cut like this job's and have its keys, by number."""
    value = read_json(record_of(output))
    try:
        planned = value["job"]["manifest"]["segments"]
        records = value["job"]["pieces"][piece]
        if [(p["start"], p["end"]) for p in planned] != [(s.start, s.end) for s in job.plan]:
            return {}
        names = [file.name for _, file in job.files("")]
        return {
            number: SegmentRecord.from_json(record)
            for number, (plan, record) in enumerate(zip(planned, records, strict=True))
            if plan["file"] == names[number]
        }
    except (KeyError, TypeError, ValueError):
        return {}

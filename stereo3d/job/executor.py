"""Who builds a job's segments: this process, one for each device, or machines of a cluster."""

from __future__ import annotations

import threading

from stereo3d.depth.devices import devices_of
from stereo3d.executors.crew import Crew
from stereo3d.executors.local import LocalExecutor
from stereo3d.executors.processes import DeviceSeats
from stereo3d.job.job import Job
from stereo3d.pipeline.ends import find_ends
from stereo3d.pipeline.meter import Meter
from stereo3d.progress import Note, Progress

__all__ = ["open_executor"]


def open_executor(job: Job, meter: Meter, progress: Progress, stop: threading.Event) -> LocalExecutor | Crew:
    """By the settings of the job. Close it. ``stop``: what is in work is finished, nothing else begun."""
    settings = job.asked.settings
    identities = {"": job.models.film, **job.models.others}
    known = {name: model.info.identity for name, model in identities.items()}

    def say(text: str) -> None:
        progress.emit(Note(text, "warning"))

    if settings.run.cluster is not None:
        from stereo3d.executors.ray import ClusterSeats, open_cluster

        cluster = open_cluster(settings.run.cluster)
        return Crew(ClusterSeats(cluster, job.recipe), known, meter, say, stop.is_set)
    devices = devices_of(settings.depth.device)
    if len(devices) > 1:
        return Crew(DeviceSeats(devices), known, meter, say, stop.is_set)
    found = find_ends(job.recipe)
    for note in found.notes:
        progress.emit(Note(note))
    return LocalExecutor(job.models, meter, found.ends)

"""A Ray cluster on this machine: two workers make what the local executor makes, whoever is killed."""

from __future__ import annotations

import random
import signal
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from stereo3d.errors import UsageError
from stereo3d.executors.crew import Crew, Outcome
from stereo3d.pipeline.meter import Meter
from stereo3d.pipeline.recipe import SegmentResult
from stereo3d.settings import DepthSettings
from tests.executors.conftest import LENGTHS, Work
from tests.films import audio_packets, make_film, picture_hashes, run

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'stereo3d[ray]'")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]

from stereo3d.executors.ray import Cluster, ClusterSeats, open_cluster  # noqa: E402
from stereo3d.executors.workplace import Workplace  # noqa: E402

STORE = 80 << 20


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """The machines' folder for temporary files. Its path is short: Ray's sockets lie in it, whose names have 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def nodes(scratch: Path) -> Iterator[Any]:
    """A head without cores of its own and two machines of one core each, without a dashboard or statistics."""
    from ray.cluster_utils import Cluster as Nodes

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("TMPDIR", str(scratch))
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE}
        nodes = Nodes(initialize_head=True, head_node_args=head)
        for _ in range(2):
            nodes.add_node(num_cpus=1, num_gpus=0, object_store_memory=STORE)
        yield nodes
        ray.shutdown()
        nodes.shutdown()


@pytest.fixture(scope="module")
def cluster(nodes: Any) -> Cluster:
    return open_cluster(nodes.address)


def crew_on(cluster: Cluster, work: Work, said: list[str]) -> Crew:
    return Crew(
        ClusterSeats(cluster, work.recipe), {"": work.recipe.model_identity}, Meter(), said.append, lambda: False
    )


@dataclass
class Killer:
    """Kills workers at random: so many, each a moment after a segment was made. ``killed``: how many were."""

    crew: Crew
    times: int
    chance: random.Random
    killed: int = 0

    def run(self, *args: Any) -> Generator[Outcome, None, None]:
        for outcome in self.crew.run(*args):
            yield outcome
            time.sleep(self.chance.uniform(0, 0.3))  # somewhere in the next segment
            workers = [process for process in psutil.Process().children(recursive=True) if is_worker(process)]
            if workers and self.killed < self.times:
                self.killed += 1
                self.chance.choice(workers).send_signal(signal.SIGKILL)


def is_worker(process: psutil.Process) -> bool:
    try:
        return "ray::_Worker" in " ".join(process.cmdline())
    except psutil.Error:  # it ended just now
        return False


def test_two_workers_make_what_the_local_executor_makes_though_two_are_killed(
    cluster: Cluster, work: Work, tmp_path: Path
) -> None:
    assert cluster.kind("auto") == "cpu"
    assert cluster.threads == 1
    said: list[str] = []
    with closing(crew_on(cluster, work, said)) as crew:
        killer = Killer(crew, 2, random.Random(1))
        results: list[SegmentResult] = work.check(killer.run, tmp_path)
    assert len(results) == len(LENGTHS)
    assert killer.killed == 2
    assert len([line for line in said if "cannot be reached" in line]) >= 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{n}.part" for n in range(len(LENGTHS))]


def test_a_source_that_is_not_shared_is_read_from_afar(
    cluster: Cluster, work: Work, tmp_path: Path, scratch: Path
) -> None:
    """Workers that find another film under its path get the bytes they read, and nothing else is given away."""
    seats = ClusterSeats(cluster, work.recipe)
    seats._film = replace(seats._film, fingerprint="that of a film which is not there")
    with closing(Crew(seats, {"": work.recipe.model_identity}, Meter(), print, lambda: False)) as crew:
        work.check(crew.run, tmp_path)
        kept = [path.read_bytes() for path in scratch.glob("stereo3d-work-*/film")]
        assert kept
        assert set(kept) == {work.recipe.info.path.read_bytes()}  # it is smaller than a piece
        with pytest.raises(ray.exceptions.RayTaskError):
            ray.get(seats._library.read.remote(Path("/etc/hostname"), 0, 5))


def test_what_is_asked_of_a_machine_finds_its_weights_there(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though they were named by a path from here."""
    (tmp_path / "small.pth").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)

    def look(depth: DepthSettings, times: int) -> bytes:
        return times * Path(depth.weights or "").read_bytes()

    assert cluster.call("cpu", look, DepthSettings(weights="small.pth"), 2) == b"weightsweights"


def test_the_whole_program_gives_the_same_film(
    nodes: Any, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made here and made there: two segments, sound and all; the cluster's threads are one, so are those of the job begun here."""
    film = make_film(tmp_path / "film.mkv", (244, 244), size=(96, 64)).name
    monkeypatch.chdir(tmp_path)
    options = ("--model", "classic", "--codec", "ffv1", "--report", "json")
    there, here = tmp_path / "there.mkv", tmp_path / "here.mkv"
    told = run("convert", film, "-o", there, *options, "--cluster", nodes.address)
    run("convert", film, "-o", here, *options)
    assert picture_hashes(there) == picture_hashes(here)
    assert audio_packets(there) == audio_packets(here)
    assert "verified" in told.stderr


def test_machines_join_and_leave(nodes: Any, cluster: Cluster, work: Work, tmp_path: Path) -> None:
    """One leaves as soon as it has made something; another one comes."""
    said: list[str] = []
    with closing(crew_on(cluster, work, said)) as crew:

        def run(*args: Any) -> Generator[Outcome, None, None]:
            changed = False
            for outcome in crew.run(*args):
                if not changed:
                    changed = True
                    nodes.remove_node(next(iter(nodes.worker_nodes)), allow_graceful=False)
                    nodes.add_node(num_cpus=1, object_store_memory=STORE)
                yield outcome

        work.check(run, tmp_path)
    until = time.monotonic() + 60  # Ray declares a machine dead after some missed signs of life
    while len(cluster.machines()) != 3 and time.monotonic() < until:
        time.sleep(0.5)
    assert len(cluster.machines()) == 3


def test_where_there_is_no_cluster_it_says_so() -> None:
    with pytest.raises(UsageError, match="must run on a machine of the cluster"):
        open_cluster("ray://127.0.0.1:10001")


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_twenty_kills_lose_nothing(cluster: Cluster, work: Work, tmp_path: Path, scratch: Path) -> None:
    """Nothing of the film, and nothing of the dead is left on the disk but what the last ones of them had."""
    said: list[str] = []
    with closing(crew_on(cluster, work, said)) as crew:
        killer, runs = Killer(crew, 20, random.Random(2)), 0
        while killer.killed < 20:
            folder = tmp_path / str(runs)
            folder.mkdir()
            work.check(killer.run, folder)
            runs += 1
        work.check(crew.run, tmp_path)
    assert (
        len([line for line in said if "cannot be reached" in line]) >= 15
    )  # one killed twice before it spoke counts once
    until = time.monotonic() + 60  # Ray kills the last ones when it comes to it
    while list(scratch.glob("stereo3d-work-*")) and time.monotonic() < until:
        time.sleep(0.5)
        Workplace(scratch).leave()
    assert not list(scratch.glob("stereo3d-work-*"))

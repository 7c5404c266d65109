"""A worker's own folder: there while its process is, gone soon after."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stereo3d.executors.workplace import Workplace

_WORKER = """
import sys
from pathlib import Path
from stereo3d.executors.workplace import Workplace
place = Workplace(Path(sys.argv[1]))
(place.path / "0.part").write_bytes(b"half a segment")
print(place.path, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_worker_leaves_goes_when_another_begins(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WORKER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        theirs = Path(worker.stdout.readline().strip())
        ours = Workplace(tmp_path)
        assert (theirs / "0.part").is_file()
        worker.kill()
        worker.wait()
    assert theirs.is_dir()
    other = Workplace(tmp_path)
    assert not theirs.exists()
    assert ours.path.is_dir()
    ours.leave()
    other.leave()
    assert list(tmp_path.iterdir()) == []

"""The work folder: whole or absent, found by key, one owner."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stereo3d.errors import JobError, OutputError
from stereo3d.files import file_sha256, read_json, write_json
from stereo3d.frames import Shot
from stereo3d.job.store import SegmentRecord, WorkFolder
from stereo3d.plan.segments import Segment

SEGMENT = Segment(3, 240, 480, (Shot(240, 480),), 0)


@pytest.fixture
def folder(tmp_path: Path) -> WorkFolder:
    return WorkFolder(tmp_path / "out.mkv.stereo3d")


def finish(folder: WorkFolder, key: str, content: bytes = b"pictures") -> SegmentRecord:
    part = folder.part_of(SEGMENT, key)
    part.write_bytes(content)
    record = SegmentRecord(240, len(content), file_sha256(part), 12.5, (250,))
    folder.finish(SEGMENT, key, record)
    return record


def test_a_finished_segment_is_found_under_its_key_only(folder: WorkFolder) -> None:
    record = finish(folder, "aaaa")
    assert folder.find(SEGMENT, "aaaa") == record
    assert folder.find(SEGMENT, "bbbb") is None


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "record", "record-half"])
def test_a_damaged_segment_is_not_believed(folder: WorkFolder, damage: str) -> None:
    finish(folder, "aaaa")
    file = folder.file_of(SEGMENT, "aaaa")
    match damage:
        case "flip":
            file.write_bytes(b"Pictures")
        case "truncate":
            file.write_bytes(b"pict")
        case "remove":
            file.unlink()
        case "record":
            file.with_suffix(".json").unlink()
        case "record-half":
            file.with_suffix(".json").write_text('{"frames": 24')
    assert folder.find(SEGMENT, "aaaa") is None


def test_killed_between_record_and_name_the_segment_is_adopted(folder: WorkFolder) -> None:
    record = finish(folder, "aaaa")
    folder.file_of(SEGMENT, "aaaa").rename(folder.part_of(SEGMENT, "aaaa"))
    assert folder.find(SEGMENT, "aaaa") == record
    assert folder.file_of(SEGMENT, "aaaa").exists()


def test_an_unfinished_part_is_dropped(folder: WorkFolder) -> None:
    folder.part_of(SEGMENT, "aaaa").write_bytes(b"half")
    assert folder.find(SEGMENT, "aaaa") is None
    folder.drop_parts()
    assert not folder.part_of(SEGMENT, "aaaa").exists()


def test_a_second_process_is_refused_and_a_dead_one_leaves_no_lock(folder: WorkFolder) -> None:
    code = (
        f"from stereo3d.job.store import WorkFolder; from pathlib import Path; WorkFolder(Path({str(folder.path)!r}))"
    )
    refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=250)
    assert "another process works on this output" in refused.stderr
    folder.close()
    first = WorkFolder(folder.path)
    with pytest.raises(JobError, match="another process"):
        WorkFolder(folder.path)
    first.close()
    subprocess.run([sys.executable, "-c", code + "; import os; os._exit(9)"], check=False, timeout=250)
    WorkFolder(folder.path).close()


def test_a_work_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot create the work folder"):
        WorkFolder(tmp_path / "file" / "out.stereo3d")


def test_clear_forgets_everything_but_the_lock(folder: WorkFolder) -> None:
    finish(folder, "aaaa")
    folder.manifest.write_text("{}")
    folder.clear()
    assert folder.find(SEGMENT, "aaaa") is None
    assert not folder.manifest.exists()
    with pytest.raises(JobError):
        WorkFolder(folder.path)


def test_json_is_whole_or_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1}
    path.write_text(json.dumps({"a": 2})[:-2])
    assert read_json(path) is None
    assert read_json(tmp_path / "none.json") is None

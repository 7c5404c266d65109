"""The morning report as a person meets it: beside the film, whole, in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stereo3d.errors import VerificationError
from stereo3d.media.whole import decode_whole
from tests.films import make_film, run

SHOTS = (24, 24, 150, 24)
BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "the <i> & I.mkv", SHOTS, rate=Fraction(12))


@pytest.fixture(scope="module")
def output(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("out") / "out.mkv"
    place.with_name("out.mkv.shots.yaml").write_text("shot 2: flat\n")
    convert(film, place, "--verify", "full")
    return place


def convert(film: Path, output: Path, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return run("convert", film, "-o", output, "--model", "classic", "--progress", "json", *options, check=check)


def page_of(output: Path) -> Path:
    return output.with_name(output.name + ".report.html")


def test_the_page_and_the_record_lie_beside_the_film(output: Path, film: Path) -> None:
    page = page_of(output).read_text(encoding="utf-8")
    record = json.loads(Path(f"{output}.report.json").read_text())
    proof = record["report"]["proof"]
    with av.open(str(film)) as container:
        packets = sum(1 for packet in container.demux(audio=0) if packet.size)
    assert (proof["frames"], proof["audio_packets"], proof["decoded"]) == (sum(SHOTS), packets, True)
    assert proof["last"] == pytest.approx((sum(SHOTS) - 1) / 12, abs=1e-3)
    assert page.count('src="data:image/jpeg;base64,') == 3 * len(record["survey"]["survey"]["shots"])
    assert f"{packets} packets in 1 copied track" in page
    assert "Done, verified and decoded" in page
    assert "own: flat" in page
    assert record["job"]["models"][0]["licence"] == "Apache-2.0"
    spans = [span for piece in record["job"]["pieces"][""] for span in piece["seen"]["spans"]]
    assert [spans[0]["start"], spans[-1]["end"]] == [0, sum(SHOTS)]
    flat = next(span for span in spans if span["start"] == SHOTS[0])
    assert (flat["behind"], flat["front"], flat["holes"], flat["flicker"]) == (0, 0, 0, 0)
    assert all(span["holes"] > 0 and span["front"] + span["behind"] > 0.5 for span in spans if span != flat)


def test_a_lost_page_comes_back_and_other_reports_can_be_wished_for(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    short = ("--end", "2")
    convert(film, output, *short, "--report", "none")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]
    convert(film, output, *short, "--report", "json", "--overwrite")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mkv", "out.mkv.report.json"]
    again = convert(film, output, *short)
    assert "finished by an earlier run" in again.stderr
    assert "not asked for (--verify full)" in page_of(output).read_text()
    convert(film, output, *short, "--verify", "full")
    assert "yes, every picture and all sound" in page_of(output).read_text()


def test_segments_taken_back_from_a_finished_film_keep_their_pictures(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    convert(film, output)
    before = page_of(output).read_text()
    output.with_name("out.mkv.shots.yaml").write_text("shot 1: strength 5\n")
    report = json.loads(convert(film, output).stdout.splitlines()[-1])
    assert report["segments_kept"] > 0
    after = page_of(output).read_text()
    pictures = [re.findall(r'base64,([^"]+)"', page) for page in (before, after)]
    assert len(pictures[1]) == len(pictures[0]) >= 3 * len(SHOTS)
    assert pictures[0][-1] == pictures[1][-1]
    assert pictures[0][2] != pictures[1][2]  # the anaglyph of shot 1
    assert "strength 5" in after


def test_decoding_all_finds_what_packets_do_not_show(output: Path, tmp_path: Path) -> None:
    heard: list[int] = []
    assert decode_whole(output, sum(SHOTS), heard.append) == ()
    assert heard == sorted(heard)
    assert heard[-1] <= sum(SHOTS)
    with pytest.raises(VerificationError, match="decodes to 222 frames, not 223"):
        decode_whole(output, sum(SHOTS) + 1, heard.append)
    with av.open(str(output)) as container:
        packets = [(p.size, p.pos) for p in container.demux(video=0) if p.size]
    content = bytearray(output.read_bytes())
    for size, place in sorted(packets)[-20:]:  # a decoder may conceal what is wrong in one that holds little
        content[place + size // 3 : place + size] = bytes(255 for _ in range(size - size // 3))
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(content)
    with pytest.raises(VerificationError):
        decode_whole(damaged, sum(SHOTS), heard.append)


def browse(page: Path, folder: Path, width: int) -> tuple[Path, set[str]]:
    """A browser's picture of a page, and the addresses that it asked for."""
    picture, log = folder / f"page-{width}.png", folder / "net.json"
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    subprocess.run(
        [BROWSER or "", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *quiet, f"--window-size={width},4000",
         f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", f"--screenshot={picture}", page.as_uri()],
        check=True, capture_output=True, timeout=250,
    )  # fmt: skip
    lines = [
        line.rstrip().rstrip(",") for line in log.read_text(errors="replace").splitlines() if '"initiator"' in line
    ]
    asked = [json.loads(line)["params"] for line in lines]
    # What the browser wants for itself has no origin.
    return picture, {item["url"] for item in asked if item["initiator"] != "not an origin"}


@pytest.mark.skipif(BROWSER is None, reason="no chromium to open the page in")
@pytest.mark.parametrize("width", [1280, 500])
def test_a_browser_shows_it_and_asks_nobody(output: Path, tmp_path: Path, width: int) -> None:
    picture, asked = browse(page_of(output), tmp_path, width)
    assert {url for url in asked if not url.startswith(("data:", "file:"))} == set()
    shown = cv2.imread(str(picture))
    assert shown.shape[1] == width
    hue, strong, _ = (plane.ravel() for plane in cv2.split(cv2.cvtColor(shown, cv2.COLOR_BGR2HSV)))
    vivid = strong > 200
    assert np.mean(vivid & (hue > 100) & (hue < 130)) > 0.002  # the blue of what is far
    rows = shown.reshape(len(shown), -1).astype(int)
    assert np.abs(rows[:, -9:] - rows[:1, -9:]).max() < 8  # nothing runs over the right margin


@pytest.mark.skipif(BROWSER is None, reason="no chromium to open the page in")
def test_the_look_at_requests_would_see_one(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<!doctype html><img src="http://127.0.0.1:9/asked.png">')
    assert any("asked.png" in url for url in browse(page, tmp_path, 500)[1])

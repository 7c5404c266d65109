"""The report's page: everything that is to be said is said, nothing is fetched, nothing in a name is taken for markup."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict
from fractions import Fraction
from html import escape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from stereo3d.frames import Shot, Timeline
from stereo3d.job.eyes import ComfortReport
from stereo3d.job.manifest import Manifest, PlannedSegment
from stereo3d.job.page.charts import charts, clock
from stereo3d.job.page.page import page_of
from stereo3d.job.report import Proof, Report, Simpler
from stereo3d.job.store import SegmentRecord
from stereo3d.job.survey import Faults, Survey
from stereo3d.pipeline.recipe import Numerics
from stereo3d.pipeline.witness import Seen, Span, Still
from stereo3d.settings import Settings

EVIL = "a <img src='http:x' onerror=alert(1)> & \"b\".mkv"
TINY = "/9j/4AAQ"  # how every JPEG begins in base64


SIMPLER = (
    Simpler("flat", 480, 720, 4, "<b>"),
    Simpler("software", 0, 240, 3, "the card is hot"),
    Simpler("black", 800, 860, 5, "?"),
)


def record(
    shots: int = 4,
    *,
    losses: tuple[str, ...] = ("shots 3-3 (0:20 to 0:30): made flat after 4 failures (<b>)",),
    simpler: tuple[Simpler, ...] = (),
) -> Any:
    """Of a film of shots of 240 frames at 24 a second, one segment each."""
    count = 240 * shots
    timeline = Timeline(tuple(range(count)), Fraction(1, 24), 1)
    faults = Faults(2, 1, 0.0, ((3.0, 1.5),))
    survey = Survey(
        timeline, tuple(Shot(240 * n, 240 * n + 240) for n in range(shots)), (None,) * shots, (), True, True, faults
    )
    spans = [
        tuple(Span(240 * n + 80 * k, 240 * n + 80 * k + 80, 1.0, 0.5 + 0.1 * k, 0.4, 0.02) for k in range(3))
        for n in range(shots)
    ]
    kept = {n * shots // 60 for n in range(60)} if shots > 60 else set(range(shots))
    stills = [(Still(240 * n + 120, TINY, TINY, TINY),) if n in kept else () for n in range(shots)]
    records = [
        SegmentRecord(
            240,
            1000,
            "0" * 64,
            10.0,
            (250, 251, 252) if n == 1 else (),
            (700,) if n == 2 else (),
            seen=Seen(spans[n], stills[n]),
        )
        for n in range(shots)
    ]
    settings = Settings.from_flat({"strength": 1.75, "layout": "ou-half", "start": "0:10"})
    manifest = Manifest(
        f"/films/{EVIL}", "/films/out.mkv", "f", settings.to_flat(), "classic-1", Numerics("cpu", 4, 2),
        tuple(PlannedSegment(240 * n, 240 * n + 240, f"s{n}.mkv") for n in range(shots)),
        ((2, 2, "strength", "1.2"),),
    )  # fmt: skip
    comfort = ComfortReport(1.0, 0.7, 4.2, ((0.0, 5.0),), ((10.0, 20.0, 0.9),), ((31.0, 33.0),), "soften", (), 1.0)
    proof = Proof(count, 0.0, (count - 1) / 24, 2, 4321, 0.0004, 0.0, "left_right", True)
    report = Report(Path(EVIL), count, shots, 0, 3723.0, 12.5, "depth", losses, "", comfort, proof, simpler=simpler)
    made = {
        "report": {**asdict(report), "output": EVIL, "exit_code": report.exit_code},
        "files": [["final.mkv", f"/films/{EVIL}", 3_210_000_000, 0]],
        "job": {
            "manifest": asdict(manifest),
            "pieces": {"": [asdict(item) for item in records]},
            "models": [{"name": "base", "title": "Depth-Anything-V2 Base", "licence": "CC-BY-NC-4.0", "weights": "huggingface.co/x", "identity": "id-77"}],
        },
        "survey": {"survey": survey.to_json()},
        "finished": "2026-11-22T06:12:00+01:00",
    }  # fmt: skip
    return json.loads(json.dumps(made))  # as it is read back


class Links(HTMLParser):
    """All attributes that can make a browser fetch something, all text, and the heading levels."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text: list[str] = []
        self.levels: list[int] = []
        self.without_alt = 0
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        found = dict(attrs)
        self.links += [
            found[name] or "" for name in ("src", "href", "srcset", "data", "poster", "action") if name in found
        ]
        self.without_alt += tag == "img" and not found.get("alt")
        if re.fullmatch(r"h[1-6]", tag):
            self.levels.append(int(tag[1]))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Links:
    links = Links()
    links.feed(page)
    return links


def words(links: Links) -> str:
    return " ".join(" ".join(links.text).split())


def test_everything_lost_and_every_setting_is_on_the_page() -> None:
    value = record()
    text = words(read(page_of(value)))
    assert "Done, with losses, verified and decoded" in text
    assert "made flat after 4 failures (<b>)" in text
    assert "frames 250-252" in text
    assert "frame 700" in text
    assert f"{clock(250 / 24)} - {clock(253 / 24)}" in text
    assert "0:03.0 - 0:04.5 the source has no picture" in text
    assert "credits or a title card: kept flat" in text
    assert "strength limited to 0.90 %" in text
    assert "near thing cut by the frame's side: softened" in text
    for name, setting in value["job"]["manifest"]["settings"].items():
        assert f" {name.replace('_', '-')} " in text
        if isinstance(setting, str):
            assert setting in text
    assert "shot 2 strength 1.2" in text
    for said in (
        "CC-BY-NC-4.0",
        "huggingface.co/x",
        "id-77",
        "4321 packets in 2 copied tracks",
        "left_right",
        "3.2 GB",
        "0.400 ms",
    ):
        assert said in text, said


def test_the_time_line_marks_what_is_not_as_it_should_be_and_says_what_the_marks_mean() -> None:
    value = record(simpler=SIMPLER)
    value["job"]["manifest"]["shots"] = [[4, 4, "flat", ""]]
    page = page_of(value)
    one_chart = page[page.index("<svg viewBox") : page.index("</svg>")]
    marks = re.findall(r'<rect class="mark (\w+)" x="([\d.]+)" y="0" width="([\d.]+)"', one_chart)
    found = {kind: (float(x), float(width)) for kind, x, width in marks if kind != "lost"}
    assert found == {"flat": (500, 250), "software": (0, 250), "black": (833.3, 62.5), "own": (750, 250)}
    text = words(read(page))
    for said in (
        "made flat after it had failed",
        "made black after",
        "encoded by software after",
        "flat on request",
        "replaced by its",
    ):
        assert said in text
    assert "0:20.0 - 0:30.0 made flat: <b> (failed 4 times)" in text
    assert "encoded by software: the card is hot" in text
    plain = page_of(record())
    assert 'class="mark lost"' in plain
    assert "made flat after it had failed" not in words(read(plain))


def test_a_film_without_losses_says_so() -> None:
    text = words(read(page_of(record(losses=()))))
    assert "Nothing was lost or replaced." in text
    assert "with losses" not in text


def test_nothing_is_fetched_and_nothing_in_a_name_becomes_markup() -> None:
    page = page_of(record())
    links = read(page)
    assert links.links
    assert all(link.startswith("data:image/jpeg;base64,") for link in links.links)
    assert not re.search(r"url\(|@import|<script|<link|<iframe|https?://", page)
    assert escape(EVIL).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in page
    assert EVIL in words(links)


def test_headings_descend_one_by_one_and_pictures_have_words() -> None:
    links = read(page_of(record()))
    assert links.levels[0] == 1
    assert links.levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(links.levels))
    assert links.without_alt == 0
    assert {"main", "header", "footer", "figure"} <= links.tags


def test_a_film_of_2500_shots_has_a_page_that_can_be_opened() -> None:
    value = record(2500)
    began = time.process_time()
    page = page_of(value)
    assert time.process_time() - began < 5
    assert "60 of 2500 shots, spread evenly over the film" in page
    assert len(page) < 200_000  # and the pictures
    assert max(len(path) for path in re.findall(r' d="([^"]+)"', page)) < 20_000


def test_records_of_older_runs_without_pictures_and_measures_have_a_page() -> None:
    value = record()
    for item in value["job"]["pieces"][""]:
        del item["seen"]
    del value["report"]["proof"]
    text = words(read(page_of(value)))
    assert "Contact sheet" not in text
    assert "Proof of sync" not in text
    assert "Speed" in text


@pytest.mark.parametrize("damage", ["report", "survey", "job"])
def test_what_is_no_record_is_refused(damage: str) -> None:
    value = record()
    del value[damage]
    with pytest.raises(KeyError):
        page_of(value)


def test_charts_lie_within_their_frame_and_say_their_extremes() -> None:
    timeline = Timeline(tuple(range(100)), Fraction(1, 10), 1)
    spans = [Span(0, 50, 0.0, 1.2, 0.3, 0.0), Span(50, 100, 2.0, 0.0, 0.1, 0.0)]
    segments = [(0, 100, SegmentRecord(100, 1, "", 8.0))]
    parallax, holes, flicker, speed = charts(timeline, spans, segments)
    assert parallax.said == "up to 1.20 % in front of the screen and 2.00 % behind it"
    assert (parallax.top, parallax.bottom) == ("1.5 %", "2 %")
    assert holes.said == "0.20 % on average, 0.30 % at most"
    assert speed.said == "12 fps on average, 12 fps at most"
    assert flicker.areas[0][1].startswith("M0 100.0L0.0 100.0L500.0 100.0")
    for chart in (parallax, holes, flicker, speed):
        for _, path in chart.areas:
            numbers = [float(n) for n in re.findall(r"-?[\d.]+", path)]
            assert all(0 <= x <= 1000 for x in numbers[::2])
            assert all(0 <= y <= 100 for y in numbers[1::2])
    front = parallax.areas[0][1]
    zero = 100 * 1.5 / 3.5
    assert f"L0.0 {zero - zero / 1.5 * 1.2:.1f}L500.0" in front


def test_times_for_people() -> None:
    assert [clock(0), clock(59.96), clock(61.2), clock(3723.04)] == ["0:00.0", "1:00.0", "1:01.2", "1:02:03.0"]

"""Moments of a film: the right frame, at once, looked at through the stages of a conversion."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from stereo3d.errors import InputError, UsageError
from stereo3d.job.survey import survey_source
from stereo3d.media import reader
from stereo3d.media.decode import decode
from stereo3d.media.near import NearReader
from stereo3d.media.probe import probe
from stereo3d.media.still import jpeg
from stereo3d.moments import LOOKS, Moment, look, open_moments
from stereo3d.settings import Settings, TimeSettings
from tests.films import make_film

RATE = Fraction(24000, 1001)
CLASSIC = Settings.from_flat({"model": "classic"})


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", (60, 60, 80), sound=False)


@pytest.fixture(scope="module")
def moment(film: Path) -> Iterator[Moment]:
    with open_moments(film, CLASSIC) as moments:
        yield moments.at(Fraction(4))


@pytest.mark.parametrize("number", [0, 1, 59, 60, 119, 121, 199])
def test_a_time_gives_the_very_frame_of_a_conversion(film: Path, number: int) -> None:
    info = probe(film)
    timeline = survey_source(info, TimeSettings(), lambda _done: None).timeline
    wanted = next(decode(info, timeline, number, number + 1, batch=1))
    time = (timeline.pts[number] - timeline.pts[0]) * timeline.time_base
    with open_moments(film, CLASSIC) as moments:
        found = [moments.scene(t).source for t in (time, time + Fraction(1, 100))]
    for source in found:
        assert source.pts == wanted.pts
        assert all(torch.equal(a, b) for a, b in zip(source.planes, wanted.planes, strict=True))


def test_the_neighbours_are_of_the_same_shot(film: Path) -> None:
    with open_moments(film, CLASSIC) as moments:
        scene = moments.scene(60 / RATE)
        last = moments.scene(59 / RATE)
    assert scene.frames[scene.place] is scene.source
    assert [frame.index >= 60 for frame in scene.frames] == [True] * len(scene.frames)
    assert len(scene.frames) > 1
    assert all(frame.index < 60 for frame in last.frames)


def test_beyond_the_end_the_last_frame_is_shown(film: Path) -> None:
    with open_moments(film, CLASSIC) as moments:
        assert moments.scene(Fraction(500)).source.index == 199


def test_a_late_time_is_sought_not_read_up_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a film with a keyframe each second, what is decoded does not depend on how late the time is."""
    film = make_film(tmp_path / "long.mp4", (24,) * 60, sound=False, size=(64, 48))
    decoded: list[int] = []
    stamp = reader.Clock.stamp

    def counting(self: reader.Clock, frame: object) -> list[reader.SourceFrame]:
        found = stamp(self, frame)  # type: ignore[arg-type]
        decoded.extend(source.pts for source in found)
        return found

    monkeypatch.setattr(reader.Clock, "stamp", counting)
    with open_moments(film, CLASSIC) as moments:
        decoded.clear()
        moments.scene(Fraction(50))
    assert len(decoded) < 24 * 14
    assert min(decoded) * probe(film).video.time_base > 35


def test_a_source_without_keyframes_to_seek_is_refused_but_at_its_beginning(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader.FrameReader, "seek", lambda *_args, **_kwargs: None)
    with NearReader(probe(film)) as near:
        assert near.near(Fraction(1)).samples[0].index == 23
        with pytest.raises(InputError, match="no keyframe"):
            near.near(Fraction(60))


def test_depth_is_of_the_picture_and_in_range(moment: Moment) -> None:
    depth = moment.depth
    assert depth.shape[:2] == (1, 1)
    assert depth.dtype == torch.float32
    assert 0 <= float(depth.min()) < float(depth.max()) <= 1
    assert len(moment.depths) > 1


def test_with_zero_strength_each_eye_is_the_source(moment: Moment) -> None:
    seen = look(moment, Settings.from_flat({"strength": 0}))
    for eye in (seen.left, seen.right):
        assert all(torch.equal(a, b) for a, b in zip(eye.planes, moment.source.planes, strict=True))


def test_more_strength_moves_the_eyes_farther_apart(moment: Moment) -> None:
    def apart(strength: float) -> float:
        seen = look(moment, Settings.from_flat({"strength": strength}))
        return float((seen.left.planes[0].float() - seen.right.planes[0].float()).abs().mean())

    assert apart(0) < apart(1) < apart(4)


@pytest.mark.parametrize("name", LOOKS)
def test_every_picture_becomes_a_file(moment: Moment, name: str) -> None:
    seen = look(moment, Settings())
    picture = seen.picture(name)
    shown = cv2.imdecode(np.frombuffer(jpeg(picture), np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[:2] == (picture.height, picture.width)
    assert shown.std() > 5


def test_a_picture_that_does_not_exist_is_refused(moment: Moment) -> None:
    with pytest.raises(UsageError, match="mono"):
        look(moment, Settings()).picture("mono")


def test_a_smaller_picture_has_its_own_size_and_the_same_depth(moment: Moment) -> None:
    small = look(moment, Settings(), height=48)
    assert (small.left.width, small.left.height) == (80, 48)
    assert small.picture("source").height == 48
    assert small.screen == look(moment, Settings()).screen


def test_the_screen_is_where_it_is_put(moment: Moment) -> None:
    assert look(moment, Settings.from_flat({"zero_parallax": 0.3})).screen == 0.3
    near = look(moment, Settings.from_flat({"screen_width": "cinema", "strength": 15}))
    assert near.strength < 15


def test_black_bars_stay_where_they_are(film: Path, tmp_path: Path) -> None:
    import av

    boxed = tmp_path / "boxed.mp4"
    with av.open(str(film)) as source, av.open(str(boxed), "w") as target:
        stream = target.add_stream("libx264", rate=RATE, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuv420p"
        for frame in source.decode(video=0):
            picture = np.zeros((128, 160, 3), np.uint8)
            picture[16:112] = frame.to_ndarray(format="rgb24")
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        target.mux(stream.encode(None))
    with open_moments(boxed, CLASSIC) as moments:
        found = moments.at(Fraction(1))
    assert (found.bars.top, found.bars.bottom) == (16, 16)
    kept = look(found, CLASSIC)
    assert torch.equal(kept.left.planes[0][:, :16], found.source.planes[0][:, :16])
    painted = kept.picture("depth")
    assert not painted.planes[2][:, :16].any()
    assert painted.planes[0][:, 16:112].any()
    cropped = look(found, Settings.from_flat({"bars": "crop"}))
    assert (cropped.left.width, cropped.left.height) == (160, 96)


def test_a_picture_is_a_film_of_one_moment(film: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), np.random.default_rng(1).integers(0, 255, (96, 160, 3), dtype=np.uint8))
    with open_moments(picture, CLASSIC) as moments:
        assert look(moments.at(Fraction(0)), CLASSIC).left.width == 160

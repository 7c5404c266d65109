"""A job goes on with the encoder that it began with, whatever the machine has by then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stereo3d.errors import UsageError
from stereo3d.job.done import Asked
from stereo3d.job.encoder import as_begun, encoder_for
from stereo3d.job.job import Wish
from stereo3d.job.manifest import Manifest
from stereo3d.media.encode import choose_encoder
from stereo3d.media.probe import probe
from stereo3d.pipeline.recipe import Numerics
from stereo3d.plan.bars import Framing
from stereo3d.settings import Settings
from tests.films import make_film


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", (3,), sound=False)


def _wish(film: Path, **options: object) -> Wish:
    settings = Settings.from_flat(options)
    info = probe(film)
    encoder = encoder_for(info, settings.encode, settings, Framing())
    return Wish(Asked(film, film.with_name("out.mkv"), settings), info, None, settings.encode, encoder)


def _manifest(wish: Wish, encoder: str) -> Manifest:
    flat = wish.settings.to_flat()
    return Manifest("film.mkv", "out.mkv", "0", flat, "classic", Numerics("cpu", 1, 1), (), encoder=encoder)


def test_software_stays_software_though_a_card_is_there_now(film: Path) -> None:
    begun = _wish(film)
    hardware = choose_encoder(begun.encode, 320, 96, begun.info.video.format, hardware=True)
    now = replace(begun, encoder=hardware)
    assert as_begun(now, _manifest(begun, "libx264")).encoder == begun.encoder
    assert as_begun(now, _manifest(begun, "h264_nvenc")) is now
    assert as_begun(now, None) is now


def test_a_card_that_is_gone_is_said_and_not_passed_over(film: Path) -> None:
    wish = _wish(film)
    with pytest.raises(UsageError, match="begun with h264_nvenc") as caught:
        as_begun(wish, _manifest(wish, "h264_nvenc"))
    assert "--encoder software" in caught.value.hint


def test_who_asks_for_another_encoder_gets_it(film: Path) -> None:
    begun = _wish(film)
    for options in ({"encoder": "software"}, {"codec": "hevc"}):
        other = _wish(film, **options)
        assert as_begun(other, _manifest(begun, "h264_nvenc")) is other


def test_the_manifest_says_it(film: Path, tmp_path: Path) -> None:
    manifest = _manifest(_wish(film), "libx264")
    manifest.save(tmp_path / "job.json")
    loaded = Manifest.load(tmp_path / "job.json")
    assert loaded is not None
    assert loaded.encoder == "libx264"

"""Options: bounds, errors with a remedy, presets."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from stereo3d.errors import UsageError
from stereo3d.presets import load_preset, preset_names, settings_from
from stereo3d.settings import Settings, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1:30", 90), ("1:01:30", 3690), ("0:00:00.041", Fraction(41, 1000)), ("12.5", Fraction(25, 2))],
)
def test_times_are_exact(text: str, seconds: Fraction) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "-1", "1:2:3:4", "1::2", "1h"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="seconds or"):
        parse_time(text)


@pytest.mark.parametrize(
    ("options", "says", "hints"),
    [
        ({"strength": 99}, "--strength 99: input should be less than or equal to 15", "0..15"),
        ({"zero-parallax": "x"}, "--zero-parallax 'x'", "or auto"),
        ({"layout": "anaglyphic"}, "--layout 'anaglyphic': no such layout", "packed: sbs-full, "),
        ({"layout": ["anaglyph"]}, "--layout ['anaglyph']", "packed"),
        ({"layout": "2d+depth", "swap-eyes": True}, "--swap-eyes does not go with --layout 2d+depth", ""),
        ({"fov": 200}, "--fov 200", "20..150"),
        ({"batch": 0}, "--batch 0", "1..256"),
        ({"depth-size": "50"}, "--depth-size '50'", "112..2044"),
        ({"depth-size": "big"}, "--depth-size 'big'", "auto"),
        ({"dtype": "fp8"}, "--dtype 'fp8'", "auto suits the device"),
        ({"bars": "trim"}, "--bars 'trim'", "crop"),
        ({"canvas": "wide"}, "--canvas 'wide'", "16:9"),
        ({"device": "cuda:x"}, "--device 'cuda:x': it is not of that form", "--device D: where depth and views"),
        ({"device": "cpu,cuda:0"}, "--device 'cpu,cuda:0'", "cuda:all, cuda:0,cuda:1 or cpu,cpu"),
        ({"cluster": "nohost"}, "--cluster 'nohost': it is not of that form", "host:port"),
        ({"trace": ""}, "--trace '': it is empty", "Perfetto"),
        ({"hang-limit": 1}, "--hang-limit 1: input should be 'auto' or input should be greater", "5..86400"),
        ({"start": "5", "end": "1:2:x"}, "--end '1:2:x'", "MM:SS"),
        ({"start": 5, "end": 1}, "end (1 s) must come after start (5 s)", ""),
        ({"strength": float("nan")}, "--strength nan", "0..15"),
        ({"divergence": 2}, "unknown option 'divergence'", "strength"),
    ],
)
def test_bad_values_say_what_and_what_is_allowed(options: dict[str, object], says: str, hints: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings.from_flat(options)
    assert says in caught.value.message
    assert hints in caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint
    assert caught.value.exit_code == 2


def test_flat_settings_survive_the_round_trip() -> None:
    settings = Settings.from_flat(
        {"depth_size": 392, "strength": "1.5", "start": "1:30.5", "canvas": "16:9", "batch": "4", "swap_eyes": True}
    )
    assert settings.view.strength == 1.5
    assert settings.depth.batch == 4
    assert Settings.from_flat(settings.to_flat()) == settings


def test_option_names_are_unique_over_the_groups() -> None:
    names = [name for kind in Settings.groups().values() for name in kind.model_fields]
    assert len(names) == len(set(names))


def test_every_preset_loads() -> None:
    assert {"small-fast", "large-quality", "tv-3d", "headset", "tutorial"} <= set(preset_names())
    for name in preset_names():
        assert load_preset(name)
        assert isinstance(settings_from(name, {}), Settings)


def test_the_tutorial_preset_is_the_tutorial() -> None:
    settings = settings_from("tutorial", {})
    assert settings.view.strength / 100 * 1920 / 2 == 15  # pixels for each eye
    assert settings.view.zero_parallax == 0
    assert settings.picture.layout == "sbs-full"


def test_options_override_the_preset() -> None:
    assert settings_from("tv-3d", {"strength": 1}).view.strength == 1
    assert settings_from("tv-3d", {"strength": 1}).view.screen_width == "tv"
    assert settings_from("tutorial", {}).view.window == "off"
    assert settings_from("tv-3d", {}).picture.layout == "sbs-half"


def test_bad_presets(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no preset 'best'") as caught:
        settings_from("best", {})
    assert "tutorial" in caught.value.hint
    for text, says in (
        ("- a\n- b\n", "holds no options"),
        ("a: [", "cannot be read"),
        ("strength: 99\n", "preset .*strength 99"),
    ):
        file = tmp_path / "mine.yaml"
        file.write_text(text)
        with pytest.raises(UsageError, match=says):
            settings_from(file, {})


def test_on_and_off_are_words_in_presets(tmp_path: Path) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text("bars: off\nwindow: off\nswap-eyes: true\n", encoding="utf-8")
    settings = settings_from(preset, {})
    assert (settings.picture.bars, settings.view.window, settings.picture.swap_eyes) == ("off", "off", True)

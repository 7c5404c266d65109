"""The file of shots' own settings, changed by a program: what a person wrote stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from stereo3d.errors import UsageError
from stereo3d.job.shots_edit import edited
from stereo3d.job.shots_file import in_force, own_options, rules_in
from stereo3d.plan.overrides import FLAT
from stereo3d.settings import Settings

PATH = Path("film.mkv.shots.yaml")
WRITTEN = """# the balcony is too much
shot 8: strength 1.2   # a little
shots 1-3, 7: flat

# models
shots 4-6:
  model: large
  zero-parallax: 0.4

# the end
"shot 9": 'window float'
"""


def own(text: str) -> dict[int, dict[str, str]]:
    return own_options(rules_in(text, PATH), PATH, 9)


def test_a_new_file_and_shots_that_are_alike() -> None:
    changes = {2: {"strength": "1.2"}, 3: {"strength": "1.2"}, 4: {"strength": "1.2"}, 7: {"flat": ""}, 9: {}}
    assert edited("", PATH, changes, 9) == "shots 2-4: strength 1.2\nshot 7: flat\n"
    assert edited("# mine", PATH, {1: {"zero_parallax": "auto", "strength": "2"}}, 9) == (
        "# mine\nshot 1: strength 2, zero-parallax auto\n"
    )


def test_what_a_person_wrote_stays() -> None:
    new = edited(WRITTEN, PATH, {2: {"strength": "3"}, 5: {}, 8: {"flat": ""}}, 9)
    assert "# the balcony is too much\nshots 1, 3, 7: flat\n\n# models\nshots 4, 6:\n  model: large\n" in new
    assert "# the end\n\"shot 9\": 'window float'\n" in new
    assert new.endswith("shot 2: strength 3\nshot 8: flat\n")
    before = own(WRITTEN)
    assert own(new) == {n: before[n] for n in (1, 3, 4, 6, 7, 9)} | {2: {"strength": "3"}, 8: {"flat": ""}}


@pytest.mark.parametrize("number", range(1, 10))
def test_each_shot_can_go_and_come_back(number: int) -> None:
    before = own(WRITTEN)
    gone = edited(WRITTEN, PATH, {number: {}}, 9)
    assert own(gone) == {n: options for n, options in before.items() if n != number}
    assert own(edited(gone, PATH, {number: before[number]}, 9)) == before
    assert gone.count("#") == WRITTEN.count("#") - (number == 8)  # what was said behind a line goes with it


def test_all_taken_out_leaves_the_comments() -> None:
    left = edited(WRITTEN, PATH, {n: {} for n in range(1, 10)}, 9)
    assert " ".join(left.split()) == "# the balcony is too much # models # the end"


@pytest.mark.parametrize(
    ("text", "changes", "what"),
    [
        ("shot 1: flat\n", {1: {"strength": "99"}}, "less than or equal to 15"),
        ("shot 1: flat\n", {1: {"colour": "red"}}, "no option of a shot"),
        ("shot 1: flat\n", {7: {"flat": ""}}, "there is no shot 7"),
        ("shot 1: flat\nshot 6: flat\n", {1: {}}, "line 2: there is no shot 6"),
        ("shot 1: [\n", {1: {}}, "line 2"),
        ("{shot 1: flat, shot 2: flat}\n", {1: {"strength": "1"}}, "line"),
        ("shot 1: &a\n  strength: 2\nshot 2: *a\n", {1: {}}, "line"),
        ("", {1: {"model": "a, strength 3"}}, "cannot be changed by a program"),
        ("", {1: {"model": "a: b"}}, "line 1"),
    ],
)  # fmt: skip
def test_what_would_mean_something_else_is_refused(text: str, changes: dict[int, dict[str, str]], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        edited(text, PATH, changes, 5)


def test_what_is_in_force_for_a_shot() -> None:
    film = Settings.from_flat({"model": "small", "strength": 3, "window": "off"})
    mine = in_force({"strength": "1.5", "zero_parallax": "0.25", "model": "small"}, film)
    assert (mine.view.strength, mine.view.zero_parallax, mine.view.window, mine.model) == (1.5, 0.25, "off", "")
    assert in_force({"model": "large"}, film).model == "large"
    flat = in_force({"flat": "", "strength": "9"}, film)
    assert (flat.view.strength, flat.model) == (0, FLAT)
    with pytest.raises(UsageError, match="strength"):
        in_force({"strength": "nan"}, film)

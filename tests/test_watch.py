"""When a silence is a hang."""

from __future__ import annotations

from stereo3d.watch import HangLimit


def test_the_limit_follows_the_longest_pause() -> None:
    limit = HangLimit()
    assert limit.seconds("convert") == 1800  # nothing is known yet
    for _ in range(30):
        limit.heard("convert", 0.5)
    assert limit.seconds("convert") == 120
    limit.heard("convert", 40.0)
    assert limit.seconds("convert") == 1600
    assert limit.seconds("scan") == 1800
    assert limit.seconds("join") == 3600
    assert limit.seconds("wait") == float("inf")


def test_a_given_limit_holds_where_work_comes_in_small_steps() -> None:
    limit = HangLimit(30)
    assert (limit.seconds("convert"), limit.seconds("scan"), limit.seconds("verify")) == (30, 30, 3600)

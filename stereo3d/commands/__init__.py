"""The commands beside convert, each file a few of them: arguments in, text or JSON out; light until one runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stereo3d.commands.arguments import Add
from stereo3d.commands.bench import PARTS, add_bench
from stereo3d.commands.compare import add_compare
from stereo3d.commands.estimate import add_estimate
from stereo3d.commands.facts import add_facts
from stereo3d.commands.preview import add_preview
from stereo3d.commands.ui import add_ui

__all__ = ["add_commands", "joined"]


def joined(argv: Sequence[str]) -> list[str]:
    """``bench depth`` is a command of its own, and so is ``bench steadiness``: their options are others."""
    own = len(argv) > 1 and argv[0] == "bench" and argv[1] in PARTS
    return [f"bench-{argv[1]}", *argv[2:]] if own else list(argv)


def add_commands(add: Add, add_settings: Callable[..., None]) -> None:
    """Add the commands. ``add``: makes a parser; ``add_settings``: gives it the options of a conversion."""
    add_preview(add, add_settings)
    add_compare(add, add_settings)
    add_estimate(add, add_settings)
    add_facts(add)
    add_bench(add, add_settings)
    add_ui(add, add_settings)

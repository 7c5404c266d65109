"""ui: the page to do it in."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from stereo3d.commands.arguments import Add, settings_given, tell
from stereo3d.errors import UsageError

__all__ = ["add_ui"]


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 1 to 65535, or 0 for a free one")
    return int(text)


def add_ui(add: Add, add_settings: Callable[..., None]) -> None:
    """Add ui. ``add_settings``: gives it the options of a conversion that the page begins with."""
    parser = add(
        "ui",
        usage="stereo3d ui [FOLDER ...] [options]",
        help="a page in the browser: look at moments of films, convert them, watch the progress",
        description="Serves a page to this machine only and prints its address, which holds the key. Conversions that are started there go "
        "on when it ends. Ctrl-C ends it.",
    )
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        type=Path,
        nargs="*",
        help="where films are; the page sees nothing else (default: here)",
    )
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="listen at another address, such as 0.0.0.0 for the network around",
    )
    parser.add_argument("--port", metavar="N", type=_port, default=8033, help="0 for a free one (default 8033)")
    parser.add_argument(
        "--browser", action=argparse.BooleanOptionalAction, default=True, help="open the page in this machine's browser"
    )
    parser.add_argument("--preset", metavar="NAME|FILE", default=None, help="options to begin with; others override it")
    add_settings(parser, "ui")
    parser.set_defaults(run=_ui)


def _ui(arguments: argparse.Namespace) -> int:
    from stereo3d.presets import settings_from

    try:
        from stereo3d.ui.serve import serve
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn", "anyio"):
            raise
        raise UsageError(f"the page needs {error.name}", hint="pip install 'stereo3d[ui]'") from None
    base = settings_from(arguments.preset, settings_given(arguments))
    places = tuple(arguments.folder) or (Path(),)
    serve(arguments.host, arguments.port, places, base, browser=arguments.browser, tell=tell)
    print("the page has ended; conversions go on", file=sys.stderr)
    return 0

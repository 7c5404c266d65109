"""The command line: parse, call, print. No logic; neither torch nor av is imported before a command needs it.

Data goes to stdout, everything else to stderr. Exit codes: 0 done and verified, 1 failed, 2 wrong usage, 3 done but
something was lost or replaced, 130 interrupted and resumable.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, get_args

from stereo3d import __version__
from stereo3d.commands import add_commands, joined
from stereo3d.commands.arguments import add_preset, settings_given
from stereo3d.errors import Stereo3DError
from stereo3d.settings import RunSettings, Settings, TrackSettings, ViewSettings

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    """Says errors the way the rest of the program does."""

    def error(self, message: str) -> NoReturn:
        _print_error(message, f"{self.prog} --help shows what is allowed")
        raise SystemExit(2)


def _print_error(message: str, hint: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)


_OTHER_DEPTH = {"colormap", "depth_from", "depth_invert"}  # depth that is shown, or read

# What is about the views has no place in a film of depth, and the other way round.
_NOT_FOR = {
    "convert": {"colormap"},
    "depth": {
        *ViewSettings.model_fields,
        "layout",
        "swap_eyes",
        "canvas",
        "keep_depth",
        "bars",
        "recursive",
        "done_by",
        "frame_packing_sei",
        "name_for",
        "sdr",
    },
    "bench": {
        "colormap",
        "frame_packing_sei",
        "sdr",
        "deinterlace",
        *TrackSettings.model_fields,
        *RunSettings.model_fields,
    },
    "ui": {
        *_OTHER_DEPTH,
        "start",
        "end",
        "max_fps",
        "depth_codec",
        *(set(RunSettings.model_fields) - {"keep_depth", "keep_work", "wait", "verify", "report", "hang_limit"}),
    },
    "preview": {*_OTHER_DEPTH, *RunSettings.model_fields},
    **dict.fromkeys(
        ("compare", "estimate"),
        {*_OTHER_DEPTH, "model", "weights", *RunSettings.model_fields} - {"keep_depth", "verify"},
    ),
    "bench-steadiness": {option for kind in Settings.groups().values() for option in kind.model_fields}
    - {"model", "weights", "device", "batch", "depth_size", "dtype", "start", "end"},
}


def _add_settings(parser: argparse.ArgumentParser, command: str) -> None:
    """One argument for every option of the settings that the command takes; only those given are in the namespace."""
    for kind in Settings.groups().values():
        wanted = {name: field for name, field in kind.model_fields.items() if name not in _NOT_FOR[command]}
        section = parser.add_argument_group(kind.__doc__) if wanted else parser
        for name, field in wanted.items():
            flag = "--" + name.replace("_", "-")
            default = "" if field.default is None or isinstance(field.default, bool) else f" (default {field.default})"
            text = ((field.description or "") + default).replace("%", "%%")
            if field.annotation is bool:
                _add_switch(section, name, text, on=field.default)
                continue
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            metavar = str(extra.get("metavar", "")) or "|".join(str(choice) for choice in get_args(field.annotation))
            section.add_argument(flag, metavar=metavar, default=argparse.SUPPRESS, help=text)


def _add_switch(section: argparse._ActionsContainer, name: str, text: str, *, on: bool) -> None:
    """Both words for an option that is on or off; help shows the one that changes something, for it is the default's opposite.
    The other is for who overrides a preset."""
    for flag, value in (("--" + name.replace("_", "-"), True), ("--no-" + name.replace("_", "-"), False)):
        shown = text if value != on else argparse.SUPPRESS
        section.add_argument(flag, dest=name, action="store_const", const=value, default=argparse.SUPPRESS, help=shown)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="stereo3d", description="Turns a whole 2D film into a stereoscopic one.")
    parser.add_argument("--version", action="version", version=f"stereo3d {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    convert = commands.add_parser(
        "convert",
        usage="stereo3d convert INPUT [INPUT ...] [-o OUTPUT] [options]",
        help="convert a film; continues an unfinished job of the same output",
        description="Converts a film, a picture or a folder of numbered pictures. The same command continues what was interrupted.",
    )
    convert.add_argument(
        "input",
        metavar="INPUT",
        type=Path,
        nargs="+",
        help="films, a folder of them, a picture or a folder of numbered pictures",
    )
    convert.add_argument(
        "-o", "--output", type=Path, default=None,
        help="the result: .mkv or .mp4 (default: beside INPUT); for several films a folder",
    )  # fmt: skip
    add_preset(convert)
    _add_settings(convert, "convert")
    convert.set_defaults(run=_convert)

    depth = commands.add_parser(
        "depth",
        usage="stereo3d depth INPUT -o OUTPUT [options]",
        help="depth alone, as a video: to render from later, or in colours for people",
        description="Writes the depth of a film, white is near, with the film's frame times: for convert --depth-from. With "
        "--colormap it is an ordinary film in colours, with the source's sound.",
    )
    depth.add_argument(
        "input", metavar="INPUT", type=Path, nargs=1, help="a film, a picture or a folder of numbered pictures"
    )
    depth.add_argument("-o", "--output", type=Path, required=True, help="the result: .mkv (in colours .mp4, too)")
    _add_settings(depth, "depth")
    depth.set_defaults(run=_convert, preset=None, colormap="none")

    status = commands.add_parser("status", help="what is done, what is left, how fast")
    status.add_argument("place", metavar="OUTPUT|JOBDIR", type=Path)
    status.add_argument("--json", action="store_true", help="as JSON on stdout")
    status.set_defaults(run=_status)

    peek = commands.add_parser("peek", help="what is finished so far, as one film to play, while the job goes on")
    peek.add_argument("place", metavar="OUTPUT|JOBDIR", type=Path)
    peek.add_argument(
        "-o", "--output", metavar="FILE", type=Path, default=None, help="default: OUTPUT's name with .peek"
    )
    peek.add_argument("--overwrite", action="store_true", help="replace a FILE that exists")
    peek.set_defaults(run=_peek)
    add_commands(commands.add_parser, _add_settings)
    return parser


def _convert(arguments: argparse.Namespace) -> int:
    from stereo3d.conversion import convert_command
    from stereo3d.presets import settings_from

    settings = settings_from(arguments.preset, settings_given(arguments))
    return convert_command(arguments.input, arguments.output, settings)


def _status(arguments: argparse.Namespace) -> int:
    from stereo3d.job.status import status_of

    status = status_of(arguments.place)
    print(json.dumps(status.to_json()) if arguments.json else status.text())
    return 0


def _peek(arguments: argparse.Namespace) -> int:
    from stereo3d.job.peek import peek

    print(peek(arguments.place, arguments.output, overwrite=arguments.overwrite).text())
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    arguments, unknown = _parser().parse_known_args(joined(sys.argv[1:] if argv is None else argv))
    if unknown:
        command = arguments.command.replace("-", " ")  # as in `bench depth`
        _print_error(f"unknown arguments: {' '.join(unknown)}", f"stereo3d {command} --help shows what is allowed")
        return 2
    try:
        return int(arguments.run(arguments))
    except Stereo3DError as error:
        _print_error(error.message, error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        _print_error("interrupted", "the same command continues")
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: one line for people, the rest on request
        if os.environ.get("STEREO3D_DEBUG"):
            traceback.print_exc()
        _print_error(
            f"internal error: {type(error).__name__}: {' '.join(str(error).split())}",
            "finished segments are kept and the same command continues; STEREO3D_DEBUG=1 shows the details for a report",
        )
        return 1


if __name__ == "__main__":
    sys.exit(main())

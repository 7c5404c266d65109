"""Whether the input and the output can be what they are said to be, asked before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from stereo3d.errors import InputError, OutputError, UsageError
from stereo3d.job.store import work_folder_of
from stereo3d.layouts import LAYOUTS, name_suffix
from stereo3d.settings import Settings

__all__ = ["FILM_SUFFIXES", "PICTURE_SUFFIXES", "check_places", "default_output", "depth_place"]

FILM_SUFFIXES = (".mkv", ".mp4")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
_LONGEST_SUFFIX = ".report.html.part"


def default_output(source: Path, settings: Settings, *, picture: bool) -> Path:
    """``Film.mkv`` -> ``Film.3D.SBS.mkv`` beside it; a picture stays a picture."""
    stem = source.stem if not source.is_dir() else source.name
    suffix = name_suffix(LAYOUTS[settings.picture.layout], settings.run.name_for)
    return source.with_name(f"{stem}{suffix}{'.png' if picture else '.mkv'}")


def depth_place(output: Path) -> Path:
    """Where the depth of an output is kept: ``Film.3D.SBS.depth.mkv``."""
    return output.with_name(f"{output.stem}.depth.mkv")


def _check_name(output: Path) -> None:
    """The longest name that is made of an output's must be one that the file system takes."""
    limit = os.pathconf(output.parent, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
    made = len(os.fsencode(output.name + _LONGEST_SUFFIX))
    if made > limit:
        raise OutputError(
            f"the name {output.name[:40]}... is too long by {made - limit} bytes for the files that go with it",
            hint="choose a shorter one with -o",
        )


def check_places(source: Path, output: Path, settings: Settings, *, picture: bool, replace: bool = False) -> None:
    """Raises InputError, UsageError or OutputError with a hint; creates nothing. ``replace``: what is there may go."""
    try:
        _check(source, output, settings, picture=picture, replace=replace)
    except PermissionError as error:
        hint = "choose a place that you can write to with -o"
        raise OutputError(f"cannot look into {output.parent}: {error.strerror}", hint=hint) from error


def _check(source: Path, output: Path, settings: Settings, *, picture: bool, replace: bool) -> None:
    if not source.exists():
        raise InputError(f"there is no {source}", hint="check the path; a name with spaces needs quotes")
    if _same(source, output):
        raise UsageError(f"the output is the input: {output}", hint="choose another name with -o")
    allowed = PICTURE_SUFFIXES if picture else FILM_SUFFIXES
    if output.suffix.lower() not in allowed:
        raise UsageError(
            f"cannot write {output.suffix or 'a file without suffix'}: {output}",
            hint=f"use one of {', '.join(allowed)}",
        )
    if settings.run.keep_depth and picture:
        raise UsageError("--keep-depth goes with films", hint="'stereo3d depth PICTURE -o FILE.png' writes its depth")
    if settings.paint.colormap == "none" and not picture and output.suffix.lower() != ".mkv":
        raise UsageError(f"grey depth cannot be written as {output.suffix}: {output}", hint="use .mkv")
    if settings.picture.bars == "crop" and (settings.run.keep_depth or settings.depth.depth_from is not None):
        raise UsageError(
            "--bars crop does not go with --keep-depth or --depth-from", hint="kept depth covers the whole frame"
        )
    for place in (output, depth_place(output)) if settings.run.keep_depth else (output,):
        if place.is_dir():
            raise OutputError(f"{place} is a folder", hint="name a file with -o")
        if place.exists() and not replace:
            hint = "--overwrite replaces it (and keeps what the settings do not touch); -o chooses another name"
            raise OutputError(f"{place} exists already", hint=hint)
        if settings.depth.depth_from is not None and _same(Path(settings.depth.depth_from), place):
            raise UsageError(f"the output is the file of --depth-from: {place}", hint="choose another name with -o")
    folder = output.parent
    if not folder.is_dir():
        raise OutputError(f"there is no folder {folder}", hint="create it, or choose another place with -o")
    if not os.access(folder, os.W_OK) or (
        work_folder_of(output).exists() and not os.access(work_folder_of(output), os.W_OK)
    ):
        raise OutputError(f"cannot write in {folder}", hint="choose a place that you can write to with -o")
    _check_name(output)
    if settings.run.trace is not None:
        _check_trace(Path(settings.run.trace), source, output)


def _check_trace(trace: Path, source: Path, output: Path) -> None:
    """It is written when all is done: that is too late to find that there is no place for it."""
    if trace.is_dir() or _same(trace, source) or trace.absolute() == output.absolute():
        raise UsageError(f"--trace {trace}: a trace cannot be written over that", hint="name a file of its own for it")
    if not trace.parent.is_dir():
        raise OutputError(f"--trace {trace}: there is no folder {trace.parent}", hint="create it, or choose another")
    if not os.access(trace.parent, os.W_OK):
        raise OutputError(f"--trace {trace}: cannot write in {trace.parent}", hint="choose another folder")


def _same(a: Path, b: Path) -> bool:
    return a.exists() and b.exists() and a.samefile(b)

"""HDR metadata that belongs to single frames: what is lost is said, and what cannot be right is refused."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from stereo3d.errors import InputError
from stereo3d.media.probe import probe
from stereo3d.media.tools import ffmpeg_exe
from stereo3d.media.wanted import wanted
from stereo3d.settings import Settings


def _ffmpeg(*words: object) -> None:
    subprocess.run([ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, words)], check=True)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    _ffmpeg("-f", "lavfi", "-i", "testsrc2=size=128x64:rate=24:duration=0.3", "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-preset",
            "ultrafast", "-x265-params", "log-level=none", "-tag:v", "hvc1", path)  # fmt: skip
    return path


def _dolby_vision(film: Path, out: Path, profile: int, compatibility: int) -> Path:
    """The film with Dolby Vision's configuration box (dvcC) in its sample entry, as such files have it."""
    data = bytearray(film.read_bytes())
    config = bytes([1, 0, profile << 1, (1 << 3) | 0b101, compatibility << 4]) + bytes(19)
    box = struct.pack(">I4s", 8 + len(config), b"dvcC") + config
    entry = data.index(b"hvc1", data.index(b"stsd")) - 4
    end = entry + struct.unpack_from(">I", data, entry)[0]
    place = 0
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"):
        place = data.index(name, place)
        struct.pack_into(">I", data, place - 4, struct.unpack_from(">I", data, place - 4)[0] + len(box))
    data[end:end] = box
    out.write_bytes(data)
    return out


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_dolby_vision_without_a_base_is_refused(film: Path, tmp_path: Path, suffix: str) -> None:
    path = _dolby_vision(film, tmp_path / "five.mp4", 5, 0)
    if suffix == ".mkv":
        _ffmpeg("-i", path, "-c", "copy", "-strict", "unofficial", tmp_path / "five.mkv")
    info = probe(path.with_suffix(suffix))
    assert info.video.dolby_vision == (5, 0)
    with pytest.raises(InputError, match="Dolby Vision profile 5") as caught:
        wanted(info, Settings())
    assert "profile 7 or 8" in caught.value.hint


def test_dolby_vision_above_hdr10_is_said_to_be_lost(film: Path, tmp_path: Path) -> None:
    info = wanted(probe(_dolby_vision(film, tmp_path / "eight.mp4", 8, 1)), Settings())
    assert info.video.dolby_vision == (8, 1)
    assert info.video.lost_metadata == ("Dolby Vision",)
    assert wanted(probe(film), Settings()).video.lost_metadata == ()


def test_hdr10_plus_is_said_to_be_lost(film: Path, tmp_path: Path) -> None:
    raw = tmp_path / "film.hevc"
    _ffmpeg("-i", film, "-c", "copy", "-bsf:v", "hevc_mp4toannexb", raw)
    # SMPTE ST 2094-40: one window, 1000 cd/m2, no percentiles, no curve
    bits = "01" + f"{1000:027b}" + "0" + 3 * f"{50000:017b}" + f"{20000:017b}" + "0000" + f"{0:010b}" + "0" + "0" + "0"
    bits += "0" * (-len(bits) % 8)
    payload = bytes([0xB5, 0, 0x3C, 0, 1, 4, 1]) + int(bits, 2).to_bytes(len(bits) // 8)
    payload = bytes([4, len(payload)]) + payload + b"\x80"
    message = (
        b"\0\0\x01" + bytes([39 << 1, 1]) + payload.replace(b"\0\0\0", b"\0\0\3\0").replace(b"\0\0\1", b"\0\0\3\1")
    )
    data = raw.read_bytes()
    slice_ = next(n for n in range(len(data)) if data[n : n + 3] == b"\0\0\1" and data[n + 3] >> 1 & 63 < 32)
    raw.write_bytes(data[:slice_] + message + data[slice_:])
    assert probe(raw).video.lost_metadata == ("HDR10+",)

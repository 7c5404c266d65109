"""A finished film's picture back to the segments it was joined from, without encoding."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.packet import Packet

from stereo3d.errors import VerificationError
from stereo3d.media.blocks import ranks

__all__ = ["PacketsDigest", "packets_sha256", "split", "write_run"]

_TICK = Fraction(1, 1000)


class PacketsDigest:
    """What a run of packets is, whatever container it lies in: SHA-256 (hex) of the codec's header and of every packet with its
    place in display order."""

    def __init__(self, header: bytes) -> None:
        self._digest = hashlib.sha256(header)
        self.times: list[int] = []

    def add(self, packet: Packet[Any]) -> None:
        """The next packet in file order, which has a time."""
        assert packet.pts is not None
        self.times.append(packet.pts)
        self._digest.update(packet.size.to_bytes(8))
        self._digest.update(memoryview(packet))

    def hexdigest(self) -> str:
        """Once, when all packets were added."""
        self._digest.update(repr(ranks(self.times)).encode())
        return self._digest.hexdigest()


def packets_sha256(path: Path) -> str:
    """The :class:`PacketsDigest` of a file's picture. Raises VerificationError."""
    try:
        with av.open(f"file:{path}") as container:
            stream = container.streams.video[0]
            digest = PacketsDigest(stream.codec_context.extradata or b"")
            for packet in container.demux(stream):
                if packet.size and packet.pts is not None:
                    digest.add(packet)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise VerificationError(f"{path.name} cannot be read: {error}", hint="it is built anew") from error
    return digest.hexdigest()


def split(film: Path, counts: Sequence[int], wanted: Mapping[int, Path]) -> None:
    """Cut the picture of ``film`` into runs of ``counts`` packets and write the runs whose number is in ``wanted`` as Matroska
    files. Whether they are what they should be is for :func:`packets_sha256` to say. Raises VerificationError."""
    try:
        with av.open(f"file:{film}") as container:
            stream = container.streams.video[0]
            packets = (p for p in container.demux(stream) if p.size and p.pts is not None)
            for number, count in enumerate(counts):
                if number > max(wanted, default=-1):
                    return
                run = list(islice(packets, count))
                if number in wanted:
                    write_run(run, stream, wanted[number])
    except (av.FFmpegError, OSError, IndexError) as error:
        raise VerificationError(f"{film} cannot be taken apart: {error}", hint="its segments are built anew") from error


def write_run(
    run: Sequence[Packet[av.VideoStream]], template: av.VideoStream, out: Path, tick: Fraction = _TICK
) -> None:
    """Write packets that have a time as a Matroska file. Their times become ranks, in units of ``tick`` seconds, for only their
    order counts: the join puts the true ones back. Raises the errors of PyAV."""
    order = ranks([packet.pts for packet in run if packet.pts is not None])
    behind = max((place - rank for place, rank in enumerate(order)), default=0)
    with av.open(f"file:{out}", "w", format="matroska", options={"avoid_negative_ts": "disabled"}) as target:
        stream = target.add_stream_from_template(template, opaque=True)
        for place, (packet, rank) in enumerate(zip(run, order, strict=True)):
            packet.pts, packet.dts, packet.duration, packet.time_base = rank, place - behind, 0, tick
            packet.stream = stream
            target.mux_one(packet)

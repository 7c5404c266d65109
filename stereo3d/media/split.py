"""A finished film's picture back to the segments it was joined from, without encoding."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.packet import Packet

from stereo3d.errors import VerificationError

__all__ = ["packets_sha256", "split", "write_run"]

_TICK = Fraction(1, 1000)


def packets_sha256(path: Path) -> str:
    """What a file's picture is, whatever container it lies in: SHA-256 (hex) of the codec's header and of every packet with its
    place in display order. Raises VerificationError."""
    digest = hashlib.sha256()
    try:
        with av.open(f"file:{path}") as container:
            stream = container.streams.video[0]
            digest.update(stream.codec_context.extradata or b"")
            times: list[int] = []
            for packet in container.demux(stream):
                if packet.size and packet.pts is not None:
                    times.append(packet.pts)
                    digest.update(len(packet_bytes := bytes(packet)).to_bytes(8) + packet_bytes)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise VerificationError(f"{path.name} cannot be read: {error}", hint="it is built anew") from error
    digest.update(repr(_ranks(times)).encode())
    return digest.hexdigest()


def _ranks(times: Sequence[int]) -> list[int]:
    places = {time: rank for rank, time in enumerate(sorted(times))}
    return [places[time] for time in times]


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
    ranks = _ranks([packet.pts for packet in run if packet.pts is not None])
    behind = max((place - rank for place, rank in enumerate(ranks)), default=0)
    with av.open(f"file:{out}", "w", format="matroska", options={"avoid_negative_ts": "disabled"}) as target:
        stream = target.add_stream_from_template(template, opaque=True)
        for place, (packet, rank) in enumerate(zip(run, ranks, strict=True)):
            packet.pts, packet.dts, packet.duration, packet.time_base = rank, place - behind, 0, tick
            packet.stream = stream
            target.mux_one(packet)

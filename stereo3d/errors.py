"""Everything that stereo3d raises on purpose.

::

    Stereo3DError              exit 1
    |-- UsageError             exit 2   an option, a preset or a combination that cannot be meant
    |   `-- WeightsError       exit 2   a checkpoint that is absent, broken or of another network
    |-- InputError             exit 1   the source cannot be read as a film
    |   `-- ChangedError       exit 1   the source is not what it was when the job began
    |-- OutputError            exit 1   the place for the output cannot be used
    |   `-- DiskFullError      exit 1   no room left, and told not to wait for it; the same command continues
    |-- EncodeError            exit 1   an encoder refused its settings or failed
    |-- JobError               exit 1   the work folder is in use, or damaged beyond repair
    |   `-- RepeatedError      exit 1   segment after segment fails: it is not the segments
    |-- VerificationError      exit 1   what was written is not what was meant
    `-- Interrupted            exit 130 stopped on request; the same command continues

Each carries one line that says what is wrong with which value and what is allowed, and a ``hint`` that
says what to do about it.
"""

from __future__ import annotations

__all__ = [
    "ChangedError",
    "DiskFullError",
    "EncodeError",
    "InputError",
    "Interrupted",
    "JobError",
    "OutputError",
    "RepeatedError",
    "Stereo3DError",
    "UsageError",
    "VerificationError",
    "WeightsError",
]


class Stereo3DError(Exception):
    """Base of all errors a user can do something about. ``hint`` is one sentence, or empty."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(Stereo3DError):
    """An option, a preset or a combination of them that cannot be meant."""

    exit_code = 2


class WeightsError(UsageError):
    """A checkpoint that is absent, truncated, or made for another network."""


class InputError(Stereo3DError):
    """The source cannot be read as a film, a picture or a folder of pictures."""


class ChangedError(InputError):
    """The source is not any more what it was when the job began."""


class OutputError(Stereo3DError):
    """The place for the output cannot be used."""


class DiskFullError(OutputError):
    """There is no room left on the disk."""


class EncodeError(Stereo3DError):
    """An encoder refused its settings, or failed on the way."""


class JobError(Stereo3DError):
    """The work folder is in use by another process, or damaged beyond repair."""


class RepeatedError(JobError):
    """Segment after segment fails."""


class VerificationError(Stereo3DError):
    """What was written is not what was meant."""


class Interrupted(Stereo3DError):
    """Stopped on request; the same command continues."""

    exit_code = 130

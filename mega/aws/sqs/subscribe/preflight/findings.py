"""Findings: the problems that a check of a queue or of a setting found, each with its remedy.

    finding = Kind.NO_WAIT.found(queue_url, 'is used with wait_time_seconds=0', 'Set 20')
    finding.code, str(finding)    # 'MEGA201', 'https://... is used with ... Set 20 [MEGA201]'

The code of a kind never changes, and is never used for another one. `docs/doctor.md` explains each.
A listener logs the findings of its checks when it starts; `mega doctor` makes more checks.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

__all__ = ('Finding', 'Kind', 'Severity')


class Severity(Enum):
    """How much a finding matters."""

    ERROR = 'error'
    """Something does not work."""

    WARNING = 'warning'
    """Messages may be lost, or processed late or twice."""

    NOTE = 'note'
    """Something could be better, or cannot be checked."""


class Finding(Struct, frozen=True):
    """A problem, and what to do.

    `subject` is the URL or the ARN of what has the problem, or the name of a package or bucket. It
    and `problem` form a sentence without its full stop; `remedy` is one or more sentences.
    """

    code: str
    severity: Severity
    subject: str
    problem: str
    remedy: str

    @property
    def sentences(self) -> str:
        """The problem and the remedy, without the code."""
        return f'{self.subject} {self.problem}. {self.remedy}'

    def __str__(self) -> str:
        return f'{self.sentences} [{self.code}]'


class Kind(Enum):
    """The kinds of findings: the code and the severity of each."""

    # Access to AWS
    UNCHECKED = 'MEGA100', Severity.NOTE
    CREDENTIALS = 'MEGA101', Severity.ERROR
    NO_QUEUE = 'MEGA102', Severity.ERROR
    PERMISSION = 'MEGA103', Severity.ERROR
    CLOCK = 'MEGA104', Severity.WARNING
    REGION = 'MEGA105', Severity.NOTE

    # Settings of the listener and of its queue
    NO_WAIT = 'MEGA201', Severity.WARNING
    READ_TIMEOUT = 'MEGA202', Severity.WARNING
    QUEUE_TIMEOUT_UNKNOWN = 'MEGA203', Severity.WARNING
    SHORT_VISIBILITY = 'MEGA204', Severity.WARNING
    LONG_VISIBILITY = 'MEGA205', Severity.WARNING
    SHORT_RETENTION = 'MEGA206', Severity.WARNING
    NO_SUBSCRIBERS = 'MEGA207', Severity.ERROR

    # Dead letters
    NO_DEAD_LETTERS = 'MEGA301', Severity.WARNING
    FATAL_NOT_REDRIVEN = 'MEGA302', Severity.WARNING
    MAX_RECEIVES = 'MEGA303', Severity.WARNING
    BLOCKED_GROUP = 'MEGA304', Severity.WARNING
    REDRIVEN_UNTRIED = 'MEGA305', Severity.WARNING
    SMALL_DEAD_LETTERS = 'MEGA306', Severity.WARNING
    NO_REDRIVE_POLICY = 'MEGA307', Severity.WARNING
    NO_DEAD_LETTER_QUEUE = 'MEGA308', Severity.ERROR
    OTHER_TYPE = 'MEGA309', Severity.ERROR
    DEAD_LETTERS_EXPIRE = 'MEGA310', Severity.WARNING
    REDRIVE_NOT_ALLOWED = 'MEGA311', Severity.ERROR

    # Subscriptions of SNS
    ENVELOPES = 'MEGA401', Severity.NOTE
    OTHER_POLICY = 'MEGA402', Severity.WARNING
    NO_POLICY = 'MEGA403', Severity.NOTE
    UNCONFIRMED = 'MEGA404', Severity.WARNING
    REFUSED = 'MEGA405', Severity.ERROR

    # Keys of KMS, and bodies in S3
    KEY_OF_AWS = 'MEGA501', Severity.ERROR
    KEY_STATE = 'MEGA502', Severity.ERROR
    NO_BUCKET = 'MEGA511', Severity.ERROR
    BODIES_EXPIRE = 'MEGA512', Severity.WARNING
    BODIES_REMAIN = 'MEGA513', Severity.NOTE
    UPLOADS_REMAIN = 'MEGA514', Severity.NOTE

    # Functions of Lambda
    WHOLE_BATCHES = 'MEGA601', Severity.WARNING
    FUNCTION_TIMEOUT = 'MEGA602', Severity.WARNING
    COMPETITION = 'MEGA603', Severity.WARNING

    # This installation
    OTHER_BSON = 'MEGA701', Severity.ERROR
    SLOW_TRANSPORT = 'MEGA702', Severity.NOTE

    def __init__(self, code: str, severity: Severity) -> None:
        self.code = code
        self.severity = severity

    def found(self, subject: str, problem: str, remedy: str) -> Finding:
        """Return a finding of this kind."""
        return Finding(self.code, self.severity, subject, problem, remedy)

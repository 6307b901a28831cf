"""The one tree of errors. Each class carries the exit code and the code word of the command's contract.

A message says what and where; `fix` says what to do. They are shown in one place, `cli/app.py`.
"""

from typing import ClassVar


class DelegateError(Exception):
    """A mistake that the user can mend, or a limit that was reached: never shown as a traceback."""

    exit_code: ClassVar[int] = 2
    code: ClassVar[str] = "error"

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def as_dict(self) -> dict[str, str]:
        """The `error` object of the decision record."""
        return {"code": self.code, "message": self.message, "fix": self.fix}


class UsageError(DelegateError):
    """Options or arguments that do not make sense together."""

    code = "usage"


class TaskError(DelegateError):
    """A task that cannot be read: empty, not text, too long."""

    code = "task"


class OutputError(DelegateError):
    """The output cannot be written."""

    code = "output"


class RosterError(DelegateError):
    """A roster file that cannot be read; the message names file and line."""

    code = "roster"


class TableError(DelegateError):
    """A table of figures that cannot be used; the message names file, line and column."""

    code = "table"


class SettingsError(DelegateError):
    """A setting with a value that makes no sense."""

    code = "settings"


class EncoderError(DelegateError):
    """An encoder that is missing, damaged or cannot be compiled."""

    code = "encoder"


class IndexUnavailable(DelegateError):
    """There is no usable index and it may not be built here."""

    code = "index"


class PlanError(DelegateError):
    """A plan that is not valid: the message names the subtask."""

    code = "plan"


class JournalError(DelegateError):
    """A journal that cannot be read or written, or that has no such decision."""

    code = "journal"


class RunError(DelegateError):
    """A run that does not exist, cannot be read or written, or is under way elsewhere."""

    code = "run"


class Unasked(DelegateError):
    """Something that a person must agree to first, and there is nobody to ask."""

    exit_code = 1
    code = "ask"


class NotEligible(DelegateError):
    """An agent that a plan names and that constraints leave out, or nobody is left."""

    exit_code = 6
    code = "no_eligible"


class EndpointError(DelegateError):
    """A model endpoint that gives no usable answer: down, refusing, broken, too slow.

    `again`: asking once more may help, after `wait` seconds where the server said so. `sent`: it may have been paid for.
    """

    exit_code = 4
    code = "endpoint"
    again: bool = False
    wait: float | None = None
    sent: bool = False


class CredentialsError(EndpointError):
    """The endpoint wants a key, or another one."""

    exit_code = 3
    code = "credentials"


class RefusedRequest(EndpointError):
    """The endpoint does not accept the request as it is (400, 422); asking otherwise may help."""


class BudgetError(EndpointError):
    """What may be spent, in USD or calls, is used up; nothing more is sent."""

    code = "budget"

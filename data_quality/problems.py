"""How a fault in what the user brought is worded: where, found, expected, next step."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stockstrata.errors import InputError

if TYPE_CHECKING:
    from data_quality.validation import SourceValidation


def input_problem(where: Any, *, found: str, expected: str, next_step: str) -> InputError:
    """An error that names the place, what was found there, what was expected, and what to do."""
    return InputError(f"{where}: found {found}; expected {expected}. {next_step}")


class BlockedSource(InputError):  # noqa: N818  # the claim reads better than BlockedSourceError
    """A source with faults that stop the whole load; all of them are told together.

    Attributes:
        problems: one message a fault.
        validation: what could be validated in spite of them; None where nothing could.
    """

    def __init__(self, problems: Sequence[str], validation: "SourceValidation | None" = None) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)
        self.validation = validation

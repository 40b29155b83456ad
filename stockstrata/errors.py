"""Errors that a person can act on: each names what was found, what was expected and the next step."""


class StockstrataError(Exception):
    """Base of every error this project raises on purpose."""


class InputError(StockstrataError):
    """What the user brought (a source, a file, a parameter, a flag) cannot be used."""


class ParameterError(InputError):
    """A business parameter is missing or not allowed."""


class PlanningError(StockstrataError):
    """A planning step cannot give an honest number."""

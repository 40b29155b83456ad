"""Which rules plan: the same hash tells that a past cut-off need not be planned again."""

import hashlib
import json

from stockstrata.parameters import PlanningParameters


def rules_hash(parameters: PlanningParameters, code_hash: str) -> str:
    """SHA-256 of what plans: the parameters in force, whatever file they stand in, and the code.

    Example: a row that is valid from next year on changes nothing this year.
    """
    rules = parameters.model_dump(mode="json", exclude={"version", "gate_limits", "gate_overrides"})
    return hashlib.sha256((json.dumps(rules, sort_keys=True) + code_hash).encode()).hexdigest()

"""Rules around the decision: hard constraints before it, preferences and the hand-over rule after it. No vectors here."""

from delegate_cli.policy.constraints import ANYBODY_THERE, NO_CONSTRAINTS, Constraints
from delegate_cli.policy.handover import automatic, hand_over
from delegate_cli.policy.limits import Limits, Standing
from delegate_cli.policy.suspicion import suspicion

__all__ = ["ANYBODY_THERE", "NO_CONSTRAINTS", "Constraints", "Limits", "Standing", "automatic", "hand_over", "suspicion"]

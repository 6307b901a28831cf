"""Rules around the decision: hard constraints before it, preferences and the hand-over rule after it. No vectors here.

`limits` and `trade` need numpy, which takes 60 ms, and are imported by themselves: constraints are also stated where nothing is
decided.
"""

from delegate_cli.policy.constraints import ANYBODY_THERE, NO_CONSTRAINTS, Constraints
from delegate_cli.policy.handover import automatic, hand_over

__all__ = ["ANYBODY_THERE", "NO_CONSTRAINTS", "Constraints", "automatic", "hand_over"]

"""What an answer of several agents is worth beside the answer of one: points of a judge → a reward for training."""

from dataclasses import dataclass

Steps = tuple[tuple[float, float], ...]  # (points, reward): for a difference of more than so many points


@dataclass(frozen=True, slots=True)
class Rewards:
    """The reward table. Differences are points of a judge from −100 to 100, several agents minus one.

    Attributes:
        split_invalid: the model that splits gave no valid plan.
        answer_invalid: the model that puts together gave no valid answer.
        judge_unreadable: the judge's answer cannot be read.
        tie: there is no difference.
        better: for a difference above so many points; the highest step that is passed counts.
        worse: the same below zero.
    """

    split_invalid: float = -10.0
    answer_invalid: float = 0.0
    judge_unreadable: float = -10.0
    tie: float = 0.1
    better: Steps = ((0.0, 1.0), (10.0, 2.0), (20.0, 3.0))
    worse: Steps = ((0.0, -1.0), (10.0, -2.0), (20.0, -3.0))

    def of(self, difference: float | None, *, split_valid: bool = True, answer_valid: bool = True) -> float:
        """The reward; a difference of None is a judge that cannot be read. An invalid plan counts before an invalid answer."""
        if not split_valid:
            return self.split_invalid
        if not answer_valid:
            return self.answer_invalid
        if difference is None:
            return self.judge_unreadable
        steps = self.better if difference > 0 else self.worse
        passed = [step for step in steps if abs(difference) > step[0]]
        return max(passed)[1] if passed else self.tie

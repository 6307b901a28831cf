"""What is liked among agents that are about equally probable: `cheap`, `fast`, `quality`, or a mixture of them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from delegate_cli.errors import SettingsError

EXAMPLE = "write cheap, fast or quality, or weights such as cheap=2,fast=1"


@dataclass(frozen=True, slots=True)
class Preference:
    """Weights of what is liked, each at least 0, not all 0.

    `cheap`: USD for a task; `fast`: latency; `quality`: measured skills.
    """

    cheap: float = 0.0
    fast: float = 0.0
    quality: float = 0.0

    def __post_init__(self) -> None:
        values = [self.cheap, self.fast, self.quality]
        if not all(0 <= value < float("inf") for value in values) or not any(values):
            raise SettingsError("the weights of prefer must be at least 0, and one of them more", EXAMPLE)

    def __str__(self) -> str:
        given = [(each.name, getattr(self, each.name)) for each in fields(self) if getattr(self, each.name)]
        return given[0][0] if len(given) == 1 else ",".join(f"{name}={value:g}" for name, value in given)

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> "Preference":
        """From weights by name."""
        return cls(**weights)


LIKES = tuple(each.name for each in fields(Preference))


def parse_preference(text: str, source: str = "prefer") -> Preference:
    """`cheap`, or `cheap=2,fast=1`.

    Raises:
        SettingsError: naming the part that cannot be read.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, sign, raw = (piece.strip() for piece in part.partition("="))
        if name not in LIKES:
            raise SettingsError(f"{source} cannot be {name!r}", EXAMPLE)
        try:
            weights[name] = float(raw) if sign else 1.0
        except ValueError:
            raise SettingsError(f"{source}: {name} has no number after =", EXAMPLE) from None
    return Preference.of(weights)

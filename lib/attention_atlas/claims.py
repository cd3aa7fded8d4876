"""Claims in words and numbers given in running text, each with the experiment that can settle it."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from attention_atlas import registry

PATH = registry.DATA / "claims.yml"
OUT_OF_SCOPE = "large_pretrained_models"  # in the place of an experiment: what no sweep of this project will settle


@dataclass(frozen=True)
class Claim:
    """A claim in words, or a number given in running text, that an experiment has to settle.

    Parameters
    ----------
    id, paper, place
        ``wu2025-claim-a``, ``wu2025``, and where the paper makes it.
    statement
        The claim in our own words.
    reported
        What the paper says of it: "holds", or the number as printed.
    needs
        Name of the experiment that can settle it, or :data:`OUT_OF_SCOPE`.
    """

    id: str
    paper: str = field(metadata={"allowed": registry.PAPERS})
    place: str
    statement: str
    reported: str
    needs: str


@cache
def load(path: Path = PATH) -> tuple[Claim, ...]:
    """All claims, in the order of the registry; see :func:`attention_atlas.registry.load` for what is refused."""
    return registry.load(path, Claim)

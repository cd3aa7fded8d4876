"""What every test of a ledger entry does in the end."""

from attention_atlas import ledger


def agrees(id: str, computed: dict[str, float]) -> bool:
    """Whether a run gives every number that the ledger states; pytest prints the lines if it does not."""
    entry = ledger.named(id)
    assert ledger.disagreements(entry, computed) == []
    # The negative control of every entry: had the run given another number, the comparison would have failed.
    shifted = {name: value + 2 * entry.measured[name].tolerance + 1 for name, value in computed.items()}
    return len(ledger.disagreements(entry, shifted)) == len(computed)

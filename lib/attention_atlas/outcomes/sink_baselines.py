"""What counts as a sink where nothing is learned: uniform attention, exactly."""

from fractions import Fraction

import pandas as pd

from attention_atlas.masks import Mask, dense

CONVENTIONS = ("sink_gu2025", "sink_wu2025")
THRESHOLD = Fraction(1, 5)


def uniform_sinks(mask: Mask, tokens: int, threshold: Fraction = THRESHOLD) -> pd.DataFrame:
    """Sinks of uniform attention, and of any attention so near to it that only ties with the threshold can break.

    Parameters
    ----------
    mask : Mask
        Who may attend to whom; every token is seen.
    tokens : int
        Length of the sequence.
    threshold : Fraction
        Weight that makes a sink, in [0, 1); must be exceeded. A fraction, for one fifth is no floating-point number.

    Returns
    -------
    DataFrame
        Columns ``token`` (from 1), ``quantity`` (``received``, ``sink_gu2025``, ``sink_wu2025``), ``least`` and
        ``most``, in [0, 1]. They differ where uniform attention meets the threshold exactly: the least deviation
        decides there, so a trained or untrained network can have any share between them.

    Raises
    ------
    ValueError
        If the threshold is outside [0, 1), or the sequence is shorter than the mask allows.

    Notes
    -----
    *Derived here*, in rational numbers: row i of the map is 1 / (number of keys that it sees). The conventions are
    those of :mod:`attention_atlas.sinks`.

    Examples
    --------
    >>> from attention_atlas.masks import sliding_window
    >>> table = uniform_sinks(sliding_window(5), 17)
    >>> table[(table.token == 9)][["quantity", "least", "most"]].values.tolist()
    [['received', 0.2, 0.2], ['sink_gu2025', 0.0, 1.0], ['sink_wu2025', 0.0, 1.0]]
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"the threshold of a sink must lie in [0, 1), got {threshold}")
    allowed = dense(mask, tokens)
    weight = [Fraction(1, int(row.sum())) for row in allowed]
    rows = []
    for key in range(tokens):
        seen = [weight[query] for query in range(tokens) if allowed[query, key]]
        received = sum(seen) / len(seen)
        least, most = sum(w > threshold for w in seen), sum(w >= threshold for w in seen)
        rows += [(key + 1, "received", received, received)]
        rows += [(key + 1, "sink_gu2025", received > threshold, received >= threshold)]
        rows += [(key + 1, "sink_wu2025", Fraction(least, len(seen)), Fraction(most, len(seen)))]
    return pd.DataFrame(rows, columns=["token", "quantity", "least", "most"]).astype({"least": float, "most": float})

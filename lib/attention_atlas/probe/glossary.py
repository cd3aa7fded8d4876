"""What every number of a report means, and whose it is."""

from typing import NamedTuple

GU = ("Gu et al. 2025", "When Attention Sink Emerges in Language Models: An Empirical View, ICLR 2025")
WU = ("Wu et al. 2025", "On the Emergence of Position Bias in Transformers, ICML 2025")
ZHANG = ("Zhang et al. 2025", "Attention Sinks: A ‘Catch, Tag, Release’ Mechanism for Embeddings, NeurIPS 2025")
KIM = ("Kim et al. 2026", "LayerNorm Induces Recency Bias in Transformer Decoders, Findings of ACL 2026")
BAO = ("Bao et al. 2024", "Self-attention Networks Localize When QK-eigenspectrum Concentrates, ICML 2024")
SUN = ("Sun et al. 2024", "Massive Activations in Large Language Models, COLM 2024")
DONG = ("Dong et al. 2021", "Attention is Not All You Need: Pure Attention Loses Rank Doubly Exponentially with Depth")
PAPERS = (WU, KIM, ZHANG, BAO, GU, SUN, DONG)


class Term(NamedTuple):
    """A number: its columns in the table and in ``measures.csv``, what it is, where it comes from."""

    column: str
    quantities: tuple[str, ...]
    meaning: str
    origin: str


TERMS = (
    Term(
        "entropy",
        ("entropy", "normalised_entropy"),
        "−Σ A log A of a query's attention in nats, mean over the queries that see two tokens or more: 0 if one token "
        "gets all, log n if n share equally. Normalised: divided by that log n.",
        "Bao et al. 2024; the division under a causal mask is ours",
    ),
    Term(
        "first",
        ("received_first",),
        "Mean attention that the first token receives from the queries that see it. Even attention gives it something "
        "too, the more the shorter the text.",
        "what Gu et al. 2025 compare with a threshold",
    ),
    Term(
        "sinks",
        ("sinks", "sinks_elsewhere"),
        "Tokens that receive more than 0.2 on average over the queries at and after them, in one head. Elsewhere: "
        "those that are not the first token. The last tokens of a text are seen by few queries, so that a token that "
        "looks at itself counts there.",
        "Zhang et al. 2025",
    ),
    Term("lasting", ("lasting_sinks",), "Of these, the ones that at least half of the queries see.", "ours"),
    Term(
        "explained",
        ("explained", "explained_sequences_with_sinks", "explained_centered", "tags"),
        "Share of the squares of what a head writes that lies in the span of its sinks' tags (their value vectors "
        "after the output matrix, before any norm that follows); 0 for a head without sink. The paper reports 20-40 % "
        "for one or two tags. Centered: after the mean over tokens is taken off both. Tags: dimension of the span.",
        "Zhang et al. 2025; that squares are taken without the mean is our reading",
    ),
    Term(
        "control",
        ("explained_by_others", "explained_by_lasting"),
        "The same by as many other tokens, drawn at random: what any tokens would explain. By lasting: by the tags of "
        "lasting sinks only.",
        "ours",
    ),
    Term(
        "recency",
        ("recency",),
        "How often a query scores the later of two earlier tokens higher, over all triples, before the softmax. 0.5: "
        "no preference; above: recency; below: early tokens. A tie is not higher, so that equal scores give 0.",
        "Kim et al. 2026",
    ),
    Term(
        "outlier",
        ("outlier_ratio", "outlier_at_first"),
        "Largest coordinate of the residual stream that enters the layer, over the median one; and whether the first "
        "token has it. Such features go with sinks.",
        "Sun et al. 2024, Zhang et al. 2025; the ratio to the median is ours",
    ),
    Term(
        "",
        ("rank_residual", "stream_norm_first", "stream_norm_rest"),
        "How much the tokens differ in what all heads write together, relative to the stream that enters (0: all "
        "equal); length of the first token's vector in that stream, and mean length of the others'.",
        "Dong et al. 2021 in the Frobenius norm; lengths ours",
    ),
    Term(
        "perplexity",
        (),
        "Exponential of the mean surprise at every token but the first, given all before it: among so many equally "
        "likely tokens the model hesitates. Models with different tokens cannot be compared by it.",
        "common usage",
    ),
)

CONVENTIONS = (
    ("Gu et al. 2025", "sink_first_gu", "the first token receives more than 0.3 on average: share of heads"),
    ("Wu et al. 2025, printed formula", "sink_first_wu", "entries of the first token above 0.2: share of its entries"),
    ("Zhang et al. 2025", "sinks", "tokens with mean above 0.2 over the queries at and after them: number in a head"),
)

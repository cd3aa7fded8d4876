# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Sinks and tags on text
#
# Large language models give much of their attention to a few tokens, most of all to the first one. Zhang 2025 {cite}`zhang2025` say what for: a sink **catches** tokens and **tags** them, and the tag carries meaning <span class="atlas-origin">paper</span>. **Do small decoders, trained on text, have sinks? And what do their tags tell?**
#
# In short: {glue:text}`tags-short-answer` {numref}`fig-language-sinks-heads` has the numbers, head by head, before and after training.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import pandas as pd
import torch
from IPython.display import Markdown, display

from attention_atlas import claims, figures
from attention_atlas.claim_boxes import claim_boxes
from attention_atlas.decoder_outcomes import Decoders
from attention_atlas.decoder_words import LABELS, listing
from attention_atlas.drawing_language_sinks import head_map, kind_handles, layer_lines, share_rows, tag_plane
from attention_atlas.exercises import language_sinks_and_tags as exercises
from attention_atlas.sink_places import CLASSES, PARTS
from attention_atlas.sinks import attention_received, sink_share_wu2025, sinks_zhang2025
from attention_atlas.tag_components import kept_share, random_projector
from attention_atlas.tag_outcomes import TagOutcomes, looked_at
from attention_atlas.wording import probability, say

figures.style()
blue, orange, muted = (figures.PALETTE[name] for name in ("blue", "orange", "muted"))
VARIANTS = ["rope", "no-positions", "no-norm", "qk-norm", "relu", "no-positions-qk-norm", "post-norm", "long"]
known = looked_at([*VARIANTS, "untrained"])
known = known if {"rope", "untrained"} <= set(known) else ["rope", "qk-norm", "relu", "untrained"]
variants = [name for name in VARIANTS if name in known]
found = TagOutcomes(known, profile)
names = LABELS | {"untrained": "RoPE, untrained"}
config = found.configs["rope"]
tokens = config.tokens


def number(value, form=".2f"):
    """A number for a sentence or a cell; a dash where there is none."""
    return "–" if value != value else f"{value:{form}}".replace("-", "−")


def seeds_of(setting):
    """How many seeds, in words."""
    return "one seed" if found.seeds(setting) == 1 else f"{found.seeds(setting)} seeds"


def with_error(pair, form=".2f"):
    """A mean with its standard error over seeds, where there are several."""
    mean, error = pair
    return number(mean, form) + ("" if error != error or error == 0 else f" ± {number(error, form)}")


even = torch.ones(tokens, tokens).tril() / torch.arange(1, tokens + 1)[:, None]
causal = even > 0
uniform = {
    "received_first": attention_received(even, causal)[0].item(),
    "sinks": sinks_zhang2025(even[None, None], causal).sum().item(),
    "sinks_gu": (attention_received(even, causal) > 0.3).sum().item(),
    "entries_wu": ((even > 0.2) & causal).sum().item() / causal.sum().item(),
    "first_wu": sink_share_wu2025(even[None, None], causal)[0].item(),
}

# %% tags=["hide-input"]
columns = {"received_first": "first token\nreceives", "sinks": "Zhang: mean > .2,\ntokens a window", "lasting_sinks": "of these, lasting\n", "sinks_gu": "Gu: mean > .3,\ntokens a window", "entries_wu": "Wu: entries > .2,\npercent"}  # fmt: skip
shown = [name for name in ("rope", "no-positions", "untrained") if name in known]
figure, panels = plt.subplots(len(shown), len(columns), figsize=(7.2, 0.2 + 1.95 * len(shown)))
for row, setting in enumerate(shown):
    for axes, (quantity, title) in zip(panels[row], columns.items(), strict=True):
        factor, digits = (100, 1) if quantity == "entries_wu" else (1, 2)
        most = factor * max(found.heads(name, quantity).max().max() for name in shown)
        head_map(axes, factor * found.heads(setting, quantity), most, "" if row else title, digits)
        axes.set_xlabel("head" if row == len(shown) - 1 else "", labelpad=1)
    panels[row, 0].set_ylabel(f"{names[setting]}\nlayer", labelpad=1)
figures.show(
    figure,
    name="language-sinks-heads",
    caption=f"Sinks of every head, mean over seeds ({listing([f'{names[name]}: {found.seeds(name)}' for name in shown])}) and {config.windows} windows of {tokens} tokens of validation text, by three conventions. Uniform attention has {uniform['received_first']:.3f}, {uniform['sinks']}, {uniform['sinks']}, {uniform['sinks_gu']} and {100 * uniform['entries_wu']:.1f}. "
    "*Lasting*: seen by at least half of the queries. The entry 0 is exact.",
    alt="Maps of layers by heads with a number in every cell, a row of five for each decoder, the last one untrained: what the first token receives, the number of sinks by Zhang and of lasting ones among them, the number of tokens above .3, the percentage of entries above .2.",
    provenance=found.provenance,
)
lasting, sinks = (found.mean("rope", name)[0] for name in ("lasting_sinks", "sinks"))
firsts = found.heads("rope", "received_first")
first_sinks = found.mean("rope", "first_zhang")[0]
say("tags-first-low", probability(firsts.min().min(), 3))
say("tags-first-high", probability(firsts.max().max(), 3))
say("tags-first-uniform", probability(uniform["received_first"], 3))
say("tags-sinks", number(sinks))
say("tags-lasting", number(lasting, ".4f"))
say("tags-untrained-sinks", number(found.mean("untrained", "sinks")[0]))
say("tags-gu", number(found.mean("rope", "sinks_gu")[0]))
say("tags-wu", probability(found.mean("rope", "entries_wu")[0], 3))
say("tags-wu-uniform", probability(uniform["entries_wu"], 4))
say("tags-tokens", f"{tokens}")
say("tags-windows", f"{config.windows}")
say("tags-seeds", f"{found.seeds('rope')}")
say("tags-most-received", probability(found.mean("rope", "most_received")[0], 2))
say("tags-most-untrained", probability(found.mean("untrained", "most_received")[0], 2))
say("tags-first-verdict", "no head has its first token for a sink in any window" if first_sinks == 0 else f"the first token is a sink in {first_sinks:.1%} of all maps (head and window)")  # fmt: skip
firsts_in = {
    name: found.of(name, "first_zhang").groupby("seed")["value"].max().gt(0.5) for name in variants
}  # is there a head with it in most windows?
having = [f"{names[name]} ({each.sum()} of {len(each)} seeds)" for name, each in firsts_in.items() if each.any()]
lacking = [f"{names[name]} ({len(each)})" for name, each in firsts_in.items() if not each.any()]
say("tags-having", listing(having) if having else "none")
say("tags-lacking", listing(lacking) if lacking else "none")
ranked = found.table[found.table["setting"].isin(variants) & (found.table["quantity"] == "received_first")]
best = ranked.loc[ranked["value"].idxmax()]


def of_best(quantity):
    """A quantity of the head whose first token receives most."""
    table = found.of(best["setting"], quantity)
    chosen = table[
        (table["seed"] == best["seed"]) & (table["layer"] == best["layer"]) & (table["head"] == best["head"])
    ]
    return chosen["value"].item()


say(
    "tags-best-head",
    f"head {best['head'] + 1} of layer {best['layer'] + 1} ({names[best['setting']]}, seed {best['seed']})",
)
say("tags-best-received", probability(best["value"], 2))
say("tags-best-windows", f"{of_best('first_zhang'):.0%}")
for name in ("two_tags", "two_others", "two_best", "two_centered"):
    say(f"tags-best-{name.replace('_', '-')}", "–" if (value := of_best(name)) != value else f"{value:.0%}")
say("tags-famous", "The famous sink has not grown there." if first_sinks < 0.01 else "A first-token sink is there in part of the maps." if first_sinks < 0.5 else "The famous sink is there.")  # fmt: skip
say("tags-parameters", f"{sum(math.prod(shape) for shape in config.decoder.shapes.values()) / 1e6:.1f}")
say("tags-read", f"{config.steps * config.batch * tokens / 1e6:.1f}")
say("tags-uniform-sinks", f"{uniform['sinks']}")
share = lasting / sinks if sinks else 0.0
say("tags-lasting-share", f"{share:.1%}")

# %% [markdown]
# ## Where are the sinks?
#
# Under uniform attention the first of {glue:text}`tags-tokens` tokens receives {glue:text}`tags-first-uniform` of the attention, on average over all queries. In the heads of our usual decoder (RoPE, Pre-LN) it receives {glue:text}`tags-first-low` to {glue:text}`tags-first-high`: {glue:text}`tags-first-verdict`. {glue:text}`tags-famous` That is a finding about *these*
# decoders. They have {glue:text}`tags-parameters` million weights and read {glue:text}`tags-read` million tokens, in windows that begin with `<s>`; Gu 2025 {cite}`gu2025` find that sinks emerge after effective optimization on enough data.
#
# Not all variants are alike. Some head has the first token for a sink in most windows in: {glue:text}`tags-having`. No head has in: {glue:text}`tags-lacking` (seeds in parentheses). The most that the first token receives anywhere is {glue:text}`tags-best-received`, in {glue:text}`tags-best-head`, and there it is a sink in {glue:text}`tags-best-windows` of the windows. Its tag
# explains {glue:text}`tags-best-two-tags` of what that head writes, other tokens {glue:text}`tags-best-two-others`, as many best directions {glue:text}`tags-best-two-best`. (Without positions such a sink would be of use: a token that shares its attention between `<s>` and the $i$ tokens that it sees receives a tag that shrinks with $i$, so the tag tells *where* a token stands. That is our reading; {numref}`fig-language-tags-place` looks at it.)
#
# Yet by Zhang's convention the heads of the usual decoder have {glue:text}`tags-sinks` sinks a window on average (untrained: {glue:text}`tags-untrained-sinks`, uniform attention: {glue:text}`tags-uniform-sinks`). {numref}`fig-language-sinks-where` shows where.

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2), width_ratios=(1.25, 1))
places = ["0", *map(str, range(1, PARTS + 1))]
for shift, (name, color, label) in enumerate(
    (("sinks_at", "blue", "all sinks"), ("lasting_at", "orange", "lasting sinks"))
):
    values = [found.labels("rope", name)[f"part {place}"] for place in places]
    left.bar(
        [k + 0.36 * (shift - 0.5) for k in range(len(places))],
        values,
        width=0.36,
        color=figures.PALETTE[color],
        label=label,
    )
left.set_xticks(range(len(places)), ["<s>", *(f"{k}/8" for k in range(1, PARTS + 1))])
left.set(xlabel="part of the window", ylabel="number a head and window")
left.legend()
kinds = [name for name in CLASSES if name != "begin"]
chance = found.labels("rope", "tokens_at")
for shift, (name, color, label) in enumerate(
    (("sinks_at", "blue", "is a sink"), ("most_at", "green", "receives most"))
):
    here = found.labels("rope", name)
    rate = [100 * here[kind] / chance[kind] if chance[kind] else 0 for kind in kinds]
    right.barh(
        [k + 0.36 * (shift - 0.5) for k in range(len(kinds))],
        rate,
        height=0.36,
        color=figures.PALETTE[color],
        label=label,
    )
right.set_yticks(range(len(kinds)), kinds)
right.invert_yaxis()
right.set(xlabel="percent of the tokens of that kind")
right.legend()
figures.show(
    figure,
    name="language-sinks-where",
    caption="Trained usual decoder, mean over layers and heads. Left: where in the window sinks sit. Right: which kinds of token they are, and which receive most among those that at least half of the queries see; a token of each kind, were all alike, would have the same rate. *Newline*: with the indentation after it.",
    alt="Left: bars by part of the window; nearly all sinks sit in the last eighth, lasting sinks are hardly to be seen. Right: bars of rates for newlines, spaces, punctuation, numbers and words.",
    provenance=found.provenance,
)
at = found.labels("rope", "sinks_at")
total = sum(at[f"part {place}"] for place in places)
say("tags-last-eighth", f"{at[f'part {PARTS}'] / total:.0%}" if total else "–")
rates = {kind: at[kind] / chance[kind] for kind in kinds if chance[kind]}
top = max(rates, key=rates.get)
say("tags-top-kind", top)
say(
    "tags-top-rate", f"{rates[top] / (sum(at[k] for k in kinds) / sum(chance[k] for k in kinds)):.1f}" if total else "–"
)
most = found.labels("rope", "most_at")
say("tags-most-begin", f"{most['begin']:.0%}")
items = found.labels("rope", "most_item").sort_values(ascending=False).index[:3]
say("tags-most-items", listing(list(items)) if len(items) else "–")

# %% [markdown]
# {glue:text}`tags-last-eighth` of them sit in the last eighth of the window. A token at the end is seen by few queries, so a little attention to oneself and to one's neighbors makes a large *mean*. The convention was made for a token that all queries see, and it has no guard for this: the last token is a sink as soon as it gives *itself* more than a fifth.
# So we count apart what lasts <span class="atlas-origin">ours</span>: sinks that at least half of the queries see. There are {glue:text}`tags-lasting` a head and window, {glue:text}`tags-lasting-share` of all.
#
# Attention does not fall evenly, though. Of the tokens that at least half of the queries see, the one that receives most gets {glue:text}`tags-most-received` on average (untrained: {glue:text}`tags-most-untrained`). It is `<s>` in {glue:text}`tags-most-begin` of the maps; the entries of the vocabulary that receive most, most often: {glue:text}`tags-most-items`. Of all kinds of token,
# *{glue:text}`tags-top-kind`* is a sink {glue:text}`tags-top-rate` times as often as the average token.
#
# ## How much of the output is tag?

# %% tags=["hide-input"]
paper = {claim.id: claim.reported for claim in claims.load()}
heads = found.table[(found.table["setting"] == "rope") & (found.table["head"] >= 0) & (found.table["label"] == "")]
ways = {
    "two strongest lasting sinks": ("two_tags", "blue", "s"), "two other tokens": ("two_others", "muted", "o"), "two best directions": ("two_best", "green", "^"),
    "all sinks of the window": ("explained", "blue", "s"), "as many other tokens": ("explained_others", "muted", "o"), "as many best directions": ("best", "green", "^"),
    "best two, all windows alike": ("common_2", "purple", "D"),
}  # fmt: skip
figure, axes = plt.subplots(figsize=(7.2, 3.7))
share_rows(axes, {label: (heads.loc[heads["quantity"] == quantity, "value"].tolist(), color, marker) for label, (quantity, color, marker) in ways.items()})  # fmt: skip
axes.axvspan(20, 40, color=orange, alpha=0.15, linewidth=0)
axes.axvline(70, color=orange, linestyle="--", linewidth=1.2)
axes.axhline(2.5, color=muted, linewidth=0.6)
figures.show(
    figure,
    name="language-tags-explained",
    caption=f"Share of a head's output that directions explain, usual decoder: a mark for each of its heads and seeds, a bar at their mean. Orange: {paper['zhang2025-variance'].replace('-', '–')} by one or two tags, Zhang 2025. Upper three rows: only in windows with a lasting sink, and so only for heads that have any.",
    alt="Seven rows of marks on an axis from 0 to 100 percent, with a band from 20 to 40. Tags lie left of the best directions and right of other tokens.",
    provenance=found.provenance,
)


def weighted(setting, quantity):
    """Mean over heads and seeds, every window with a lasting sink counting the same."""
    table = found.of(setting, quantity).merge(found.of(setting, "with_lasting"), on=["seed", "layer", "head"])
    table = table.dropna(subset=["value_x"])
    weights = table["value_y"]
    return (table["value_x"] * weights).sum() / weights.sum() if weights.sum() else float("nan")


for name in ("two_tags", "two_others", "two_best", "two_centered"):
    say(f"tags-{name.replace('_', '-')}", "–" if (value := weighted("rope", name)) != value else f"{value:.0%}")
for name in ("explained", "explained_others", "best", "explained_centered", "common_2"):
    say(f"tags-{name.replace('_', '-')}", f"{found.mean('rope', name)[0]:.0%}")
maps = found.of("rope", "with_lasting")["value"]
say("tags-with-lasting", f"{maps.mean():.1%}")
say("tags-heads-with", f"{(maps > 0).sum()} of {len(maps)}")
two = weighted("rope", "two_tags")
say("tags-two-verdict", "nowhere, since there is no such window" if two != two else "below that range" if two < 0.2 else "within that range" if two <= 0.4 else "above the range of 20 to 40 %" if maps.mean() < 0.05 and two > weighted("rope", "two_others") else "above that range")  # fmt: skip
plain, arbitrary = (found.mean("rope", name)[0] for name in ("explained", "explained_others"))
say("tags-arbitrary", f"{arbitrary / plain:.0%}" if plain else "–")
say("tags-span", number(found.mean("rope", "tags")[0], ".1f"))
say("tags-d-head", f"{config.decoder.d_head}")
say("tags-random", f"{found.mean('rope', 'tags')[0] / config.decoder.d_head:.0%}")
say("tags-reported", paper["zhang2025-variance"].replace("-", "–"))

# %% [markdown]
# A sink's **tag** is its value vector after $W_O$. The span of a window's tags explains a share $\|PO\|_F^2 / \|O\|_F^2$ of what the head writes into it. Zhang 2025 report {glue:text}`tags-reported` for one or two tags <span class="atlas-origin">paper</span>.
#
# - *Two strongest lasting sinks*: {glue:text}`tags-two-tags`, where there is one, that is in {glue:text}`tags-with-lasting` of the maps and in {glue:text}`tags-heads-with` heads. Two other tokens of the window: {glue:text}`tags-two-others`. No two directions can explain more than {glue:text}`tags-two-best`. With the mean over tokens taken off: {glue:text}`tags-two-centered`.
# - *All sinks by the convention*: {glue:text}`tags-explained`, a window without sink counting 0. As many other tokens: {glue:text}`tags-explained-others`. As many best directions: {glue:text}`tags-best`.
#
# The first line is the comparable one: it lies {glue:text}`tags-two-verdict`, and on {glue:text}`tags-with-lasting` of the maps. The second one must not be read so. Those sinks stand at the end, and as many *arbitrary* tokens explain {glue:text}`tags-arbitrary` of what they explain. A head of {glue:text}`tags-d-head` dimensions is narrow: {glue:text}`tags-span` random directions would
# explain {glue:text}`tags-random` on average. And the two directions along which a head writes most, **the same for all windows**, explain {glue:text}`tags-common-2`, without any word about sinks.

# %% tags=["hide-input"]
boxes = claim_boxes(["zhang2025-variance", "zhang2025-qk-norm"])
display(Markdown(boxes["zhang2025-variance"]))

# %% [markdown]
# The same for every variant; here a sink that lasts is not always rare:

# %% tags=["hide-input"]
lines = ["| decoder | maps with a lasting sink | its tags (one or two) | as many other tokens | as many best directions | mean taken off |", "|:--|--:|--:|--:|--:|--:|"]  # fmt: skip
for name in variants:
    cells = [number(weighted(name, quantity)) for quantity in ("two_tags", "two_others", "two_best", "two_centered")]
    lines.append(f"| {names[name]} | {found.mean(name, 'with_lasting')[0]:.1%} | {' | '.join(cells)} |")
display(Markdown("\n".join(lines)))

# %% [markdown]
# ## Do tagged tokens stand apart?
#
# **Tagged** tokens give some sink more than half of their attention, **untagged** ones see a sink and give each less than a tenth. Principal components know nothing of this. If the tag is what a head writes, the two kinds should separate along the first direction.

# %% tags=["hide-input"]
spaces = {"output": "output of the head", "other head": "output of another head", "before": "stream before", "after": "stream after"}  # fmt: skip
points = found.table[found.table["quantity"] == "place"]
drawn = [name for name in ("rope", "no-positions") if name in set(points["setting"])]


def plane_of(setting, space):
    """The stored tokens of one panel."""
    parts, mine = [], points[points["setting"] == setting]
    for kind in ("tagged", "untagged"):
        first, second = (mine.loc[mine["label"] == f"{space} {k} {kind}", "value"].tolist() for k in (1, 2))
        parts.append(pd.DataFrame({"first": first, "second": second, "tagged": kind == "tagged"}))
    return pd.concat(parts, ignore_index=True)


figure, panels = plt.subplots(max(len(drawn), 1), 4, figsize=(7.2, 0.5 + 2 * max(len(drawn), 1)), squeeze=False)
for row, setting in enumerate(drawn):
    for axes, (space, title) in zip(panels[row], spaces.items(), strict=True):
        tag_plane(axes, plane_of(setting, space), "" if row else title)
    panels[row, 0].set_ylabel(names[setting], fontsize=9.5)
figure.legend(handles=kind_handles(), loc="outside lower center", ncols=2)
where = [f"{names[name]}: head {each['head'] + 1} of layer {each['layer'] + 1}" for name in drawn for each in [points[points["setting"] == name].iloc[0]]]  # fmt: skip
where = f"{'; '.join(where)}; seed 0, the head with lasting sinks in most windows" if drawn else "no head has enough of both kinds at this size"  # fmt: skip
figures.show(
    figure,
    name="language-tags-plane",
    caption=f"Tagged and untagged tokens of many windows in the plane of their first two principal directions ({where}). Before and after: the residual stream around the layer's attention.",
    alt="A row of four clouds of points for each decoder. Filled squares are tagged tokens and open circles untagged ones.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
lines = ["| | usual decoder, many windows | usual decoder, one window | no positions, many windows | no positions, one window |", "|:--|--:|--:|--:|--:|"]  # fmt: skip
for space, title in spaces.items():
    cells = [number(found.mean(name, "separation", f"{space} {k}")[0]) if name in known else "–" for name in ("rope", "no-positions") for k in ("1", "within")]  # fmt: skip
    lines.append(f"| {title} | {' | '.join(cells)} |")
display(Markdown("\n".join(lines)))
own, other = (found.mean("rope", "separation", f"{space} within")[0] for space in ("output", "other head"))
say("tags-own-within", number(own))
say("tags-other-within", number(other))
say("tags-own-pooled", number(found.mean("rope", "separation", "output 1")[0]))
say("tags-before-pooled", number(found.mean("rope", "separation", "before 1")[0]))
better = "So within one window tagged tokens do stand apart in what the head writes" if own > other + 0.03 else "The head's own output separates them hardly better than another head's"  # fmt: skip
say("tags-plane-verdict", better if own == own else "At this size no window has enough of both kinds")

# %% [markdown]
# (Probability that a tagged token lies on the right side of an untagged one along the first direction, mean over heads and seeds: .5 is none, 1 is complete. *One window*: directions of every window by itself, with at least five tokens of each kind; so few are separated by chance too, hence the row *another head*.)
#
# In the usual decoder over many windows there is little to see: {glue:text}`tags-own-pooled` in the head's output, {glue:text}`tags-before-pooled` in the stream *before* it. Every window has other sinks, so it has other tags. (That the stream differs already *before* says that it depends on the token whether it is caught.) Within one window it is {glue:text}`tags-own-within` beside {glue:text}`tags-other-within` for another head. {glue:text}`tags-plane-verdict`.
# Two clouds in *one* plane for all texts need one sink that all texts share, such as `<s>`.
#
# ## What does the tag tell?
#
# Zhang 2025 fit probes to the tag component of activations: the truth of a statement is read with {glue:text}`tags-truth` <span class="atlas-origin">paper</span>, its sentiment with {glue:text}`tags-sentiment`; without the tag, near chance. **We have another label**: whether a token stands in code or in natural language (comments, docstrings and other strings), which the corpus itself gives. So
# only the *pattern* can be compared: is the label in the tag, and only there?

# %% tags=["hide-input"]
looks = {
    "output": ("ink", "o-", "whole output"), "tags": ("blue", "s-", "in the tags"), "without tags": ("blue", "s--", "without the tags"), "others": ("orange", "^-", "in other tokens' vectors"),
    "without others": ("orange", "^--", "without these"), "random": ("muted", "D-", "in random directions"), "wrong labels": ("muted", "x:", "labels of other windows"),
}  # fmt: skip
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.7), sharey=True)
for axes, setting in zip(panels, ("rope", "untrained"), strict=True):
    lines = [
        (found.layers(setting, "probe", name), *look)
        for name, look in looks.items()
        if len(found.of(setting, "probe", name))
    ]
    layer_lines(axes, lines)
    axes.axhline(0.5, color=muted, linewidth=0.8)
    axes.set_title("trained" if setting == "rope" else "untrained", fontsize=10)
panels[0].set(ylabel="balanced accuracy", ylim=(0.45, 1.0))
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
figures.show(
    figure,
    name="language-tags-probe",
    caption=f"Balanced accuracy of linear probes for *code or natural language*, fitted on half of {config.windows} windows and tested on the other half, by what they read of all heads of a layer. Bars: two standard errors over seeds where there are several (trained: {seeds_of('rope')}). As many other tokens and as many random directions as there are sinks, drawn for each window and head.",
    alt="Two panels of lines over layers. Trained: the whole output rises from layer to layer, its parts lie below it, in the tags, in other tokens' vectors and in random directions close to each other. Labels of other windows stay at one half.",
    provenance=found.provenance,
)
last = config.layers - 1
accuracy = {
    name: found.layers("rope", "probe", name)["mean"].get(last, float("nan"))
    for name in (*looks, "stream", "without random")
}
for name, value in accuracy.items():
    say(f"tags-probe-{name.replace(' ', '-')}", "–" if value != value else f"{value:.0%}")
table = found.of("rope", "probe", "tags")
say("tags-probe-error", number(100 * table["standard_error"].max(), ".1f"))
say("tags-truth", paper["zhang2025-truth-probe"].replace("-", "–"))
say("tags-sentiment", paper["zhang2025-sentiment-probe"].replace("-", "–"))
gap = accuracy["tags"] - max(accuracy["others"], accuracy["random"])
rest = accuracy["without tags"]
told = f"The tags tell {100 * gap:.0f} points more than the better of the two controls" if gap > 0.02 else "The tags tell no more than the controls do"  # fmt: skip
left_over = "and what is left without them still tells most of it: the label is not in the tag alone" if rest > 0.6 else "and without them little is left, as the paper finds"  # fmt: skip
say("tags-probe-verdict", f"{told}, {left_over}" if rest == rest else "At this size nothing was read")

# %% [markdown]
# In the last layer the whole output gives {glue:text}`tags-probe-output` (the stream that enters it: {glue:text}`tags-probe-stream`; labels of other windows: {glue:text}`tags-probe-wrong-labels`). The part in the tags gives {glue:text}`tags-probe-tags`, other tokens' vectors {glue:text}`tags-probe-others`, random directions {glue:text}`tags-probe-random`; the part *without* the tags
# {glue:text}`tags-probe-without-tags`. (Standard error over windows: at most {glue:text}`tags-probe-error` points.) {glue:text}`tags-probe-verdict`. The controls matter: any few directions of a head's output tell much about so easy a label.
#
# **Where a token stands** is another label that costs nothing: is it in the second half of its window?

# %% tags=["hide-input"]
looks = {"output": ("ink", "o-", "whole output"), "tags": ("blue", "s-", "in the tags"), "lasting": ("purple", "D-", "in those of lasting sinks"), "without tags": ("blue", "s--", "without the tags"), "others": ("orange", "^-", "in other tokens' vectors"), "stream": ("muted", "x:", "stream that enters")}  # fmt: skip
figure, panels = plt.subplots(1, len(shown), figsize=(7.2, 3.3), sharey=True)
for axes, setting in zip(panels, shown, strict=True):
    layer_lines(axes, [(found.layers(setting, "probe_late", name), *look) for name, look in looks.items()])
    axes.axhline(0.5, color=muted, linewidth=0.8)
    axes.set_title(names[setting], fontsize=10)
panels[0].set(ylabel="balanced accuracy", ylim=(0.45, 1.02))
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
figures.show(
    figure,
    name="language-tags-place",
    caption="The same probes for *first or second half of the window*. (With RoPE the order is in queries and keys, so a head can tell it by what it looks at; without positions only the causal mask tells it.) Bars: two standard errors over seeds where there are several.",
    alt="A panel for each decoder with lines over layers: how well the half of the window is read from the whole output, from the tags, from what is left without them, and from as many other tokens' vectors.",
    provenance=found.provenance,
)
chosen = "no-positions" if "no-positions" in known else "rope"
place = {name: found.layers(chosen, "probe_late", name)["mean"] for name in looks}
lead = (place["lasting"] - place["others"]).idxmax()
say("tags-place-decoder", names[chosen])
say("tags-place-layer", f"{lead + 1}")
ahead = place["lasting"][lead] - place["others"][lead]
say("tags-place-verdict", "So a tag does tell where a token stands, more than other tokens' vectors do; it is not the only thing that tells." if ahead > 0.05 and place["lasting"][lead] > 0.7 else "The tags of lasting sinks tell no more of the place than other vectors do.")  # fmt: skip
for name in looks:
    say(f"tags-place-{name.replace(' ', '-')}", f"{place[name][lead]:.0%}")

# %% [markdown]
# Look at layer {glue:text}`tags-place-layer` of the decoder *{glue:text}`tags-place-decoder`*. The stream that enters it tells the half with {glue:text}`tags-place-stream`. What its heads write tells {glue:text}`tags-place-output`; the part in the tags of *lasting* sinks alone {glue:text}`tags-place-lasting`, other tokens' vectors {glue:text}`tags-place-others`, what is left without any tag {glue:text}`tags-place-without-tags`.
# {glue:text}`tags-place-verdict`
#
# ## QK-norm, ReLU, Post-LN

# %% tags=["hide-input"]
lines = [
    "| decoder | seeds | first token receives | most received | sinks | lasting sinks |",
    "|:--|--:|--:|--:|--:|--:|",
]
for name in [*variants, "untrained"]:
    cells = [with_error(found.mean(name, q), form) for q, form in (("received_first", ".3f"), ("most_received", ".3f"), ("sinks", ".2f"), ("lasting_sinks", ".4f"))]  # fmt: skip
    lines.append(f"| {names[name]} | {found.seeds(name)} | {' | '.join(cells)} |")
display(Markdown("\n".join(lines)))

# %% tags=["hide-input"]
lines = ["| decoder | sinks explain | other tokens | as many best | probe: output | tags | other tokens | without tags |", "|:--|--:|--:|--:|--:|--:|--:|--:|"]  # fmt: skip
for name in [*variants, "untrained"]:
    shares_of = [number(found.mean(name, quantity)[0]) for quantity in ("explained", "explained_others", "best")]
    probes = [found.layers(name, "probe", part)["mean"] for part in ("output", "tags", "others", "without tags")]
    probes = [number(each.iloc[-1]) if len(each) else "–" for each in probes]
    lines.append(f"| {names[name]} | {' | '.join(shares_of + probes)} |")
display(Markdown("\n".join(lines)))


def lasting_of(name):
    """Lasting sinks a head and window, as a sentence has them."""
    return with_error(found.mean(name, "lasting_sinks"), ".4f") if name in known else "not measured yet"


for name in ("rope", "qk-norm", "relu", "long", "untrained"):
    say(f"tags-lasting-{name}", lasting_of(name))
say("tags-first-qk", probability(found.mean("qk-norm", "received_first")[0], 3) if "qk-norm" in known else "–")
say("tags-first-rope", probability(found.mean("rope", "received_first")[0], 3))
few = lasting < 0.05
say("tags-qk-words", "There is little to remove" if few else "There are sinks to remove")

# %% [markdown]
# (Mean over layers and heads, ± standard error over seeds where there are several; *most received*: by one token that at least half of the queries see; probes of the last layer. With ReLU attention rows do not sum to 1; they are divided by their sum before sinks are looked for.)
#
# *Normalizing queries and keys does not remove sinks*, say Zhang 2025 <span class="atlas-origin">paper</span>. {glue:text}`tags-qk-words`: {glue:text}`tags-lasting-rope` lasting sinks a head and window without QK-norm, {glue:text}`tags-lasting-qk-norm` with it, {glue:text}`tags-lasting-relu` with ReLU attention, {glue:text}`tags-lasting-untrained` before training. The first token receives
# {glue:text}`tags-first-rope` and {glue:text}`tags-first-qk`.

# %% tags=["hide-input"]
display(Markdown(boxes["zhang2025-qk-norm"]))

# %% [markdown]
# ## Outliers
#
# Version 1 of the paper says that sinks use **outlier features** <span class="atlas-origin">paper</span>. Do outliers and sinks go together here?

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3))
looks = {"rope": ("blue", "s-"), "long": ("purple", "D-"), "no-positions": ("green", "^-"), "post-norm": ("orange", "o-"), "untrained": ("muted", "x--")}  # fmt: skip
layer_lines(
    left, [(found.layers(name, "outlier"), *look, names[name]) for name, look in looks.items() if name in known]
)
layer_lines(right, [(found.layers(name, "outlier_at", "part 0"), *look, names[name]) for name, look in looks.items() if name in known])  # fmt: skip
left.set(ylabel="largest / median coordinate", ylim=(0, None))
right.set(ylabel="share of windows", ylim=(-0.03, 1.03))
left.set_title("outlier of the stream that enters", fontsize=10)
right.set_title("it sits at the first token", fontsize=10)
figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
figures.show(
    figure,
    name="language-sinks-outliers",
    caption="Left: largest coordinate of the residual stream over the median one, median over windows. Right: in which share of the windows it belongs to the first token, `<s>`. Bars: two standard errors over seeds.",
    alt="Two panels of lines over layers. The outlier ratio of trained decoders rises with depth; in the upper layers the largest coordinate sits at the first token.",
    provenance=found.provenance,
)
ratio, turned, at_first, common = (found.layers("rope", name, label)["mean"] for name, label in (("outlier", ""), ("outlier_turned", ""), ("outlier_at", "part 0"), ("outlier_common", "")))  # fmt: skip
peak = ratio.idxmax()
say("tags-outlier", number(ratio[peak], ".1f"))
say("tags-outlier-layer", f"{peak + 1}")
say("tags-outlier-turned", number(turned[peak], ".1f"))
say("tags-outlier-first", f"{at_first[peak]:.0%}")
say("tags-outlier-common", f"{common[peak]:.0%}")
say("tags-outlier-untrained", number(found.layers("untrained", "outlier")["mean"].max(), ".1f"))
mostly = at_first[peak] > 0.5
special = ratio[peak] > 1.25 * turned[peak]
where = f"<s> has an outlier in most windows, and is a sink in {first_sinks:.1%} of the maps" if mostly else "The largest coordinate moves from token to token"  # fmt: skip
basis = "The coordinate is a special one" if special else "In random coordinates the ratio is nearly the same: that token's vector is long, no coordinate is special"  # fmt: skip
say("tags-outlier-words", f"{where}. {basis}")

# %% [markdown]
# The ratio is largest before layer {glue:text}`tags-outlier-layer`, {glue:text}`tags-outlier` (untrained: {glue:text}`tags-outlier-untrained`). There it belongs to `<s>` in {glue:text}`tags-outlier-first` of the windows, and to the same coordinate in {glue:text}`tags-outlier-common` (mean over seeds; each has its own). In random coordinates: {glue:text}`tags-outlier-turned`.
# {glue:text}`tags-outlier-words`.
#
# ## Do sinks come with training?

# %% tags=["hide-input"]
longest = "long" if "long" in known else "rope"
courses = [longest] + [name for name in ("no-positions",) if name in known]
trained = Decoders(courses, profile)
shades = figures.shades(config.layers)
figure, panels = plt.subplots(len(courses), 3, figsize=(7.2, 0.7 + 2.1 * len(courses)), sharex="row", sharey="col", squeeze=False)  # fmt: skip
titles = {"received_first": "first token receives", "sinks": "sinks by Zhang a head", "loss": "validation loss, nats"}
for row, name in enumerate(courses):
    for axes, (quantity, title) in zip(panels[row], titles.items(), strict=True):
        rows = trained.table[(trained.table["setting"] == name) & (trained.table["quantity"] == quantity)]
        for layer, line in rows.groupby("layer"):
            values = line.groupby("step")["value"].mean()
            look = {"color": shades[layer], "label": f"layer {layer + 1}"} if layer >= 0 else {"color": figures.PALETTE["ink"]}  # fmt: skip
            axes.plot(values.index, values, "o-", markersize=3, linewidth=1.3, **look)
        axes.set(xscale="log", xlabel="step" if row == len(courses) - 1 else "")
        axes.set_title("" if row else title, fontsize=10)
    panels[row, 0].axhline(uniform["received_first"], color=muted, linestyle="--", linewidth=1)
    panels[row, 0].set_ylabel(names[name], fontsize=9.5)
panels[0, 0].set_ylim(0, None)
figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
seeds = listing([f"{names[name]}: {trained.seeds(name)}" for name in courses])
figures.show(
    figure,
    name="language-sinks-emergence",
    caption=f"While decoders are trained: mean over the heads of each layer and over seeds ({seeds}). Dashed: uniform attention. (On the first {trained.configs[longest].measured} test windows.)",
    alt="Panels over training steps on a logarithmic axis, a row for each decoder: attention that the first token receives beside a dashed line, number of sinks by Zhang's convention, and falling validation loss.",
    provenance=trained.provenance,
)
ends = trained.by_seed("received_first").mean()[longest]
say("tags-emergence-first", probability(ends, 3))
say("tags-emergence-steps", f"{trained.configs[longest].steps:,}")
say("tags-emergence-sinks", number(trained.by_seed("sinks").mean()[longest]))
say("tags-emergence-words", "still no more than a few times what uniform attention gives" if ends < 4 * uniform["received_first"] else "clearly more than uniform attention gives")  # fmt: skip
say("tags-short-answer", f"a first-token sink in most windows: {listing(having) if having else 'in no variant'}; elsewhere sinks near the end of the window, which a convention makes; and tags that tell {'no more than' if not gap > 0.02 else 'a little more than'} arbitrary directions do.")  # fmt: skip

# %% [markdown]
# After {glue:text}`tags-emergence-steps` steps with RoPE the first token receives {glue:text}`tags-emergence-first` on average, {glue:text}`tags-emergence-words`; sinks by the convention grow with training to {glue:text}`tags-emergence-sinks` a head, as heads learn to look at near tokens. Lasting sinks of the longer run: {glue:text}`tags-lasting-long`.
#
# ## What a practitioner takes away
#
# - **Report where sinks sit.** A count by Zhang's convention is mostly about the end of the window, in a model whose heads look near. Count what many queries see.
# - **A share explained needs three numbers beside it:** as many other tokens, as many best directions, and d_head.
# - **A probe on a part needs a probe on an equal part.** What any few directions tell is not what the tag tells.
# - **Measure outliers and sinks apart.** The one can be there without the other.
# - **None of this speaks against the paper's large models.** It says what is there, and what is not, after minutes of training. Measure your own: {doc}`/_executed/language_models/probe_your_model`.
#
# The mechanism in full, in networks small enough to read: {doc}`/_executed/catch_tag_release/mechanism`.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Sinks at the end
# :label: ex-language-late-sinks
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# In a window of 128 tokens every token gives .3 of its attention to itself, .3 to the token before it, and spreads .4 evenly over all that it sees. How many sinks has this head by Zhang's convention?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-language-late-sinks
# :class: dropdown
# :label: sol-language-late-sinks
# ```

# %% [markdown]
# A token that $n$ queries see receives $.3$ from itself and $.3$ from the next one, if there is one, so $(.6 + \text{a little})/n$ on average. That exceeds .2 for $n = 3$ and $n = 2$, and for the last token, which has only itself.

# %%
weights = 0.4 * torch.ones(128, 128).tril() / torch.arange(1, 129)[:, None]
weights += 0.3 * torch.eye(128) + 0.3 * torch.eye(128).roll(-1, 1).tril(-1)
weights[0, 0] = 1.0  # the first token has none before it
late = int(sinks_zhang2025(weights[None, None], torch.ones(128, 128).tril().bool()).sum())
print(late, exercises.check_late_sinks(late))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} What three arbitrary directions explain
# :label: ex-language-random-share
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# A head has 24 dimensions in a stream of 96. Draw three random directions of what it can write. Which share of its output do they explain on average?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-language-random-share
# :class: dropdown
# :label: sol-language-random-share
# ```

# %% [markdown]
# The head writes into the row space of $W_O$, 24 dimensions. All its directions are alike on average, and 24 orthogonal ones explain all: $3/24$.

# %%
written = torch.randn(1, 50, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64).expand(2000, -1, -1)
drawn_maps = random_projector(torch.full((2000,), 3), 24, torch.Generator().manual_seed(1))
print(f"{kept_share(written, drawn_maps).mean():.3f}", exercises.check_random_share(3 / 24))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Balanced accuracy
# :label: ex-language-balanced
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# Of 9,000 tokens of code a probe gets 8,100 right, of 1,000 tokens of natural language 500. What is its balanced accuracy?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-language-balanced
# :class: dropdown
# :label: sol-language-balanced
# ```

# %% [markdown]
# The mean of the two shares of right answers. Plain accuracy would be .86, less than the .90 of a probe that always says *code*.

# %%
shares = [8100 / 9000, 500 / 1000]
print(sum(shares) / 2, exercises.check_balanced(sum(shares) / 2))

# %% [markdown]
# ```{solution-end}
# ```

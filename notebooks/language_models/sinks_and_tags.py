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
# Large language models give much of their attention to the first token. Zhang 2025 {cite}`zhang2025` say what such a sink is for: it **catches** tokens and **tags** them, and later layers read the tag <span class="atlas-origin">paper</span>. **Do small decoders, trained on text, grow sinks? Which ones, and what do their tags tell?**
#
# In short: {glue:text}`tags-grown`. {glue:text}`tags-of-heads` ({numref}`fig-language-sinks-decoders`). {glue:text}`tags-reading`

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from attention_atlas import cards, claims, figures
from attention_atlas.catch_criteria import SINK
from attention_atlas.claim_boxes import claim_boxes
from attention_atlas.decoders.first_token_share import odds_of, of_uniform_attention, shares
from attention_atlas.decoders.sink_places import CLASSES, PARTS
from attention_atlas.decoders.tag_components import kept_share, random_projector
from attention_atlas.drawing.language_sinks import (
    head_map,
    kind_handles,
    layer_lines,
    paired_bars,
    share_rows,
    tag_plane,
)
from attention_atlas.drawing.language_untagged import by_way, share_by_query
from attention_atlas.exercises import language_sinks_and_tags as exercises
from attention_atlas.experiments.language_maps import SHOWN
from attention_atlas.outcomes.decoder_compression import spread
from attention_atlas.outcomes.decoders import Decoders, stored_settings
from attention_atlas.outcomes.tags import TagOutcomes, looked_at
from attention_atlas.outcomes.untagged import Untagged, odds_at, short
from attention_atlas.sinks import sinks_zhang2025
from attention_atlas.wording import counted, number, probability, say, with_error
from attention_atlas.words import first_token
from attention_atlas.words import tags as tag_words
from attention_atlas.words import untagged as untagged_words
from attention_atlas.words.decoders import listing
from attention_atlas.words.first_token import NAMES, OTHERS, WITHOUT

figures.style()
blue, orange, muted = (figures.PALETTE[name] for name in ("blue", "orange", "muted"))
VARIANTS = [*WITHOUT, "rope", "qk-norm", "relu", "long", *OTHERS]
CONTROLS = ["untrained", "untrained-no-positions"]
least = ["no-positions", "rope", "untrained"]
known = looked_at([*VARIANTS, *CONTROLS], least)
variants = [name for name in VARIANTS if name in known]
shown = [name for name in least if name in known]
found, untagged = TagOutcomes(known, profile), Untagged()
config = found.configs["rope"]
tokens = config.tokens
uniform = of_uniform_attention(tokens)
seeds = {name: f"{NAMES[name]}: {found.seeds(name)}" for name in known}

# %% tags=["hide-input"]
placed = stored_settings(["rope", *OTHERS])  # decoders with positions, of which more are trained than looked at
others = {}
if placed:
    ends = Decoders(placed, profile).end
    others = first_token.most_received(ends[(ends["quantity"] == "received_first") & (ends["head"] >= 0)])
having = first_token.having(found, variants)
firm = found.firm_heads(variants)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 0.9 + 0.36 * len(known)), sharey=True, width_ratios=(1.2, 1))
kinds = {name: ("blue", "s") if name in WITHOUT else ("purple", "^") if name in OTHERS else ("orange", "o") for name in variants} | dict.fromkeys(CONTROLS, ("muted", "D"))  # fmt: skip
share_rows(left, {NAMES[name]: (found.every(name, "received_first"), *kinds[name]) for name in known})
left.axvline(100 * uniform["received_first"], color=muted, linewidth=1)
left.axvline(20, color=figures.PALETTE["ink"], linestyle="--", linewidth=1)
most = max(value for name in known for value in found.every(name, "received_first"))
left.set(xlim=(-1, 100 * most + 3), xlabel="attention to the first token, percent")
ways = {"two_tags": ("blue", "s", "its tags"), "two_others": ("muted", "o", "as many other tokens"), "two_best": ("green", "^", "best directions")}  # fmt: skip
for shift, (quantity, (color, marker, _)) in zip((-0.24, 0, 0.24), ways.items(), strict=True):
    rows = {NAMES[name]: (firm.loc[firm["setting"] == name, quantity], color, marker) for name in known}
    share_rows(right, rows, shift, height=0.12)
right.set(xlabel="explained share of its output, percent")
left.annotate("a sink →", (21, len(known) - 1), va="center", fontsize=9)
left.set_title("all heads", fontsize=10)
right.set_title("heads that have this sink", fontsize=10)
handles = [plt.Line2D([], [], linestyle="", marker=marker, color=figures.PALETTE[color], label=label) for color, marker, label in ways.values()]  # fmt: skip
figure.legend(handles=handles, loc="outside lower right", ncols=3, fontsize=9)
figures.show(
    figure,
    name="language-sinks-decoders",
    caption=f"Left: the attention that the first token, `<s>`, receives in every head of each decoder, mean over {config.windows} windows of {tokens} tokens of validation text; gray line: uniform attention, dashed: more makes a sink by Zhang 2025. Right: in heads where it is a sink in most windows, how much of the output its tag explains, beside as many other tokens and the best directions there are. "
    f"A mark for each head and seed, a bar at their mean. Seeds: {'; '.join(seeds.values())}.",
    alt=f"Two panels with one row for each decoder. Left: marks of heads on an axis of attention to the first token, with a dashed line at 20 percent. Right: for {counted(len(firm), 'head')} that have this sink in most windows, shares explained by tags, by other tokens and by the best directions.",
    provenance=found.provenance,
)
best = (firm if len(firm) else found.single_heads(variants)).iloc[0]  # whose first token receives most
best_head = f"head {best['head'] + 1} of layer {best['layer'] + 1} ({NAMES[best['setting']]}, seed {best['seed']})"
say("tags-grown", first_token.grown(having, others))
say("tags-with-positions", first_token.positions_told(others) if others else "not measured yet")
say("tags-of-heads", tag_words.tags_of_heads(firm[firm["setting"].isin(WITHOUT)]))
say("tags-of-others", tag_words.tags_of_heads(firm[~firm["setting"].isin(WITHOUT)]))
say("tags-having", first_token.counts(having))
say("tags-best-head", best_head)
say("tags-best-layer", f"layer {best['layer'] + 1} of “{NAMES[best['setting']]}”")
say("tags-best-seeds", counted(found.seeds(best["setting"]), "seed"))
say("tags-best-received", probability(best["received_first"], 2))
say("tags-best-windows", number(best["first_zhang"], ".0%"))
for name in ("two_tags", "two_others", "two_best"):
    say(f"tags-best-{name.replace('_', '-')}", number(best[name], ".0%"))
odds = odds_of(best["received_first"], tokens)
say("tags-odds", number(odds, ".0f"))
say("tags-odds-last", probability(shares(odds, tokens)[-1].item(), 2))
predicted = (shares(odds, tokens) > SINK).double().mean().item()
say("tags-odds-above", number(predicted, ".0%"))
say("tags-counted-above", number(best["first_wu"], ".0%"))
say("tags-share-told", first_token.share_told(predicted, best["first_wu"]))
say("tags-uniform-first", probability(uniform["received_first"], 3))
say("tags-tokens", f"{tokens}")
say("tags-parameters", f"{sum(math.prod(shape) for shape in config.decoder.shapes.values()) / 1e6:.1f}")
say("tags-read", f"{config.steps * config.batch * tokens / 1e6:.1f}")

# %% [markdown]
# The strongest sink is that of {glue:text}`tags-best-head`: `<s>` receives {glue:text}`tags-best-received` of the attention (uniform attention: {glue:text}`tags-uniform-first`) and is a sink in {glue:text}`tags-best-windows` of the windows. Its tag, the value vector of `<s>`, explains {glue:text}`tags-best-two-tags` of what the head writes; another token {glue:text}`tags-best-two-others`; no direction more than {glue:text}`tags-best-two-best`.
#
# Decoders with some such head: {glue:text}`tags-having`. (Settings of one seed start from the same weights, as far as they have the same, and read the same windows.)
#
# ## What the sink may be for: counting
#
# Why would decoders without positions want it? **Our reading** <span class="atlas-origin">ours</span>: the sink is how a token can tell how many tokens precede it. Let `<s>` weigh $\omega$ times as much as each other token. Then token $i$ gives it
#
# $$A_{i1} = \frac{\omega}{\omega + i - 1}$$ (eq-tags-counts)
#
# of its attention, and the head writes $A_{i1}$ times the tag of `<s>`, plus $1-A_{i1}$ times a mean of what the others have. The causal mask does the counting; no position is needed <span class="atlas-origin">derived here</span>. In the paper's terms, our reading: every token is *caught*; the *tag* is one vector whose length falls with $i$; later layers read it as a position, its *release*. That the causal mask can tell places is known: Haviv 2022 {cite}`haviv2022` read them from trained models, Kazemnejad 2023 {cite}`kazemnejad2023` construct the count with a first token.
#
# A decoder with positions can do without this count. That does not show that it does: what `<s>` receives in the head that gives it most is {glue:text}`tags-with-positions`. Is it the same kind of sink? {glue:text}`tags-of-others`; compare the heads above. (Mean attention in the decoders of {doc}`/_executed/language_models/trained_decoders`; more than .2 is a sink.)
#
# Two things can be checked without touching the decoder.
#
# **Its share.** A mean of {glue:text}`tags-best-received` needs $\omega=$ {glue:text}`tags-odds` if $\omega$ is the same everywhere. Then {glue:text}`tags-odds-above` of the tokens would give `<s>` more than .2, and the last one still {glue:text}`tags-odds-last`. Counted in that head: {glue:text}`tags-counted-above`. {glue:text}`tags-share-told`.
#
# **What can be read.** Linear probes for *first or second half of the window* ({numref}`fig-language-tags-place`).

# %% tags=["hide-input"]
looks = {"stream": ("muted", "x:", "stream that enters"), "output": ("ink", "o-", "whole output"), "lasting": ("purple", "D-", "in tags of lasting sinks"), "others": ("orange", "^-", "in other tokens' vectors"), "without lasting": ("purple", "D--", "without these tags")}  # fmt: skip
read = [name for name in ("no-positions", "no-norm", "rope", CONTROLS[CONTROLS[1] in known]) if name in known]
figure, panels = plt.subplots(1, len(read), figsize=(7.2, 3.1), sharey=True)
for axes, setting in zip(panels, read, strict=True):
    layer_lines(axes, [(found.layers(setting, "probe_late", name), *look) for name, look in looks.items()])
    axes.axhline(0.5, color=muted, linewidth=0.8)
    axes.set_title(NAMES[setting].replace("positions, ", "positions,\n"), fontsize=9.5)
panels[0].set(ylabel="balanced accuracy", ylim=(0.45, 1.02))
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
figures.show(
    figure,
    name="language-tags-place",
    caption=f"Balanced accuracy of linear probes for *first or second half of the window*, by what they read in a layer, fitted on half of the windows and tested on the others. *Other tokens*: as many as there are sinks by Zhang 2025. Mean over seeds ({'; '.join(seeds[name] for name in read)}), bars from the least to the greatest.",
    alt=f"A panel for each decoder ({'; '.join(NAMES[name] for name in read)}) with lines over layers, on an axis of accuracy: the stream that enters, all that heads write, the part in tags of lasting sinks, the part in other tokens' vectors, and what is left without the tags.",
    provenance=found.provenance,
)
place = found.read(best["setting"], "probe_late", best["layer"])
for name in (*looks, "without tags"):
    say(f"tags-place-{name.replace(' ', '-')}", number(place[name], ".0%"))
say("tags-place-verdict", tag_words.place_told(place))
say("tags-reading", tag_words.place_reading(place) if len(firm) else "")
say("tags-place-rope", number(found.layers("rope", "probe_late", "stream")["mean"].max(), ".0%"))
say("tags-place-rope-output", number(found.layers("rope", "probe_late", "output")["mean"].max(), ".0%"))
levels = {name: found.layers(name, "probe_late", "output")["mean"].max() for name in CONTROLS if name in known}
say("tags-place-level", tag_words.level_told(levels[CONTROLS[0]], levels.get(CONTROLS[1])))

# %% [markdown]
# Look at {glue:text}`tags-best-layer`, that of the strongest sink; means over {glue:text}`tags-best-seeds`. The stream that enters tells the half with {glue:text}`tags-place-stream`. What the layer's heads write tells it with {glue:text}`tags-place-output`; the part in the tags of lasting sinks alone {glue:text}`tags-place-lasting`, other tokens' vectors {glue:text}`tags-place-others`, what is left without any tag {glue:text}`tags-place-without-tags`.
# {glue:text}`tags-place-verdict`. With RoPE the stream tells it with {glue:text}`tags-place-rope` at most, and heads with {glue:text}`tags-place-rope-output`; {glue:text}`tags-place-level`. (A mean over more tokens is shorter, so what untrained heads write tells the place too.)
#
# ## Take the tag away
#
# Can be read is not *is used*. So we let the decoders read the same text with the first token's part of what those heads write changed, and nothing else: **no tag** (its coefficient $A_{i1}$ is 0), or a **constant tag** (the mean of $A_{i1}$ over the window, so that it tells no place). The control takes as much away along the value vector of another token.

# %% tags=["hide-input"]
more, later = untagged.more_loss(), untagged.recency()
if untagged.points:
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7.2, 3.6), width_ratios=(1.15, 1, 1))
    titles = {point: short(point) for point in untagged.points}
    courses = {titles[point]: untagged.strongest(point) for point in untagged.points[:3]}
    share_by_query(left, courses, odds_at(courses[titles[untagged.points[0]]]["value"]), tokens)
    left.legend(fontsize=8, loc="lower left", borderaxespad=0.1)
    by_way(middle, more, titles, "more loss, nats per token")
    by_way(right, later, titles, "recency probability")
    middle.axvline(0, color=muted, linewidth=0.8)
    right.tick_params(labelleft=False)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    figures.show(
        figure,
        name="language-tags-away",
        caption=f"Decoders without positions, by kind and seed. Left: what the head with the strongest sink gives to `<s>`, by the number of the query, in the first {len(courses)} decoders (bars: two standard errors over windows), and {{eq}}`eq-tags-counts` through a middle query of the first of them, {titles[untagged.points[0]]}, so with an ω of its own. Middle: loss beyond that of the decoder as it is. Right: recency probability of the scores in the layers after the sink. One mark for each decoder and edit; they are not means.",
        alt="Left: shares that fall with the number of the query, and a curve of constant odds. Middle and right: a row for each decoder with marks for no tag, a constant tag and their controls, on an axis of loss and one of recency probability.",
        provenance=untagged.provenance,
    )
say("tags-used", untagged_words.used(more, later))
say("tags-released", untagged_words.released(later))
say("tags-away-decoders", untagged_words.decoders_and_seeds(more.index) if len(more) else "no decoder")
for way in ("none", "constant", "other direction, constant"):
    say(f"tags-away-{way.split()[0]}", spread(more[way], ".3f"))
    say(f"tags-later-{way.split()[0]}", spread(later[way], ".3f"))
say("tags-later-plain", spread(later["as it is"], ".3f"))
say("tags-later-layers", untagged_words.later_words(untagged.later_layers()))
say("tags-later-tokens", f"{tokens - 1}")
say("tags-recency-tokens", f"{SHOWN['paper'] - 1}")

# %% [markdown]
# {glue:text}`tags-used`. Means over {glue:text}`tags-away-decoders`, from the least to the greatest: without the tag the loss rises by {glue:text}`tags-away-none`, with a constant one by {glue:text}`tags-away-constant`, in the control by {glue:text}`tags-away-other`; the recency probability of the layers after it is {glue:text}`tags-later-plain`, and {glue:text}`tags-later-none`, {glue:text}`tags-later-constant` and {glue:text}`tags-later-other` with these edits.
# {glue:text}`tags-released` (The layers after the sink: {glue:text}`tags-later-layers`.) These are not the numbers of {doc}`/_executed/language_models/recency_on_text`: that page counts layers 2 and on of every decoder over {glue:text}`tags-recency-tokens` tokens and shares ties; here it is the layers after the sink over {glue:text}`tags-later-tokens` tokens, and a tie counts for the earlier key.
#
# That this is catch, tag and release, with the place as what is released, is our reading <span class="atlas-origin">ours</span>.
#
# ## With RoPE: sinks that a convention makes
#
# By Zhang's convention, mean attention above .2, the heads of the usual decoder have sinks as well: {glue:text}`tags-sinks` a window (untrained: {glue:text}`tags-untrained-sinks`; uniform attention: {glue:text}`tags-uniform-sinks`). {numref}`fig-language-sinks-where` shows where.

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2), width_ratios=(1.25, 1))
places = ["0", *map(str, range(1, PARTS + 1))]
at, lasting_at, most, chance = (found.labels("rope", name) for name in ("sinks_at", "lasting_at", "most_at", "tokens_at"))  # fmt: skip
by_part = [f"part {place}" for place in places]
paired_bars(
    left,
    {"all sinks": (at[by_part], "blue"), "lasting sinks": (lasting_at[by_part], "orange")},
    ["<s>", *(f"{k}/8" for k in range(1, PARTS + 1))],
    flat=False,
)
left.set(xlabel="part of the window", ylabel="number a head and window")
classes = [name for name in CLASSES if name != "begin" and chance[name]]
rates = 100 * at[classes] / chance[classes]
paired_bars(
    right,
    {"is a sink": (rates, "blue"), "receives most": (100 * most[classes] / chance[classes], "green")},
    classes,
    flat=True,
)
right.set(xlabel="percent of the tokens of that kind")
figures.show(
    figure,
    name="language-sinks-where",
    caption=f"Usual decoder (RoPE, Pre-LN), mean over layers, heads and {counted(found.seeds('rope'), 'seed')}. Left: where in the window sinks sit. Right: which kinds of token they are, and which receive most among those that at least half of the queries see; were all alike, every kind would have the same rate. *Newline*: with the indentation after it.",
    alt=f"Left: bars by part of the window, of all sinks and of lasting ones; of all sinks {number(at[f'part {PARTS}'] / at[by_part].sum(), '.0%')} sit in the last eighth. Right: bars of rates for newlines, spaces, punctuation, numbers and words.",
    provenance=found.provenance,
)
sinks, lasting = (found.mean("rope", name)[0] for name in ("sinks", "lasting_sinks"))
average = at[classes].sum() / chance[classes].sum()
say("tags-sinks", number(sinks))
say("tags-untrained-sinks", number(found.mean("untrained", "sinks")[0]))
say("tags-uniform-sinks", f"{uniform['sinks']}")
say("tags-lasting", number(lasting, ".4f"))
say("tags-lasting-share", number(lasting / sinks if sinks else 0.0, ".1%"))
say("tags-last-eighth", number(at[f"part {PARTS}"] / at[by_part].sum(), ".0%"))
say("tags-top-kind", rates.idxmax())
say("tags-longer", number(found.configs["long"].steps / config.steps, ".0f") if "long" in known else "–")
say("tags-top-rate", number(rates.max() / average / 100, ".1f"))
say("tags-most-received", probability(found.mean("rope", "most_received")[0], 2))
say("tags-most-untrained", probability(found.mean("untrained", "most_received")[0], 2))
say("tags-most-begin", number(most["begin"], ".0%"))
for name in ("no-positions", "long"):
    say(f"tags-lasting-{name}", with_error(*found.mean(name, "lasting_sinks"), ".3f") if name in known else "not measured yet")  # fmt: skip

# %% [markdown]
# {glue:text}`tags-last-eighth` of them sit in the last eighth of the window. A token at the end is seen by few queries, so a little attention to oneself and to one's neighbors makes a large *mean*. The convention was made for a token that all queries see. It has no guard for this: the last token is a sink as soon as it gives *itself* more than a fifth ({ref}`ex-language-late-sinks`).
# So we count apart what lasts <span class="atlas-origin">ours</span>: sinks that at least half of the queries see. There are {glue:text}`tags-lasting` a head and window, {glue:text}`tags-lasting-share` of all; in the decoder trained {glue:text}`tags-longer` times as long {glue:text}`tags-lasting-long`; without positions {glue:text}`tags-lasting-no-positions`.
#
# Attention does not fall evenly, though. Of the tokens that at least half of the queries see, the one that receives most gets {glue:text}`tags-most-received` on average (untrained: {glue:text}`tags-most-untrained`); it is `<s>` in {glue:text}`tags-most-begin` of the maps. Of all kinds of token, *{glue:text}`tags-top-kind`* is a sink {glue:text}`tags-top-rate` times as often as the average one.
#
# {numref}`fig-language-sinks-heads` has every head by three conventions.

# %% tags=["hide-input"]
columns = {"received_first": "first token\nreceives", "sinks": "Zhang: mean > .2,\ntokens a window", "lasting_sinks": "of these, lasting\n", "sinks_gu": "Gu: mean > .3,\ntokens a window", "entries_wu": "Wu: entries > .2,\npercent"}  # fmt: skip
figure, panels = plt.subplots(len(shown), len(columns), figsize=(7.2, 0.2 + 1.95 * len(shown)))
for row, setting in enumerate(shown):
    for axes, (quantity, title) in zip(panels[row], columns.items(), strict=True):
        factor, digits = (100, 1) if quantity == "entries_wu" else (1, 2)
        most = factor * max(found.heads(name, quantity).max().max() for name in shown)
        head_map(axes, factor * found.heads(setting, quantity), most, "" if row else title, digits)
        axes.set_xlabel("head" if row == len(shown) - 1 else "", labelpad=1)
    panels[row, 0].set_ylabel(f"{NAMES[setting]}\nlayer", labelpad=1)
figures.show(
    figure,
    name="language-sinks-heads",
    caption=f"Sinks of every head, mean over seeds ({'; '.join(seeds[name] for name in shown)}) and {config.windows} windows, by the conventions of Zhang 2025, Gu 2025 {{cite}}`gu2025` and Wu 2025. Uniform attention has {uniform['received_first']:.3f}, {uniform['sinks']}, {uniform['sinks']}, {uniform['sinks_gu']} and {100 * uniform['entries_wu']:.1f}. *Lasting*: seen by at least half of the queries. The entry 0 is exact.",
    alt="Maps of layers by heads with a number in every cell, a row of five for each decoder, the last one untrained: what the first token receives, the number of sinks by Zhang and of lasting ones among them, the number of tokens above .3, the percentage of entries above .2.",
    provenance=found.provenance,
)

# %% [markdown]
# ## How much of the output is tag?
#
# A sink's **tag** is its value vector after $W_O$. The span of a window's tags explains a share $\|PO\|_F^2 / \|O\|_F^2$ of what the head writes into it. Zhang 2025 report {glue:text}`tags-reported` for one or two tags <span class="atlas-origin">paper</span>.

# %% tags=["hide-input"]
paper = {claim.id: claim.reported.replace("-", "–") for claim in claims.load()}
ways = {
    "two strongest lasting sinks": ("two_tags", "blue", "s"), "two other tokens": ("two_others", "muted", "o"), "two best directions": ("two_best", "green", "^"),
    "all sinks of the window": ("explained", "blue", "s"), "as many other tokens": ("explained_others", "muted", "o"), "as many best directions": ("best", "green", "^"),
    "best two, all windows alike": ("common_2", "purple", "D"),
}  # fmt: skip
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.5), sharey=True)
for axes, setting in zip(panels, ("no-positions", "rope"), strict=True):
    share_rows(axes, {label: (found.every(setting, quantity), color, marker) for label, (quantity, color, marker) in ways.items()})  # fmt: skip
    axes.axvspan(20, 40, color=orange, alpha=0.15, linewidth=0)
    axes.axvline(70, color=orange, linestyle="--", linewidth=1.2)
    axes.axhline(2.5, color=muted, linewidth=0.6)
    axes.set_title(NAMES[setting], fontsize=10)
    axes.set_xlabel("percent of the head's output")
figures.show(
    figure,
    name="language-tags-explained",
    caption=f"Share of a head's output that directions explain: a mark for each head and seed ({seeds['no-positions']}; {seeds['rope']}), a bar at their mean. Orange: {paper['zhang2025-variance']} by one or two tags, Zhang 2025. Upper three rows: only in windows with a lasting sink, and so only for heads that have any.",
    alt="Two panels, seven rows of marks on an axis from 0 to 100 percent, with a band from 20 to 40: tags of the two strongest lasting sinks and of all sinks, each above as many other tokens and as many best directions.",
    provenance=found.provenance,
)
for setting in ("rope", "no-positions"):
    for name in ("two_tags", "two_others", "two_best"):
        say(f"tags-{setting}-{name.replace('_', '-')}", number(found.where_lasting(setting, name)[0], ".0%"))
    say(f"tags-{setting}-with-lasting", number(found.mean(setting, "with_lasting")[0], ".1%"))
    say(f"tags-{setting}-range", tag_words.range_words(found.where_lasting(setting, "two_tags")[0]))
for name in ("explained", "explained_others", "common_2"):
    say(f"tags-{name.replace('_', '-')}", number(found.mean("rope", name)[0], ".0%"))
say("tags-span", number(found.mean("rope", "tags")[0], ".1f"))
say("tags-d-head", f"{config.decoder.d_head}")
say("tags-random", number(found.mean("rope", "tags")[0] / config.decoder.d_head, ".0%"))
say("tags-reported", paper["zhang2025-variance"])
beyond = {name: found.where_lasting(name, "two_tags") for name in WITHOUT if name in known}
say("tags-without-explained", listing([f"{with_error(*share, '.0%')} ({seeds[name]})" for name, share in beyond.items()]))  # fmt: skip
boxes = claim_boxes(["zhang2025-variance", "zhang2025-qk-norm"])

# %% [markdown]
# - **Lasting sinks** are what compares with the paper. Without positions {glue:text}`tags-no-positions-with-lasting` of the maps have one, and its tags explain {glue:text}`tags-no-positions-two-tags`, {glue:text}`tags-no-positions-range` that range; two other tokens {glue:text}`tags-no-positions-two-others`; no two directions more than {glue:text}`tags-no-positions-two-best`.
#   With RoPE {glue:text}`tags-rope-with-lasting` of the maps have one, and there it is {glue:text}`tags-rope-two-tags`, {glue:text}`tags-rope-two-others` and {glue:text}`tags-rope-two-best`.
# - **All sinks by the convention** must not be read so. With RoPE they explain {glue:text}`tags-explained`, as many *arbitrary* tokens {glue:text}`tags-explained-others`. A head of {glue:text}`tags-d-head` dimensions is narrow: {glue:text}`tags-span` random directions would explain {glue:text}`tags-random`. The two directions along which a head writes most, **the same for all windows**, explain {glue:text}`tags-common-2`, without any word about sinks.

# %% tags=["hide-input"]
display(Markdown(boxes["zhang2025-variance"]))

# %% [markdown]
# The rule is about our usual decoders, with RoPE: {glue:text}`tags-rope-with-lasting` of their maps have a lasting sink, and the verdict judges these alone. Outside the rule, in decoders without positions, the share is {glue:text}`tags-without-explained` (± standard error over seeds, which are counted) <span class="atlas-origin">ours</span>.
#
# ## Does QK-norm remove sinks?
#
# *Normalizing queries and keys does not remove sinks*, say Zhang 2025 <span class="atlas-origin">paper</span>. That can only be tested where there are sinks, so our rule compares decoders **without positions**, with and without QK-norm. {glue:text}`tags-qk-words`: {glue:text}`tags-lasting-no-positions` lasting sinks a head and window without it, {glue:text}`tags-lasting-no-positions-qk-norm` with it. With RoPE it is {glue:text}`tags-lasting-rope` and {glue:text}`tags-lasting-qk-norm`, which says nothing about the claim.

# %% tags=["hide-input"]
heads = ["decoder", "seeds", "first token receives", "lasting sinks", "maps with one", "tags explain", "other tokens", "best directions"]  # fmt: skip
lines = []
for name in known:
    line = [NAMES[name], f"{found.seeds(name)}", with_error(*found.mean(name, "received_first"), ".3f")]
    line += [with_error(*found.mean(name, "lasting_sinks"), ".4f"), number(found.mean(name, "with_lasting")[0], ".1%")]
    line += [number(found.where_lasting(name, quantity)[0]) for quantity in ("two_tags", "two_others", "two_best")]
    lines.append(line)
missing = [NAMES[name] for name in VARIANTS if name not in known]
note = f"\n\nNot measured yet: {'; '.join(missing)}." if missing else ""
display(Markdown(cards.table(heads, lines) + note))
for name in ("rope", "qk-norm", "no-positions-qk-norm"):
    say(f"tags-lasting-{name}", with_error(*found.mean(name, "lasting_sinks"), ".3f") if name in known else "not measured yet")  # fmt: skip
with_norm = found.mean("no-positions-qk-norm", "lasting_sinks") if "no-positions-qk-norm" in known else None
plain, first = (found.mean(name, "lasting_sinks") for name in ("no-positions", "untrained"))
say("tags-qk-words", tag_words.kept_with_qk_norm(plain, with_norm, first))

# %% [markdown]
# (Mean over layers and heads, ± standard error over seeds where there are several. The last three columns: one or two strongest lasting sinks, only in windows that have any. With ReLU attention rows are divided by their sum before sinks are looked for.)

# %% tags=["hide-input"]
display(Markdown(boxes["zhang2025-qk-norm"]))

# %% [markdown]
# ## Do tagged tokens stand apart?
#
# **Tagged** tokens give some sink more than half of their attention, **untagged** ones see a sink and give each less than a tenth. Principal components know nothing of this. If the tag is what a head writes, the two kinds should separate along the first direction.

# %% tags=["hide-input"]
spaces = {"output": "output of the head", "other head": "output of another head", "before": "stream before", "after": "stream after"}  # fmt: skip
pictured = found.pictured()
drawn = [name for name in ("no-positions", "rope") if name in pictured]
figure, panels = plt.subplots(max(len(drawn), 1), 4, figsize=(7.2, 0.5 + 2 * max(len(drawn), 1)), squeeze=False)
for row, setting in enumerate(drawn):
    for axes, (space, title) in zip(panels[row], spaces.items(), strict=True):
        tag_plane(axes, found.plane(setting, space), "" if row else title)
    panels[row, 0].set_ylabel(NAMES[setting], fontsize=9.5)
figure.legend(handles=kind_handles(), loc="outside lower center", ncols=2)
where = "; ".join(f"{NAMES[name]}: head {pictured[name][1] + 1} of layer {pictured[name][0] + 1}" for name in drawn)
figures.show(
    figure,
    name="language-tags-plane",
    caption=f"Tagged and untagged tokens of many windows in the plane of their first two principal directions ({f'{where}; seed 0, the head with lasting sinks in most windows' if drawn else 'no head has enough of both kinds at this size'}). Before and after: the residual stream around the layer's attention.",
    alt="A row of four clouds of points for each decoder. Filled squares are tagged tokens and open circles untagged ones.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
apart = {(name, space, k): found.mean(name, "separation", f"{space} {k}")[0] for name in ("no-positions", "rope") for space in spaces for k in ("1", "within")}  # fmt: skip
titles = [f"{NAMES[name]}, {scope}" for name in ("no-positions", "rope") for scope in ("many windows", "one window")]
lines = [[title, *(number(apart[name, space, k]) for name in ("no-positions", "rope") for k in ("1", "within"))] for space, title in spaces.items()]  # fmt: skip
display(Markdown(cards.table(["", *titles], lines)))
within = {where: tag_words.stand_apart(apart[name, "output", "within"], apart[name, "other head", "within"]) for name, where in (("no-positions", "without positions"), ("rope", "with RoPE"))}  # fmt: skip
say("tags-apart", tag_words.grouped(within))

# %% [markdown]
# (Probability that a tagged token lies on the right side of an untagged one along the first direction, mean over heads and seeds: .5 is none, 1 is complete. *One window*: directions of every window by itself, with at least five tokens of each kind; so few are separated by chance too, hence the row *another head*.)
#
# Within one window: {glue:text}`tags-apart`. Two clouds in *one* plane for all texts need one sink that all texts share, such as `<s>`. Where the stream differs already *before*, whether a token is caught depends on the token, or on its place.
#
# ## Does the tag tell more than the place?
#
# Zhang 2025 fit probes to the tag component of activations: the truth of a statement is read with {glue:text}`tags-truth` <span class="atlas-origin">paper</span>, its sentiment with {glue:text}`tags-sentiment`; without the tag, near chance. **We have another label**: whether a token stands in code or in natural language (comments, docstrings and other strings), which the corpus itself gives. So
# only the *pattern* can be compared: is the label in the tag, and only there?

# %% tags=["hide-input"]
looks = {
    "output": ("ink", "o-", "whole output"), "tags": ("blue", "s-", "in the tags"), "without tags": ("blue", "s--", "without the tags"), "others": ("orange", "^-", "in other tokens' vectors"),
    "random": ("muted", "D-", "in random directions"), "wrong labels": ("muted", "x:", "labels of other windows"),
}  # fmt: skip
figure, panels = plt.subplots(1, len(shown), figsize=(7.2, 3.5), sharey=True)
for axes, setting in zip(panels, shown, strict=True):
    lines = [(found.layers(setting, "probe", name), *look) for name, look in looks.items()]
    layer_lines(axes, [line for line in lines if len(line[0])])
    axes.axhline(0.5, color=muted, linewidth=0.8)
    axes.set_title(NAMES[setting], fontsize=10)
panels[0].set(ylabel="balanced accuracy", ylim=(0.45, 1.0))
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
figures.show(
    figure,
    name="language-tags-probe",
    caption=f"Balanced accuracy of linear probes for *code or natural language*, fitted on half of {config.windows} windows and tested on the other half, by what they read of all heads of a layer. As many other tokens and as many random directions as there are sinks by Zhang 2025, drawn for each window and head. Mean over seeds ({'; '.join(seeds[name] for name in shown)}), bars from the least to the greatest.",
    alt=f"A panel for each decoder ({'; '.join(NAMES[name] for name in shown)}) with lines over layers, on an axis of accuracy: the whole output, its parts in the tags, in other tokens' vectors and in random directions, what is left without the tags, and labels of other windows.",
    provenance=found.provenance,
)
last, verdicts = config.layers - 1, {}
for setting, where in {"rope": "with RoPE", "no-positions": "without positions"}.items():
    accuracy = dict.fromkeys(looks, float("nan")) | found.read(setting, "probe", last)
    for name in ("output", "tags", "others", "random", "without tags"):
        say(f"tags-probe-{setting}-{name.replace(' ', '-')}", number(accuracy[name], ".0%"))
    controls = max(accuracy["others"], accuracy["random"])
    verdicts[where] = tag_words.label_told(accuracy["tags"], controls, accuracy["without tags"])
say("tags-probe-verdict", tag_words.grouped(verdicts))
say("tags-probe-own", number(found.read(best["setting"], "probe", best["layer"]).get("lasting", float("nan")), ".0%"))
say("tags-truth", paper["zhang2025-truth-probe"])
say("tags-sentiment", paper["zhang2025-sentiment-probe"])

# %% [markdown]
# In {glue:text}`tags-best-layer` (means over {glue:text}`tags-best-seeds`) the tags of lasting sinks tell the kind of text with {glue:text}`tags-probe-own`, and the half of the window with {glue:text}`tags-place-lasting`.
#
# In the last layer with RoPE: whole output {glue:text}`tags-probe-rope-output`, tags {glue:text}`tags-probe-rope-tags`, other tokens' vectors {glue:text}`tags-probe-rope-others`, random directions {glue:text}`tags-probe-rope-random`, the part *without* the tags {glue:text}`tags-probe-rope-without-tags`. Without positions, in the same order: {glue:text}`tags-probe-no-positions-output`, {glue:text}`tags-probe-no-positions-tags`,
# {glue:text}`tags-probe-no-positions-others`, {glue:text}`tags-probe-no-positions-random`, {glue:text}`tags-probe-no-positions-without-tags`. In words: {glue:text}`tags-probe-verdict`. The controls matter: any few directions of a head's output tell much about so easy a label.
#
# ## Outliers
#
# Version 1 of the paper says that sinks use **outlier features** <span class="atlas-origin">paper</span>. Do outliers and sinks go together here?

# %% tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3))
looks = {"rope": ("blue", "s-"), "long": ("purple", "D-"), "no-positions": ("green", "^-"), "post-norm": ("orange", "o-"), "untrained": ("muted", "x--")}  # fmt: skip
looks = {name: look for name, look in looks.items() if name in known}
layer_lines(left, [(found.layers(name, "outlier"), *look, NAMES[name]) for name, look in looks.items()])
layer_lines(right, [(found.layers(name, "outlier_at", "part 0"), *look, NAMES[name]) for name, look in looks.items()])
left.set(ylabel="largest / median coordinate", ylim=(0, None))
right.set(ylabel="share of windows", ylim=(-0.03, 1.03))
left.set_title("outlier of the stream that enters", fontsize=10)
right.set_title("it sits at the first token", fontsize=10)
figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
figures.show(
    figure,
    name="language-sinks-outliers",
    caption=f"Left: largest coordinate of the residual stream over the median one, median over windows. Right: in which share of the windows it belongs to the first token, `<s>`. Mean over seeds ({'; '.join(seeds[name] for name in looks)}), bars from the least to the greatest.",
    alt="Two panels of lines over layers for several decoders: the outlier ratio, and the share of windows in which the largest coordinate sits at the first token.",
    provenance=found.provenance,
)
ratios, verdicts = [], {}
for setting in [name for name in ("rope", "long", "no-positions") if name in known]:
    names = {"outlier": "", "outlier_turned": "", "outlier_at": "part 0"}
    ratio, turned, at_first = (found.layers(setting, name, label)["mean"] for name, label in names.items())
    peak = ratio.idxmax()
    ratios.append(f"{ratio[peak]:.1f} before layer {peak + 1} ({NAMES[setting]})")
    verdicts[f"“{NAMES[setting]}”"] = tag_words.outlier_words(ratio[peak], turned[peak], at_first[peak])
say("tags-outlier-ratios", ", ".join(ratios))
told = tag_words.grouped(verdicts)
say("tags-outlier-words", told if len(set(verdicts.values())) > 1 else f"In all of them {told}")
say("tags-outlier-untrained", number(found.layers("untrained", "outlier")["mean"].max(), ".1f"))

# %% [markdown]
# The ratio is largest with {glue:text}`tags-outlier-ratios`; untrained it is {glue:text}`tags-outlier-untrained`. Whose is the largest coordinate there? {glue:text}`tags-outlier-words`. The one can be there without the other, so measure them apart.
#
# ## When does the sink come?

# %% tags=["hide-input"]
courses = ["no-positions", "long" if "long" in known else "rope"]
trained = Decoders(courses, profile)
shades = figures.shades(config.layers)
figure, panels = plt.subplots(2, 3, figsize=(7.2, 4.9), sharex="row", sharey="col")
titles = {"received_first": "first token receives", "sinks": "sinks by Zhang a head", "loss": "validation loss, nats"}
for row, name in enumerate(courses):
    for axes, (quantity, title) in zip(panels[row], titles.items(), strict=True):
        layers = [-1] if quantity == "loss" else range(config.layers)
        for layer in layers:
            look = {"color": shades[layer], "label": f"layer {layer + 1}"} if layer >= 0 else {"color": figures.PALETTE["ink"]}  # fmt: skip
            course = trained.course(name, quantity, layer).mean(axis=1)
            axes.plot(course.index, course, "o-", markersize=3, linewidth=1.3, **look)
        axes.set(xscale="log", xlabel="step" if row else "")
        axes.set_title("" if row else title, fontsize=10)
    panels[row, 0].axhline(uniform["received_first"], color=muted, linestyle="--", linewidth=1)
    panels[row, 0].set_ylabel(NAMES[name], fontsize=9.5)
panels[0, 0].set_ylim(0, None)
figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
figures.show(
    figure,
    name="language-sinks-emergence",
    caption=f"While decoders are trained: mean over the heads of each layer and over seeds ({'; '.join(f'{NAMES[name]}: {trained.seeds(name)}' for name in courses)}). Dashed: uniform attention. (On the first {config.measured} test windows.)",
    alt="Panels over training steps on a logarithmic axis, a row for each decoder: attention that the first token receives beside a dashed line, number of sinks by Zhang's convention, and validation loss.",
    provenance=trained.provenance,
)
longest = trained.configs[courses[1]]
for name, where in zip(courses, ("without", "rope"), strict=True):
    layers = {layer: trained.course(name, "received_first", layer).mean(axis=1) for layer in range(config.layers)}
    say(f"tags-rise-{where}", first_token.rise(layers, uniform["received_first"], trained.seeds(name)))
    say(f"tags-rise-{where}-perplexity", number(trained.by_seed("perplexity").mean()[name], ".0f"))
say("tags-rise-steps", f"{longest.steps:,}")

# %% [markdown]
# Uniform attention gives the first token {glue:text}`tags-uniform-first`. Without positions the first token {glue:text}`tags-rise-without` (mean of its heads; perplexity {glue:text}`tags-rise-without-perplexity`). With RoPE, trained for {glue:text}`tags-rise-steps` steps, the first token {glue:text}`tags-rise-rope` (perplexity {glue:text}`tags-rise-rope-perplexity`).
# So how well a decoder predicts does not decide alone. Whether one with RoPE and LayerNorm grows a sink later is open here: Gu 2025 find that first-token sinks emerge after effective optimization on enough data.
#
# ## What a practitioner takes away
#
# - **Ask what a sink is for in your model.** Counting is a candidate where there are no positions; take the tag away and see. Large models with RoPE have first-token sinks too, so counting is not the only use.
# - **Report where sinks sit.** A count by Zhang's convention is mostly about the end of the window, in a model whose heads look near. Count what many queries see.
# - **A share explained needs three numbers beside it:** as many other tokens, as many best directions, and d_head.
# - **A probe on a part needs a probe on an equal part.** What any few directions tell is not what the tag tells.
#
# **What small decoders cannot tell.** They have {glue:text}`tags-parameters` million weights and read {glue:text}`tags-read` million tokens, in windows of {glue:text}`tags-tokens` that begin with `<s>`. Nothing here speaks against what the paper finds in large models. Measure your own: {doc}`/_executed/language_models/probe_your_model`. The mechanism in full, in networks small enough to read: {doc}`/_executed/catch_tag_release/mechanism`.
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

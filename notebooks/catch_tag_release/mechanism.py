# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # How a sink tags tokens
#
# To learn where fish go, one catches them, tags them, and releases them. Later a tag tells which fish were caught, among all that swim there. Can attention do the same to tokens?
#
# The task: numbers and one separator, [SEP]. At the last token, say the mean of the numbers *after* [SEP]. There are no positions. In {numref}`fig-catch-maps`
#
# 1. **catch**: every token after [SEP] turns nearly all of its attention to it. Tokens before it cannot see it. [SEP] is an attention sink;
# 2. **tag**: so each of them gets the same vector, what [SEP] has to give;
# 3. **release**: it is *added*. The number that a token carries is still there, and now a mark beside it;
# 4. **retrieve**: in the second layer the last token looks at what has the mark, at all of it equally. Its attention *is* the mean.
#
# The network on the left was written down. The one on the right was trained on nothing but the answer.

# %% tags=["parameters"]
steps: int = 2500  # of training
seed: int = 3  # of the network that is trained
sequences: int = 1000  # on which networks are measured
rotations: int = 30  # random coordinate systems in which outliers are looked for

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd
import torch
from IPython.display import Markdown, display

from attention_atlas import claims, figures
from attention_atlas.drawing.tags import (
    catch_and_retrieve,
    convention_handles,
    convention_stems,
    kind_legend,
    token_plane,
)
from attention_atlas.exercises import catch_mechanism as exercises
from attention_atlas.masks import causal, dense
from attention_atlas.models.averager import Averager, forward
from attention_atlas.sink_tags import as_many_others, explained_by, sinks_of, value_vectors
from attention_atlas.sinks import attention_received, sink_share_gu2025, sink_share_wu2025, sinks_zhang2025
from attention_atlas.stream_coordinates import principal, separation, turned_outliers, typical_outlier
from attention_atlas.tag_tests import measure, separator_tags
from attention_atlas.tags import explained_variance, tag_subspace
from attention_atlas.tasks.averaging import Averaging, draw, placed
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release, outlier_tag
from attention_atlas.theory.position_bias.kernels import flat_map
from attention_atlas.training.averaging import Training
from attention_atlas.wording import probability, say, short

figures.style()
task, middle = Averaging(), 7  # [SEP] is token 8 of 16 where one sequence is shown
training = Training(Averager(), task, [seed], steps, learning_rate=3e-3)
training.advance(steps)
trained = {name: value.detach().double() for name, value in training.parameters.items()}
networks = {"constructed": catch_tag_release(40, 20), "trained": (Averager(), trained)}
generator = torch.Generator().manual_seed(0)
batch = draw(task, sequences, generator)
same_place = placed(2 * torch.rand(sequences, 15, generator=generator, dtype=torch.float64) - 1, torch.full((sequences,), middle))  # fmt: skip
passes = {name: forward(*network, batch.features[None]) for name, network in networks.items()}
shown = {name: forward(*network, same_place.features[None]) for name, network in networks.items()}
tags = {name: separator_tags(*network)[0, 0] for name, network in networks.items()}
measured = measure(*networks["trained"], task, batch)
carried = {name: shown[name].written[0][0, 0, 0] @ tag / tag.square().sum() for name, tag in tags.items()}

# %% tags=["hide-input"]
figure, panels = plt.subplots(2, 4, figsize=(7.2, 3.9), height_ratios=(1.9, 1))
for columns, (name, found) in zip((slice(0, 2), slice(2, 4)), shown.items(), strict=True):
    maps = tuple(weights[0, 0, 0] for weights in found.weights)
    image = catch_and_retrieve(panels[:, columns].flat, maps, carried[name], middle, labels=name == "constructed")
    panels[0, columns][0].annotate(name, (0, 1.22), xycoords="axes fraction", fontsize=11, weight="bold")
for axes in panels[1, ::2]:
    axes.set(ylim=(-0.75, 1.15), yticks=[0, 1])
for axes in panels[1, 1::2]:
    axes.set(ylim=(-0.01, 0.15), yticks=[0, 0.1])
figure.colorbar(image, ax=panels[0], pad=0.015, aspect=15, ticks=[0, 0.5, 1]).set_label("attention", fontsize=9)
kind_legend(figure)
figures.show(
    figure,
    name="catch-maps",
    caption=f"One sequence of 16 tokens, [SEP] is token {middle + 1}. Above: attention in both layers. Below, *tag*: how much of [SEP]'s vector $x_{{\\text{{SEP}}}} W_V W_O$ the first layer writes into each token, as a share of the whole; "
    "*last token*: the last row of the second map. Left: written by hand. Right: trained.",
    alt="Four attention maps. In both first layers the column of the separator is bright below it and tokens before it spread their attention evenly. In both "
    "second layers tokens after the separator attend evenly to each other and not to anything before. Under the first layers: the tag is 1 at "
    "all tokens after the separator; before it, it is 0 in the constructed network and about minus one half in the trained one. Under the second "
    "layers: the last token's weights are one eighth on every number after the separator and 0 elsewhere.",
)
separator_attention = {name: found.weights[0][0, :, 0, middle + 1 :, middle].mean().item() for name, found in shown.items()}  # fmt: skip
say("catch-mechanism-loss", short(measured["loss"].item()))
say("catch-mechanism-variance", probability(batch.target.var(correction=0).item(), 3))
say("catch-mechanism-attention", probability(measured["attention"].item(), 3))
say("catch-mechanism-mass", probability(measured["mass"].item(), 3))
say("catch-mechanism-before", f"{carried['trained'][:middle].mean().item():.2f}".replace("-", "−"))
say("catch-mechanism-after", f"{carried['trained'][middle + 1 :].mean().item():.2f}")
say("catch-mechanism-self", probability(shown["trained"].weights[1][0, :, 0, middle, middle].mean().item(), 2))
say("catch-mechanism-steps", f"{steps:,}")

# %% [markdown]
# The trained network has the mean squared error {glue:text}`catch-mechanism-loss`, where the target has the variance {glue:text}`catch-mechanism-variance`. Over random sequences, tokens after [SEP] give it {glue:text}`catch-mechanism-attention` of their attention in layer 1, and the last
# token gives {glue:text}`catch-mechanism-mass` of its attention in layer 2 to numbers after [SEP]. It is one network, of a seed that succeeds, after {glue:text}`catch-mechanism-steps` steps; how often training gets there is counted in {doc}`/_executed/catch_tag_release/training`.
#
# Two things are *not* as in the construction. Tokens before [SEP] are not blank: they cannot see [SEP], so they take the mean of the numbers so far, and numbers write against the tag. They get {glue:text}`catch-mechanism-before` of it, tokens after [SEP] {glue:text}`catch-mechanism-after`. The mark is a *difference*, not a thing that
# some have and others lack. And the construction keeps [SEP] itself out of the mean by a term of its own; in the trained one it attends in layer 2 to itself with {glue:text}`catch-mechanism-self`, and no later token follows.
#
# ```{admonition} Definitions
# :class: note
# - **Sink** of a head <span class="atlas-origin">paper</span>: a token $j$ that receives more than $\epsilon = 0.2$ on average, $\frac1{T-j+1}\sum_{i\ge j} A_{ij} > \epsilon$ {cite}`zhang2025`.
# - **Tag** of a sink <span class="atlas-origin">paper</span>: $x_j W_V W_O$, which every token $i$ receives $A_{ij}$ times.
# - **Tag subspace**: the span of the tags of all sinks of a head. $P$ projects on it.
# - **Explained variance** $\lVert PO\rVert_F^2/\lVert O\rVert_F^2$, $O$ the head's output, one row per token. That no mean is taken off first is <span class="atlas-origin">ours</span>.
# - **Outlier feature**: a coordinate far larger than others. We report $\max_d\lvert x_{id}\rvert$ over the median of all $\lvert x\rvert$ of a layer; the ratio is <span class="atlas-origin">ours</span>, after {cite}`sun2024`.
# ```
#
# ```{admonition} What we know of the paper
# :class: note
# Task, model and mechanism are those of {cite}`zhang2025`. We have its abstracts and some quoted passages, not the full text. The constructed network is derived here ({doc}`/_executed/catch_tag_release/construction`); sizes and training are ours.
# ```
#
# ## Tagged tokens lie apart
#
# Where in the stream is the tag? Without knowing of [SEP], take the embeddings of all tokens and look along the directions in which they differ most ({numref}`fig-catch-plane`).

# %% tags=["hide-input"]
figure, panels = plt.subplots(2, 2, figsize=(7.2, 5.6))
number = batch.features[..., 2].flatten() == 0
lines = ["| network | stream | along | share of the variance | numbers told apart | cosine with the tag |", "|:--|:--|:--|--:|--:|--:|"]  # fmt: skip
for row, (name, found) in zip(panels, passes.items(), strict=True):
    unit = tags[name] / tags[name].norm()
    for axes, stream, when in zip(row, found.streams[:2], ("embeddings", "after layer 1"), strict=True):
        tokens = stream[0].flatten(0, 1)
        components = principal(tokens)
        drawn = components.places.unflatten(0, stream.shape[1:3])[:20]
        token_plane(axes, drawn, batch.separator[:20])
        axes.set_title(f"{name}, {when}", fontsize=10)
        for axis, direction in ((axes.xaxis, 0), (axes.yaxis, 1)):
            share, cosine = components.shares[direction].item(), (components.directions[direction] @ unit).abs().item()
            told = separation(components.places[number, direction], batch.after.flatten()[number])
            axis.set_label_text(f"direction {direction + 1} ({share:.0%})", fontsize=9)
            lines.append(f"| {name} | {when} | {direction + 1} | {share:.2f} | {told:.2f} | {cosine:.2f} |")
            if when != "embeddings":
                say(f"catch-mechanism-{name}-{direction + 1}", f"{told:.2f}")
                say(f"catch-mechanism-{name}-cosine-{direction + 1}", f"{cosine:.2f}")
kind_legend(figure)
figures.show(
    figure,
    name="catch-plane",
    caption="Principal components of all tokens, before and after the first layer; 20 sequences are drawn. Before: all numbers lie on one line, wherever they come from. After: numbers before and after [SEP] lie on two.",
    alt="Four scatter plots. Embeddings of the constructed and of the trained network: grey circles and blue squares are mixed along one line, "
    "orange diamonds lie beside it. After layer 1: circles and squares form two separate clouds, one beside the other, in both networks.",
)

# %% tags=["hide-input"]
display(Markdown("\n".join(lines)))

# %% [markdown]
# *Told apart* is the probability that a number after [SEP] lies on its side of a number before it: .50 is chance, 1.00 means that one threshold separates all.
#
# After layer 1 one direction is enough. In the trained network it is the *first*, told apart {glue:text}`catch-mechanism-trained-1`, and it is the tag (cosine {glue:text}`catch-mechanism-trained-cosine-1`), found without asking where [SEP] is. In the construction it is the *second* (told apart
# {glue:text}`catch-mechanism-constructed-2`, cosine {glue:text}`catch-mechanism-constructed-cosine-2`): the numbers themselves vary more there. So PCA finds a tag only where it is large.
#
# ## What is a sink? It depends on who counts
#
# Three conventions are in use: a token is a sink if it *receives* more than 0.2 on average (Zhang 2025), more than 0.3 ({cite:t}`gu2025`), or we count the *entries* above 0.2 (the formula printed by {cite:t}`wu2025`). {numref}`fig-catch-conventions` applies them to the same maps.

# %% tags=["hide-input"]
mask = dense(causal, 16)


def shares(weights):
    conventions = {
        "zhang2025": sinks_zhang2025(weights, mask).double().mean((0, 1)),
        "gu2025": sink_share_gu2025(weights, mask, 0.3),
        "wu2025": sink_share_wu2025(weights, mask),
    }
    return pd.DataFrame({name: share.tolist() for name, share in conventions.items()})


flat = flat_map(16)[None, None]
tables = {f"{name}, layer {layer + 1}": shares(shown[name].weights[layer][0]) for layer in (0, 1) for name in networks}
tables["uniform attention"] = shares(flat)
figure, panels = plt.subplot_mosaic("AB\nCD\nE.", figsize=(7.2, 5.4), sharex=True, sharey=True)
for axes, (title, table) in zip(panels.values(), tables.items(), strict=True):
    convention_stems(axes, table)
    axes.axvline(middle + 1, color=figures.PALETTE["orange"], linewidth=0.8, linestyle=":", zorder=0)
    axes.set_title(title, fontsize=10)
    axes.set_xticks([1, 4, middle + 1, 12, 16])
panels["C"].set_ylabel("percent")
for corner in "DE":
    panels[corner].set_xlabel("token")
    panels[corner].tick_params(labelbottom=True)
figure.legend(handles=convention_handles(), loc=(0.6, 0.1))
figures.show(
    figure,
    name="catch-conventions",
    caption=f"The same maps by three conventions; {sequences:,} sequences with [SEP] at token {middle + 1} (dotted). Squares and triangles: share of the maps in which a token is a sink. Circles: share of the entries on a token that exceed 0.2.",
    alt="Five panels of stems per token. Layer 1 of both networks: the separator has 100 percent by all conventions, and by the entries the first four tokens have up to 30 percent as well. "
    "Layer 2: the separator is no sink; the first three numbers after it are, by the mean above 0.2, one of them above 0.3, and four by entries. Uniform attention: the first token is a sink by the mean above 0.2, not above 0.3.",
)
received = attention_received(shown["constructed"].weights[1][0, 0, 0], mask)
layer_two = tables["constructed, layer 2"]
say("catch-mechanism-uniform", probability(attention_received(flat[0, 0], mask)[0].item(), 3))
say("catch-mechanism-first-received", probability(received[middle + 1].item(), 3))
for name in ("zhang2025", "gu2025"):
    say(f"catch-mechanism-sinks-{name}", f"{(layer_two[name] > 0.5).sum()}")
say("catch-mechanism-sinks-trained", f"{(tables['trained, layer 2']['zhang2025'] > 0.5).sum()}")
say("catch-mechanism-first-entries", f"{tables['uniform attention']['wu2025'][0]:.0%}")

# %% [markdown]
# All three agree on [SEP] in layer 1. Elsewhere they do not, and none of what they add is a mechanism:
#
# - Under **uniform attention** over 16 tokens the first token receives {glue:text}`catch-mechanism-uniform`: a sink by Zhang's threshold, with no weights at all. Counting entries gives it {glue:text}`catch-mechanism-first-entries`.
# - In **layer 2** nothing is caught. Numbers after [SEP] are averaged, and under a causal mask the first of $n$ equal ones receives $\frac1n\left(1 + \frac12 + \dots + \frac1n\right)$, here {glue:text}`catch-mechanism-first-received`. The construction has {glue:text}`catch-mechanism-sinks-zhang2025` sinks there by
#   Zhang's convention and {glue:text}`catch-mechanism-sinks-gu2025` by Gu's; the trained network has {glue:text}`catch-mechanism-sinks-trained` by Zhang's.
#
# So *sink* is a statement about one column of a map, and a mean over later tokens favors whoever is early in what is averaged. ({doc}`/_executed/position_bias/sinks` meets the same geometry in trained networks of more layers.) Under a causal mask Zhang's and Gu's conventions are the same but for the threshold.
#
# ## How much of the output is tag?

# %% tags=["hide-input"]
lines = ["| network | layer | sinks per sequence | explained by the sinks | 5–95 % of sequences | explained by as many other tokens |", "|:--|--:|--:|--:|--:|--:|"]  # fmt: skip
for name, found in passes.items():
    for layer in (0, 1):
        sinks, values = sinks_of(found, layer), value_vectors(*networks[name], found.streams[layer], layer)
        explained = explained_by(found.written[layer], values, sinks).flatten()
        control = explained_by(found.written[layer], values, as_many_others(sinks, torch.Generator().manual_seed(1)))
        low, high = explained.nanquantile(0.05).item(), explained.nanquantile(0.95).item()
        lines.append(
            f"| {name} | {layer + 1} | {sinks.sum(-1).double().mean().item():.2f} | {explained.nanmean().item():.2f} | {low:.2f}–{high:.2f} | {control.nanmean().item():.2f} |"
        )
        say(f"catch-mechanism-{name}-explained-{layer + 1}", f"{explained.nanmean().item():.0%}")
        say(f"catch-mechanism-{name}-control-{layer + 1}", f"{control.nanmean().item():.0%}")
by_separator = explained_variance(passes["trained"].written[0][0].flatten(0, 2), tag_subspace(tags["trained"][None]))
say("catch-mechanism-by-separator", f"{by_separator.item():.0%}")
reported = {claim.id: claim.reported for claim in claims.load()}
say("catch-mechanism-reported", reported["zhang2025-variance"].replace("-", "–"))
display(Markdown("\n".join(lines)))

# %% [markdown]
# One head in each layer; every sequence has its own sinks ($\epsilon = 0.2$) and its own share. The last column is a control: as many tokens of the same sequence that are *not* sinks, drawn at random, and their value vectors in place of the tags.
#
# In layer 1 the construction is the clear case: only [SEP] writes, so its tag explains {glue:text}`catch-mechanism-constructed-explained-1` and other tokens {glue:text}`catch-mechanism-constructed-control-1`. In the trained network the sinks explain {glue:text}`catch-mechanism-trained-explained-1` and other tokens
# {glue:text}`catch-mechanism-trained-control-1`. (The tag of [SEP] alone, over all sequences together: {glue:text}`catch-mechanism-by-separator`.) But in layer 2, where nothing is caught, "sinks" explain as much, {glue:text}`catch-mechanism-trained-explained-2` in the trained network, and other tokens hardly less,
# {glue:text}`catch-mechanism-trained-control-2`. In the construction $W_V W_O$ has rank one: any number that is not 0 explains all. **The share alone is no evidence.** It needs the control, or a causal test.
#
# For heads of language models the second version of the paper reports {glue:text}`catch-mechanism-reported` <span class="atlas-origin">paper</span>. That is *not comparable* with this table: $d = 8$ and a head as wide as the stream here, hundreds of dimensions and many things to write about there. Language models have their own row of the
# {doc}`scorecard </_executed/back_matter/scorecard>`.
#
# ## Are there outliers?
#
# The abstract of the first version says that sinks *use outlier features* to catch <span class="atlas-origin">paper</span>. A variant of the construction does just that <span class="atlas-origin">derived here</span>: its tag is one coordinate, $-1$ for numbers and $s$ for [SEP].
# One difficulty comes first. Rotate the stream, and every matrix with it: the network computes the same, and coordinates are others. So {numref}`fig-catch-outliers` shows each ratio in the network's own coordinates and in random ones.

# %% tags=["hide-input"]
compared = {"five coordinates": networks["constructed"], "trained": networks["trained"], "outlier variant, $s=3$": outlier_tag()}  # fmt: skip
ends = torch.tensor([0.05, 0.5, 0.95], dtype=torch.float64)
looks = (("blue", "s"), ("green", "o"), ("red", "D"))
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.5), width_ratios=(1.5, 1))
for shift, ((name, network), (color, marker)) in enumerate(zip(compared.items(), looks, strict=True)):
    found = forward(*network, same_place.features[None])
    own = [typical_outlier(stream[0]) for stream in found.streams]
    turned = [turned_outliers(stream[0, :100], rotations, torch.Generator().manual_seed(0)) for stream in found.streams]
    low, _, high = zip(*(ratios.quantile(ends).tolist() for ratios in turned), strict=True)
    place = [layer + 0.2 * (shift - 1) for layer in range(3)]
    left.plot(place, own, linestyle="", marker=marker, color=figures.PALETTE[color], label=name)
    left.vlines([p + 0.07 for p in place], low, high, color=figures.PALETTE[color], linewidth=4, alpha=0.45)
    if name == "trained":
        say("catch-mechanism-outlier-trained", f"{max(own):.1f}")
        say("catch-mechanism-outlier-turned", f"{min(low):.1f} to {max(high):.1f}")
    elif name == "five coordinates":
        say("catch-mechanism-outlier-five", f"{own[1]:.0f}")
        say("catch-mechanism-outlier-five-turned", f"{min(low):.1f} to {max(high):.1f}")
left.set(yscale="log", xticks=range(3), ylabel="largest / median", xlim=(-0.5, 2.5), yticks=[2, 5, 10, 20])
left.yaxis.set_major_formatter("{x:.0f}")
left.minorticks_off()
left.set_xticklabels(["embedding", "after layer 1", "after layer 2"])
left.set_title("marks: own coordinates, bars: random ones", fontsize=10)
gauss = typical_outlier(torch.randn(200, 16, 8, generator=torch.Generator().manual_seed(2)))
left.axhline(gauss, color=figures.PALETTE["muted"], linewidth=1, linestyle=":")
left.legend(fontsize=9)
sizes, ratios, errors = [1, 3, 10, 30, 100, 300, 1000], {"own": [], "random": []}, []
for size in sizes:
    found = forward(*outlier_tag(separator=float(size)), same_place.features[None])
    ratios["own"].append(typical_outlier(found.streams[1][0]))
    turned = turned_outliers(found.streams[1][0, :100], rotations, torch.Generator().manual_seed(0))
    ratios["random"].append(turned.median().item())
    errors.append((found.output[0, :, -1] - same_place.target).square().mean().item())
right.loglog(sizes, ratios["own"], "D-", color=figures.PALETTE["red"], label="own coordinates")
right.loglog(sizes, ratios["random"], "o--", color=figures.PALETTE["purple"], label="random coordinates")
right.set(xlabel="size of the outlier, $s$", ylabel="largest / median", title="outlier variant, after layer 1")
right.title.set_fontsize(10)
right.legend(fontsize=9)
figures.show(
    figure,
    name="catch-outliers",
    caption=f"Largest coordinate of a layer over the median of all, median over sequences; bars: 5–95 % of {rotations} random rotations. Dotted: normal numbers, 16 tokens of 8 dimensions. A missing mark: half of all coordinates are exactly 0, the ratio does not exist. "
    f"Right: the variant with an outlier of any size; its mean squared error on these sequences lies between {short(min(errors))} and {short(max(errors))}.",
    alt="Left, logarithmic axis: the trained network's marks lie between 3 and 5, near the dotted line and inside the bars of random coordinates. The "
    "construction of five coordinates has no mark first, one far above its bar after layer 1 and one inside it at the end. The outlier variant lies around 10 in its own coordinates and below 6 in random ones. Right: in its own coordinates the ratio climbs in "
    "proportion to the outlier, in random coordinates it stays flat.",
)
say("catch-mechanism-outlier-variant", f"{ratios['own'][1]:.0f}")
say("catch-mechanism-outlier-large", f"{ratios['own'][-1]:,.0f}")
say("catch-mechanism-outlier-large-turned", f"{ratios['random'][-1]:.1f}")
say("catch-mechanism-outlier-error", short(max(errors)))
say("catch-mechanism-gauss", f"{gauss:.1f}")

# %% [markdown]
# - **The variant** has an outlier, and of any size we like: the ratio after layer 1 is {glue:text}`catch-mechanism-outlier-variant` at $s = 3$ and {glue:text}`catch-mechanism-outlier-large` at $s = 1000$, in the tagged tokens, while the error is at most {glue:text}`catch-mechanism-outlier-error`. In random coordinates it is
#   {glue:text}`catch-mechanism-outlier-large-turned` even then. The outlier is a fact about the axes, and could be turned away.
# - **The construction of five coordinates** has none: all of its numbers are at most 1. Its ratio does not exist before layer 1 and is {glue:text}`catch-mechanism-outlier-five` after it, because so many coordinates are *zero*; in random coordinates it is {glue:text}`catch-mechanism-outlier-five-turned`.
# - **The trained network** has none either: {glue:text}`catch-mechanism-outlier-trained` at most, beside {glue:text}`catch-mechanism-outlier-turned` in random coordinates and {glue:text}`catch-mechanism-gauss` for normal numbers.
#
# So the mechanism *can* use outliers; it needs none, and this network grew none. Nothing in it knows its axes but the optimizer, Adam; large models have parts that do, such as the gains of a normalization. The wording "necessitate" of the first version is weighed in the
# {doc}`ledger </_executed/back_matter/discrepancy_ledger>`.
#
# ## What a practitioner takes away
#
# - **Look at what a sink writes.** Attention on a token says that tokens were caught. $x_j W_V W_O$ says with what they are marked; whether a later layer reads it is a third question, and only an intervention answers it ({doc}`/_executed/catch_tag_release/intervention`).
# - **Name the convention, and give uniform attention beside it.** At $\epsilon = 0.2$ and 16 tokens an untrained map has a sink, and so has every causal mean of few tokens.
# - **Give explained variance with a control** from tokens that are no sinks. In a narrow head everything explains much.
# - **An outlier ratio belongs to a basis.** Compare it with the same ratio after a random rotation before calling a coordinate special.
# - **A separator that all later text can see and no earlier text can is a free segment marker.** Whoever removes it removes the tag of all that came after.
#
# Next: {doc}`/_executed/catch_tag_release/construction` proves how small the error is.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} A sink that catches nothing
# :label: ex-catch-geometry
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# In layer 2 of the construction (large $\beta$ and $\gamma$) numbers after [SEP] attend equally to all numbers after [SEP] that they see. How many numbers must follow [SEP] at least, so that *none* of them is a sink by Gu's threshold of 0.3?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-geometry
# :class: dropdown
# :label: sol-catch-geometry
# ```

# %% [markdown]
# The $i$-th number after [SEP] gives $1/i$ to each. The first one receives most: $\frac1n\sum_{i=1}^n\frac1i$, which must not exceed 0.3.

# %%
received = [sum(1 / i for i in range(1, n + 1)) / n for n in range(1, 30)]
least = next(n for n, mean in enumerate(received, start=1) if mean <= 0.3)
print(least, exercises.check_geometry(least))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Attention is not variance
# :label: ex-catch-explained
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# Every token gives .6 of its attention to one sink and .4 to one other token. The two value vectors (after $W_O$) are as long as each other and orthogonal. Which share of the head's output does the tag explain?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-explained
# :class: dropdown
# :label: sol-catch-explained
# ```

# %% [markdown]
# Every row of $O$ is $.6\,t + .4\,u$. The projection keeps $.6\,t$, and squares add up: $.36/(.36 + .16)$.

# %%
written = torch.tensor([[0.6, 0.4]]).expand(5, 2)
share = explained_variance(written, tag_subspace(torch.tensor([[1.0, 0.0]]))).item()
print(f"{share:.3f}", exercises.check_explained(share))

# %% [markdown]
# ```{solution-end}
# ```

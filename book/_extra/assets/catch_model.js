/* Catch, tag, release (Zhang 2025), constructed by hand: two attention layers that average the numbers after [SEP], and the
 * bound on their error (both ours). Pure numbers, float64.
 *
 * A setting is {model, beta, gamma, tokens, separator, tag}. Token indices are 0-based, and `tokens` counts [SEP].
 * tests/book/test_catch_playground.py compares it with the library.
 */
(function (root) {
  "use strict";

  const MODELS = ["five", "outlier"]; // five coordinates, or a number and a tag that [SEP] carries from the start
  const TAGS = ["kept", "removed", "doubled", "moved"];
  const THRESHOLD = 0.2; // mean attention that makes a sink

  function check({ model, tag, beta, gamma, tokens, separator }) {
    const refuse = (what, got) => {
      throw new RangeError(`${what}, got ${got}`);
    };
    if (!MODELS.includes(model)) refuse(`model must be one of ${MODELS.join(", ")}`, model);
    if (!TAGS.includes(tag)) refuse(`tag must be one of ${TAGS.join(", ")}`, tag);
    if (!(beta >= 0)) refuse("beta must be at least 0", beta);
    if (!(gamma >= 0)) refuse("gamma must be at least 0", gamma);
    if (!(tokens >= 2)) refuse("at least 2 tokens", tokens);
    if (!(separator >= 0 && separator <= tokens - 2)) refuse(`[SEP] must stand at 0 to ${tokens - 2}`, separator);
  }

  const strength = ({ tag }) => ({ removed: 0, doubled: 2 })[tag] ?? 1; // of the tag that layer 1 writes

  /** Tokens and layers. Every matrix has rank one: a logit is (query . row)(key . row), and what a token that attends to
   * others takes over is (value . row) times `output`. */
  function build(setting) {
    check(setting);
    const { model, beta, gamma } = setting;
    const times = strength(setting);
    if (model === "five")
      // number, one, is [SEP], tag, answer
      return {
        number: (x) => [x, 1, 0, 0, 0],
        separator: [0, 1, 1, 0, 0],
        tag: 3,
        layers: [
          { query: [0, beta, 0, 0, 0], key: [0, 0, 1, 0, 0], value: [0, 0, times, 0, 0], output: [0, 0, 0, 1, 0] },
          { query: [0, gamma, 0, 0, 0], key: [0, 0, -2, 1, 0], value: [1, 0, 0, 0, 0], output: [0, 0, 0, 0, 1] },
        ],
      };
    // number, tag, answer
    return {
      number: (x) => [x, -1, 0],
      separator: [0, 3, 0],
      tag: 1,
      layers: [
        { query: [0, -beta, 0], key: [0, 1, 0], value: [0, 2 * times, 0], output: [0, 1, 0] },
        { query: [0, gamma, 0], key: [0, 1, 0], value: [1, 0, 0], output: [0, 0, 1] },
      ],
    };
  }

  const dot = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);

  /** Causal attention of one layer: the rows of `asking` look for those of `stream`. */
  function attend(asking, stream, { query, key }) {
    const keys = stream.map((row) => dot(row, key));
    return asking.map((row, i) => {
      const asked = dot(row, query);
      const logits = keys.slice(0, i + 1).map((each) => asked * each);
      const top = Math.max(...logits);
      const weights = logits.map((logit) => Math.exp(logit - top));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      return Float64Array.from(stream, (_, j) => (j <= i ? weights[j] / sum : 0));
    });
  }

  /** Mean of numbers, null if there are none. */
  const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);

  const isMoved = ({ tag, separator }) => tag === "moved" && separator > 0; // else there is nobody to move it to
  /** The causal test: tokens before [SEP] get the mean of what those after it have taken, and the other way round. */
  function moved(taken, at) {
    const after = mean(taken.slice(at + 1)),
      before = mean(taken.slice(0, at));
    return taken.map((own, i) => (i === at ? own : i < at ? after : before));
  }

  /** How far a mean with these weights can be from the plain mean of the `members`, for any numbers between 0 and 1; whoever
   * has the number 0 (`none`) does not matter. */
  function worst(weights, members, none) {
    const number = weights.filter((_, j) => members(j)).length;
    if (!number) return null;
    let above = 0,
      below = 0;
    weights.forEach((weight, j) => {
      const gap = j === none ? 0 : weight - (members(j) ? 1 / number : 0);
      if (gap > 0) above += gap;
      else below -= gap;
    });
    return Math.max(above, below);
  }

  /** All that the model computes on given numbers (one fewer than tokens). */
  function forward(setting, numbers) {
    const { number, separator, tag, layers } = build(setting);
    const at = setting.separator;
    const rows = [...numbers.slice(0, setting.tokens - 1)].map(number);
    if (rows.length < setting.tokens - 1)
      throw new RangeError(`${setting.tokens - 1} numbers are needed, got ${rows.length}`);
    rows.splice(at, 0, separator);
    const [first, second] = layers;
    const wrote = (taken) => rows.map((row, i) => row.map((value, k) => value + taken[i] * first.output[k]));
    const taking = (map, from, { value }) => {
      const values = from.map((row) => dot(row, value));
      return map.map((weights) => dot(weights, values));
    };
    const caughtBy = attend(rows, rows, first);
    const taken = taking(caughtBy, rows, first); // by each token, in layer 1
    const seen = isMoved(setting) ? moved(taken, at) : taken; // and what layer 2's keys and values are told of it
    const stream = wrote(seen);
    const released = attend(wrote(taken), stream, second);
    const given = dot(separator, first.value); // to a token that looks at nothing but [SEP]
    const shares = released[setting.tokens - 1]; // of the answer
    return {
      maps: [caughtBy, released],
      shares,
      tags: stream.map((row) => row[tag]),
      caught: seen.map((own) => (given ? Math.min(1, Math.max(0, own / given)) : 0)), // share of the whole tag
      output: taking([shares], stream, second)[0],
      after: mean(numbers.slice(at, setting.tokens - 1)),
      before: mean(numbers.slice(0, at)),
      all: mean(numbers.slice(0, setting.tokens - 1)),
      worst: {
        after: worst(shares, (j) => j > at, at),
        before: worst(shares, (j) => j < at, at),
        all: worst(shares, (j) => j !== at, at),
        separator: worst(shares, (j) => j === at, at),
      },
    };
  }

  /** What a token gives to [SEP] if its logit is so far above those of the `earlier` other tokens it sees. */
  const catching = (logit, earlier) => 1 / (1 + earlier * Math.exp(-logit));

  /** The most that the answer can be off, for numbers from 0 to 1 (R = 1): from the mean after [SEP], or from the mean before
   * it when the tag is moved there. Null where the two-dimensional variant has none. */
  function bound(setting) {
    check(setting);
    const { model, beta, gamma, tokens, separator: before } = setting;
    if (model === "outlier") return outlierBound(setting);
    const after = tokens - 1 - before,
      pull = gamma * strength(setting);
    const [tagged, others] = isMoved(setting) ? [before, after] : [after, before];
    const uneven = isMoved(setting) ? 0 : Math.expm1(pull * (tokens - 1) * Math.exp(-beta));
    const heard = ((others + Math.exp(pull - 2 * gamma)) / tagged) * Math.exp(-pull * catching(beta, tokens - 1));
    return uneven + heard;
  }

  /** Of the two-dimensional variant: none if [SEP] comes first, the tag is moved, or the last token has none. */
  function outlierBound(setting) {
    const { beta, gamma, tokens, separator: before } = setting;
    const tag = 2 * strength(setting),
      outlier = 3;
    const after = tokens - 1 - before,
      reach = tag * (1 + outlier); // of a token that looks at nothing but [SEP], over one that does not see it
    const last = catching(beta * (1 + outlier), tokens - 1),
      first = catching(beta * (1 + outlier), before + 1);
    const own = reach * last - 1 - tag; // the last token's tag
    if (before === 0 || setting.tag === "moved" || own <= 0) return null;
    const pull = gamma * own,
      spread = first * last * (after - 1) * Math.exp(-beta * (1 + outlier)),
      away = Math.exp(-beta * outlier * (1 + outlier)); // what [SEP] at most gives itself
    const others = before * Math.exp(-pull * reach * last) + Math.exp(-pull * (reach * (last - away) - 1 - outlier));
    const missed = others / (others + after);
    return missed + (1 - missed) * Math.tanh((pull * reach * spread) / 4);
  }

  /** The same setting with [SEP] at every place. */
  const everywhere = (setting) =>
    Array.from({ length: setting.tokens - 1 }, (_, separator) => ({ ...setting, separator }));

  /** Attention that each token receives, averaged over the queries that see it; above THRESHOLD it is a sink (Zhang 2025). */
  function received(map) {
    return map.map((_, j) => mean(map.slice(j).map((row) => row[j])));
  }
  const sinks = (map) => received(map).flatMap((value, j) => (value > THRESHOLD ? [j] : []));

  const NEAR = 0.05;
  /** Which mean the answer is: the nearest, if it is within NEAR for any numbers between 0 and 1 (ours, stated and not tuned). */
  function follows({ worst }) {
    const names = Object.keys(worst).filter((name) => worst[name] !== null);
    const nearest = names.reduce((best, name) => (worst[name] < worst[best] ? name : best));
    return worst[nearest] <= NEAR ? nearest : "none";
  }

  /** Uniform numbers in (0, 1). */
  function numbersOf(seed, count) {
    const { uniform } = root.AttentionAtlas.random.generator(seed);
    return Float64Array.from({ length: count }, uniform);
  }

  const catchTagRelease = {
    ...{ MODELS, TAGS, THRESHOLD, NEAR },
    ...{ build, attend, worst, forward, catching, bound, everywhere, received, sinks, follows, numbersOf },
  };
  root.AttentionAtlas = { ...root.AttentionAtlas, catchTagRelease };
})(typeof window === "undefined" ? globalThis : window);

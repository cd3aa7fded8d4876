/* Signal propagation along a random walk (our reconstruction of Bao 2024) and the softmax itself: pure numbers, float64.
 *
 * A setting is {eta, deviation, tokens, d, persistence, increments}. By isotropy W may be diagonal: its eigenvalues have mean
 * eta / sqrt(d) and exactly this standard deviation. Token indices are 0-based; the query is the last token unless all ask.
 * random.js comes before this script. tests/book/test_localization_playground.py compares it with the library.
 */
(function (root) {
  "use strict";

  const { generator, tally } = root.AttentionAtlas.random;
  const INCREMENTS = ["unit", "short"]; // a step's variance is 1, or 1/T: then the last token has length sqrt(d) whatever T

  function check({ tokens, d, deviation, persistence, increments }) {
    const refuse = (what, got) => {
      throw new RangeError(`${what}, got ${got}`);
    };
    if (!INCREMENTS.includes(increments)) refuse(`increments must be one of ${INCREMENTS.join(", ")}`, increments);
    if (!(tokens >= 2)) refuse("at least 2 tokens", tokens);
    if (!(d >= 2)) refuse("d must be at least 2", d);
    if (!(deviation >= 0)) refuse("the eigenvalues' standard deviation must be at least 0", deviation);
    if (!(persistence >= 0 && persistence <= 1)) refuse("persistence must be in [0, 1]", persistence);
  }

  // ---- the normal distribution
  const density = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

  /** P(N > x), to a relative error of 1e-13: a series of positive terms near 0, a continued fraction far out. */
  function tail(x) {
    if (x < 0) return 1 - tail(-x);
    if (x > 2.5) {
      let below = x;
      for (let n = 60; n > 0; n--) below = x + n / below;
      return density(x) / below;
    }
    let term = x,
      sum = x;
    for (let n = 3; term > 1e-17 * sum; n += 2) sum += term *= (x * x) / n;
    return 0.5 - density(x) * sum;
  }
  const phi = (x) => tail(-x);

  /** Where phi is p: Newton's steps from 0, which never overshoot since phi is convex on that side. */
  function quantile(p) {
    if (p > 0.5) return -quantile(1 - p);
    let x = 0;
    for (let n = 0, step = 1; n < 60 && Math.abs(step) > 1e-15; n++) x -= step = (phi(x) - p) / density(x);
    return x;
  }

  /** Probability that a normal number lies between two bounds; without deviation half of it is inside on a bound. */
  function between(low, high, mean, deviation) {
    const side = (bound) => (bound - mean === 0 ? 0 : (bound - mean) / deviation);
    const below = side(low),
      above = side(high);
    return below > 0 ? tail(below) - tail(above) : phi(above) - phi(below); // where both tails are small
  }

  // ---- what W and the tokens contribute
  /** The least xi of a symmetric W: all eigenvalues equal. */
  const leastXi = ({ eta, d }) => (eta * eta) / d;
  const xiOf = (setting) => leastXi(setting) + setting.deviation ** 2;
  /** The deviation that gives this xi, and whether there is one: xi below its least value is not to be had. */
  function deviationOf({ eta, d }, xi) {
    const square = xi - leastXi({ eta, d });
    return { deviation: Math.sqrt(Math.max(0, square)), possible: square >= -1e-12 * (1 + Math.abs(xi)) };
  }

  /** Eigenvalues at evenly spaced normal quantiles, with exactly the mean and the deviation that are asked for. */
  function eigenvalues({ eta, deviation, d }) {
    const values = Float64Array.from({ length: d }, (_, k) => quantile((k + 0.5) / d));
    const size = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / d); // their mean is 0 by symmetry
    return values.map((value) => eta / Math.sqrt(d) + (deviation * value) / size);
  }

  const incrementOf = ({ increments, tokens }) => (increments === "unit" ? 1 : 1 / tokens);

  /** With steps of variance 1: variances of all tokens, their covariances with the last, and the score's two forms. */
  function forms({ tokens, persistence }) {
    const variance = new Float64Array(tokens);
    for (let i = 0; i < tokens; i++) variance[i] = 1 + (i ? persistence ** 2 * variance[i - 1] : 0);
    const share = (i, j) => persistence ** Math.abs(i - j) * variance[Math.min(i, j)]; // covariance of two tokens
    const last = variance.map((_, i) => share(i, tokens - 1));
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const withAll = variance.map((_, i) => mean(variance.map((_, j) => share(i, j))));
    const all = mean(withAll),
      lastMean = mean(last),
      query = variance[tokens - 1];
    return {
      variance,
      last,
      covariance: last.map((value) => value - lastMean), // S_i, of the centered key and the query
      product: variance.map((value, i) => (value - 2 * withAll[i] + all) * query), // a_i b
    };
  }

  /** Mean and variance of z_i, the last query's score of key i less its mean score. */
  function moments(setting, { covariance, product } = forms(setting)) {
    const step = incrementOf(setting);
    return {
      mean: covariance.map((S) => step * setting.eta * S),
      variance: covariance.map((S, i) => step * step * xiOf(setting) * (product[i] + S * S)),
    };
  }

  /** Signal propagation probability of every key, scores taken for Gaussian. */
  function finite(setting) {
    const { mean, variance } = moments(setting);
    return mean.map((value, i) => between(-1, setting.tokens - 1, value, Math.sqrt(variance[i])));
  }

  /** The same for T to infinity at position theta of a walk. Unit steps: scores and upper bound grow with T. Short ones: neither. */
  function limit(setting, theta) {
    const deviation = Math.sqrt(xiOf(setting) * (2 * theta * theta - 2 * theta + 7 / 12));
    const [low, high] = setting.increments === "unit" ? [0, 1] : [-1, Infinity];
    return between(low, high, setting.eta * (theta - 0.5), deviation);
  }

  // ---- chance
  /** Softmax of numbers[from ... from + count - 1], in place; returns its entropy in nats. */
  function softmax(numbers, from, count) {
    let top = -Infinity,
      sum = 0,
      mean = 0;
    for (let j = from; j < from + count; j++) top = Math.max(top, numbers[j]);
    for (let j = from; j < from + count; j++) {
      const gap = numbers[j] - top;
      const weight = (numbers[j] = Math.exp(gap));
      sum += weight;
      if (weight > 0) mean += weight * gap;
    }
    for (let j = from; j < from + count; j++) numbers[j] /= sum;
    return Math.log(sum) - mean / sum;
  }

  /** A Monte Carlo of the last query that goes on where it stopped.
   *
   * Given the last token v, token i is beta_i v plus something independent of v, so its score is beta_i v'Wv plus |Wv| times
   * one coordinate of that something: T + d normal numbers make a sequence, not T d.
   */
  function startQuery(setting, seed) {
    check(setting);
    const { tokens, d, persistence } = setting;
    const random = generator(seed);
    const { variance, last } = forms(setting);
    const length = Math.sqrt(variance[tokens - 1]);
    const values = eigenvalues(setting);
    const scale = incrementOf(setting) / Math.sqrt(d);
    const tallies = () => Array.from({ length: tokens }, tally);
    const seen = { weight: tallies(), sensitivity: tallies(), share: tallies(), entropy: tally() };
    const scores = new Float64Array(tokens);
    let sequences = 0;
    function draw() {
      let along = 0,
        across = 0;
      for (let k = 0; k < d; k++) {
        const pull = length * random.normal();
        along += values[k] * pull * pull;
        across += (values[k] * pull) ** 2;
      }
      across = Math.sqrt(across);
      for (let i = 0; i < tokens; i++) scores[i] = (i ? persistence * scores[i - 1] : 0) + random.normal();
      const end = scores[tokens - 1];
      let mean = 0;
      for (let i = 0; i < tokens; i++) {
        const beta = last[i] / variance[tokens - 1];
        mean += (scores[i] = scale * (beta * along + across * (scores[i] - beta * end))) / tokens;
      }
      return mean;
    }
    return {
      more(number) {
        for (let n = 0; n < number; n++) {
          const mean = draw();
          for (let i = 0; i < tokens; i++) {
            const z = scores[i] - mean;
            seen.share[i].add(z > -1 && z < tokens - 1 ? 1 : 0);
          }
          seen.entropy.add(softmax(scores, 0, tokens));
          for (let i = 0; i < tokens; i++) {
            seen.weight[i].add(scores[i]);
            seen.sensitivity[i].add((tokens * scores[i] * (1 - scores[i])) / (1 - 1 / tokens));
          }
        }
        sequences += number;
      },
      summary() {
        const both = (each) => ({ mean: each.map((one) => one.mean()), error: each.map((one) => one.error()) });
        const [weight, sensitivity, share] = [seen.weight, seen.sensitivity, seen.share].map(both);
        return { sequences, weight, sensitivity, share, entropy: seen.entropy.mean(), entropyError: seen.entropy.error() };
      },
    };
  }

  /** T sequences of d coordinates, steps of variance 1, row by row. */
  function walk({ tokens, d, persistence }, random, x) {
    for (let i = 0; i < tokens; i++) {
      for (let k = 0; k < d; k++) x[i * d + k] = random.normal() + (i ? persistence * x[(i - 1) * d + k] : 0);
    }
  }

  /** The map of x, every token asking; returns its mean entropy in nats. */
  function attend({ tokens, d }, values, scale, x, map) {
    const asked = new Float64Array(d);
    for (let i = 0; i < tokens; i++) {
      for (let k = 0; k < d; k++) asked[k] = scale * values[k] * x[i * d + k];
      for (let j = 0; j <= i; j++) {
        let score = 0;
        for (let k = 0, at = j * d; k < d; k++, at++) score += asked[k] * x[at];
        map[i * tokens + j] = map[j * tokens + i] = score; // W is symmetric
      }
    }
    let entropy = 0;
    for (let i = 0; i < tokens; i++) entropy += softmax(map, i * tokens, tokens) / tokens;
    return entropy;
  }

  /** Squared distance of tokens, row by row, from their mean token. */
  function scatter(tokens, d, x) {
    const mean = new Float64Array(d);
    for (let i = 0, at = 0; i < tokens; i++) for (let k = 0; k < d; k++, at++) mean[k] += x[at] / tokens;
    let square = 0;
    for (let i = 0, at = 0; i < tokens; i++) for (let k = 0; k < d; k++, at++) square += (x[at] - mean[k]) ** 2;
    return square;
  }

  /** ||U - 1u'|| / ||X - 1x'|| for outputs U = map X. */
  function rankResidual({ tokens, d }, map, x, outputs = new Float64Array(tokens * d)) {
    outputs.fill(0);
    for (let i = 0; i < tokens; i++) {
      for (let j = 0; j < tokens; j++) {
        const weight = map[i * tokens + j];
        for (let k = 0, to = i * d, at = j * d; k < d; k++, to++, at++) outputs[to] += weight * x[at];
      }
    }
    return Math.sqrt(scatter(tokens, d, outputs) / scatter(tokens, d, x));
  }

  /** 1 - H / ln T of a map whose rows are `sums` over `number` maps, averaged over queries. */
  function concentration(sums, number, tokens) {
    let entropy = 0;
    for (const sum of sums) if (sum > 0) entropy -= (sum / number) * Math.log(sum / number);
    return 1 - entropy / tokens / Math.log(tokens);
  }

  /** A Monte Carlo of whole maps: every token asks, no mask. */
  function startMaps(setting, seed) {
    check(setting);
    const { tokens, d } = setting;
    const random = generator(seed);
    const values = eigenvalues(setting);
    const scale = incrementOf(setting) / Math.sqrt(d);
    const size = tokens * tokens;
    const x = new Float64Array(tokens * d),
      outputs = new Float64Array(tokens * d),
      map = new Float64Array(size),
      halves = [new Float64Array(size), new Float64Array(size)];
    const entropy = tally(),
      residual = tally();
    let number = 0,
      first = null;
    return {
      more(wanted) {
        for (let n = 0; n < wanted; n++) {
          walk(setting, random, x);
          entropy.add(attend(setting, values, scale, x, map) / Math.log(tokens));
          residual.add(rankResidual(setting, map, x, outputs));
          const half = halves[number++ % 2];
          for (let cell = 0; cell < size; cell++) half[cell] += map[cell];
          first ??= map.slice();
        }
      },
      summary() {
        const sums = halves[0].map((sum, cell) => sum + halves[1][cell]);
        let position = concentration(sums, number, tokens);
        // The mean of n maps is too concentrated, by a bias that falls as 1/n: twice as large in the two halves.
        if (number > 1) {
          const parts = halves.map((half, odd) => concentration(half, (number + 1 - odd) >> 1, tokens));
          position += position - (parts[0] + parts[1]) / 2;
        }
        position = Math.min(Math.max(position, 0), 1 - entropy.mean());
        return {
          number,
          first,
          mean: sums.map((sum) => sum / number),
          entropy: entropy.mean(),
          entropyError: entropy.error(),
          residual: residual.mean(),
          residualError: residual.error(),
          position,
          content: 1 - entropy.mean() - position,
        };
      },
    };
  }

  const THRESHOLDS = { residual: 0.1, entropy: 0.5 };
  /** Our criterion, stated and not tuned. */
  function verdict({ entropy, residual, position, content }) {
    const equal = residual < THRESHOLDS.residual,
      sharp = entropy < THRESHOLDS.entropy;
    if (equal || sharp) return equal && sharp ? "both collapses" : equal ? "rank collapse" : "entropy collapse";
    return position >= content ? "localized" : "driven by content";
  }

  const localization = {
    INCREMENTS,
    THRESHOLDS,
    phi,
    tail,
    quantile,
    between,
    leastXi,
    xiOf,
    deviationOf,
    eigenvalues,
    forms,
    moments,
    finite,
    limit,
    softmax,
    walk,
    attend,
    rankResidual,
    startQuery,
    startMaps,
    verdict,
  };
  root.AttentionAtlas = { ...root.AttentionAtlas, localization };
})(typeof window === "undefined" ? globalThis : window);

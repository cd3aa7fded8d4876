/* What the simulating playgrounds of Attention Atlas share: a seeded generator of random numbers, and running means with
 * their standard errors. tests/book/test_recency_playground.py compares the generator with its definition.
 */
(function (root) {
  "use strict";

  /** xoshiro128** (Blackman and Vigna), seeded by splitmix32; normals by the polar method, gammas by Marsaglia and Tsang. */
  function generator(seed, state = null) {
    let mix = seed >>> 0;
    const s = Uint32Array.from(
      state ??
        Array.from({ length: 4 }, () => {
          let z = (mix = (mix + 0x9e3779b9) >>> 0);
          z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
          z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
          return z ^ (z >>> 16);
        }),
    );
    let spare = null;
    const rotate = (value, by) => (value << by) | (value >>> (32 - by));
    function integer() {
      const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
      const shifted = s[1] << 9;
      s[2] ^= s[0];
      s[3] ^= s[1];
      s[1] ^= s[2];
      s[0] ^= s[3];
      s[2] ^= shifted;
      s[3] = rotate(s[3], 11);
      return result;
    }
    const uniform = () => (integer() + 0.5) / 4294967296; // never 0 or 1
    function normal() {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      for (;;) {
        const x = 2 * uniform() - 1,
          y = 2 * uniform() - 1,
          square = x * x + y * y;
        if (square >= 1 || square === 0) continue;
        const stretch = Math.sqrt((-2 * Math.log(square)) / square);
        spare = y * stretch;
        return x * stretch;
      }
    }
    function gamma(shape) {
      if (shape < 1) return shape === 0 ? 0 : gamma(shape + 1) * uniform() ** (1 / shape);
      const d = shape - 1 / 3,
        c = 1 / Math.sqrt(9 * d);
      for (;;) {
        const x = normal(),
          v = (1 + c * x) ** 3;
        if (v > 0 && Math.log(uniform()) < 0.5 * x * x + d * (1 - v + Math.log(v))) return d * v;
      }
    }
    return { integer, uniform, normal, gamma };
  }

  /** Running mean of what is added, and its standard error (Welford). */
  function tally() {
    let number = 0,
      mean = 0,
      squares = 0;
    return {
      add(value) {
        const step = value - mean;
        mean += step / ++number;
        squares += step * (value - mean);
      },
      mean: () => mean,
      error: () => (number > 1 ? Math.sqrt(squares / (number - 1) / number) : null),
    };
  }

  root.AttentionAtlas = { ...root.AttentionAtlas, random: { generator, tally } };
})(typeof window === "undefined" ? globalThis : window);

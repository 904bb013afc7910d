/** Numbers from 0 up to 1 that a seed fixes (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The entry that a number from 0 up to 1 stands for, where each takes its share: `[[entry, share], ...]`. */
export function choose(shares, number) {
  const total = shares.reduce((sum, [, share]) => sum + share, 0);
  let left = number * total;
  for (const [entry, share] of shares) {
    left -= share;
    if (left < 0) return entry;
  }
  return shares.at(-1)[0];
}

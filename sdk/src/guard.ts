/** Whatever goes wrong in here stays in here: no page breaks because it is counted. */
export function guard<A extends unknown[]>(work: (...args: A) => unknown): (...args: A) => void {
  return (...args) => {
    try {
      work(...args);
    } catch {}
  };
}

const hex = (n: number, digits: number) => n.toString(16).padStart(digits, "0");

/**
 * Makes UUIDv7 texts that only ever count up, also within a millisecond and when the clock goes back.
 * The counter is the last 24 bits: the server orders events of equal time by these.
 */
export function idMaker(crypto: Crypto): () => string {
  let ms = 0;
  let counter = 0;
  let random = "";
  return () => {
    const now = Date.now();
    if (now > ms) {
      ms = now;
      const [a, b, c] = crypto.getRandomValues(new Uint32Array(3));
      random = hex(a, 8) + hex(b, 8);
      // The highest bit is left free, so that counting cannot run over.
      counter = c >>> 9;
    } else {
      counter++;
    }
    const time = hex(ms, 12);
    const variant = "89ab"[+`0x${random[0]}` & 3];
    return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(1, 4)}-${variant}${random.slice(4, 7)}-${random.slice(7, 13)}${hex(counter, 6)}`;
  };
}

/** The millisecond in which an id was made. */
export const timeOf = (id: string) => +`0x${id.slice(0, 8)}${id.slice(9, 13)}`;

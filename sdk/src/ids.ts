const hex = (n: number, digits: number) => n.toString(16).padStart(digits, "0");

let ms = 0;
let random = "";
let counter = 0;

/**
 * A UUIDv7 that is greater than every one before, also within a millisecond and when the clock goes back.
 * The counter is the last 24 bits: by these the server orders events of equal time.
 */
export function newId(): string {
  const now = Date.now();
  if (now > ms) {
    const [a, b, c] = crypto.getRandomValues(new Uint32Array(3));
    ms = now;
    random = hex(a, 8) + hex(b, 8);
    // The highest bit is left free, so that counting cannot run over.
    counter = c >>> 9;
  } else {
    counter++;
  }
  const time = hex(ms, 12);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 12)}${hex(counter, 6)}`;
}

/** The millisecond in which an id was made. */
export const timeOf = (id: string) => +`0x${id.slice(0, 8)}${id.slice(9, 13)}`;

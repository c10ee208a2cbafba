// Waiting for conditions, with an end to it, and chance that can be repeated.
// It does not know what is waited for.

const PATIENCE_MS = 60_000;

/** Looks until there is something, and hands it out. Fails with what `seen` says in the end. */
export async function eventually(what, look, seen = () => "nothing", patience = PATIENCE_MS) {
  const start = Date.now();
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() - start > patience) {
      throw new Error(`not within ${patience} ms: ${what}; seen: ${await seen()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Numbers by chance; the seed is printed, and TIDINGS_TEST_SEED sets it. */
export function chance() {
  const seed = Number(process.env.TIDINGS_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`TIDINGS_TEST_SEED=${seed}`);
  let state = seed >>> 0;
  return {
    /** A number from 0 to below `end`. */
    below(end) {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = state;
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      return ((mixed ^ (mixed >>> 16)) >>> 0) % end;
    },
  };
}

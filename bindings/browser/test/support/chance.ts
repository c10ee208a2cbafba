// Numbers by chance that can be had again: the same seed, the same numbers.
//
// It does not know what they decide.

/** A number from 0 to below `end`. */
export type Chance = (end: number) => number;

export function chance(seed: number): Chance {
  let state = seed >>> 0;
  return (end) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) % end;
  };
}

// Makes names that nobody else has.
//
// It does not know what is named.

/** 128 bits by chance, in more than 16 characters. Unlike `crypto.randomUUID` it is there without HTTPS, too. */
export function newName(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

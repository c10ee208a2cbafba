// The public face of `@tidings/browser`.
//
// It does not know how anything works.

export type { Failure, Message, Options, State, Status, StreamEvent, Way } from "./types.js";

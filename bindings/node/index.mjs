// The same module for `import`: there is one copy of each class in a process.
import tidings from './src/index.js';

export const { Decoder, EventStream, Hub, TidingsError, createHub, decode, subscribe } = tidings;

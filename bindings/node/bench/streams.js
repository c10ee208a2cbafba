'use strict';

// What is read: the shapes that event streams have in practice.
//
// It does not know who reads them.

const TOKENS = [' the', ' stream', ' of', ' tokens', ',', ' naïve', ' resumes', '.'];

/** What one TCP segment carries on an Ethernet. */
const SEGMENT = 1460;

/** Small enough for the nearest caches, as what has just been received is. */
const STREAM_BYTES = 120_000;

/** Completions of the common chat interface, one token each. */
const delta = (token) =>
  `data: {"id":"chatcmpl-A1b2C3d4E5f6G7h8","object":"chat.completion.chunk","created":1764000000,` +
  `"model":"some-model-2026","choices":[{"index":0,"delta":{"content":"${token}"},"logprobs":null,` +
  `"finish_reason":null}]}\n\n`;

/** Those of the other one, which name a type. */
const typed = (token) =>
  `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",` +
  `"text":"${token}"}}\n\n`;

function make(name, event, { mark, chunkBytes = SEGMENT } = {}) {
  const parts = [];
  let bytes = 0;
  for (let number = 1000; bytes < STREAM_BYTES; number++) {
    const part = Buffer.from(event(TOKENS[number % TOKENS.length], number));
    parts.push(part);
    bytes += part.length;
  }
  const whole = Buffer.concat(parts);
  const chunks = [];
  // Each with memory of its own, as a socket hands them out.
  for (let at = 0; at < bytes; at += chunkBytes)
    chunks.push(new Uint8Array(whole.subarray(at, at + chunkBytes)));
  return { name, mark, bytes, events: parts.length, chunks };
}

const pad = (number) => String(number).padStart(8, '0');

/** The streams, some with the least ratio to the parser that they have to reach. */
const streams = [
  make('LLM deltas, 1460-byte chunks', delta, { mark: 1.5 }),
  make('LLM deltas with types', typed, { mark: 1.5 }),
  make('16-byte events', (_, number) => `data: ${pad(number)}\n\n`, { mark: 1 }),
  make(
    'id, type, 2 data lines',
    (token, number) => `id: ${number}\nevent: update\ndata: the first line,${token}\ndata: and one more\n\n`,
  ),
  make(
    'CRLF, 3 fields',
    (token, number) => `id: ${number}\r\nevent: update\r\ndata: {"value":"${token}"}\r\n\r\n`,
  ),
  make('Japanese', (token) => `data: {"choices":[{"delta":{"content":"${token}を読む流れ"}}]}\n\n`),
  make('40 KB events', (_, number) => `data: ${`${pad(number)} and so on; `.repeat(1970)}\n\n`),
  make('LLM deltas, 16-byte chunks', delta, { chunkBytes: 16 }),
];

module.exports = { streams };

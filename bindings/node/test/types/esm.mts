// What `import` gives, as `tsc` sees it.

import { Decoder, EventStream, TidingsError, decode, subscribe } from 'tidings';
import type { Chunk, DecodeOptions, Event, SubscribeOptions, Subscription } from 'tidings';

const options: DecodeOptions = { eventBytes: 1000, onRetry: (ms) => ms.toFixed(), onComment: undefined };
const decoder = new Decoder(options);
const events: Event[] = decoder.decode(new Uint8Array(3));
decoder.decode('text');
decoder.decode(new ArrayBuffer(3));
const { event, data, id, retry } = events[0]!;
const texts: [string, string] = [event, data];
const maybe: [string | undefined, number | undefined] = [id, retry];
decoder.resume(decoder.lastEventId);
decoder.close();

const chunks: Chunk[] = ['a', Buffer.from('b')];

async function read(): Promise<void> {
  const response = await fetch('http://127.0.0.1/');
  for await (const { data } of decode(response.body!, options)) data.trim();
  for await (const { id } of decode(chunks)) id?.trim();
  const stream = response.body!.pipeThrough(new EventStream({ keptBytes: 1 }));
  for await (const { retry } of stream) retry?.toFixed();

  const all: SubscribeOptions = {
    method: 'POST',
    headers: async () => ({ authorization: 'Bearer x' }),
    body: JSON.stringify({ stream: true }),
    signal: AbortSignal.timeout(1000),
    fetch,
    maxAttempts: Infinity,
    onDisconnect: (error, retryIn) => [error.code.trim(), error.status, retryIn.toFixed()],
    onOpen: (response) => response.status,
  };
  await using subscription: Subscription = subscribe(new URL('http://127.0.0.1/'), all);
  for await (const { event } of subscription) event.trim();
  subscription.close();
  subscription.lastEventId.trim();
}

function explain(error: unknown): string {
  return error instanceof TidingsError ? `${error.code} ${error.option} ${error.message}` : '';
}

// @ts-expect-error an option that is not there
new Decoder({ maxBufferSize: 1 });
// @ts-expect-error no chunk
decoder.decode(1);
// @ts-expect-error a string is no stream of chunks
decode('data: a\n\n');
// @ts-expect-error a number is no URL
subscribe(1);
// @ts-expect-error no number
subscribe('http://127.0.0.1/', { idleTimeout: '5s' });
// @ts-expect-error events are not changed
events[0]!.data = '';

export { explain, maybe, read, texts };

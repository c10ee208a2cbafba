// What `require` gives, as `tsc` sees it.

import tidings = require('tidings');

const decoder: tidings.Decoder = new tidings.Decoder({ eventBytes: 1 });
const events: tidings.Event[] = decoder.decode('');
const error: Error = new tidings.TidingsError('closed', 'it is closed');
const stream: tidings.EventStream = new tidings.EventStream();
const subscription: tidings.Subscription = tidings.subscribe('http://127.0.0.1/');

// @ts-expect-error not exported
tidings.native;

export = { error, events, stream, subscription, decode: tidings.decode };

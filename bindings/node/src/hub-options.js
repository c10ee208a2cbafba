'use strict';

// What a hub is made with: the rules of its options, and how the addon is told of them.
//
// It does not know what the options are for.

const { coded, flag, invalid, milliseconds, readOptions, text, whole } = require('./options.js');

/** A whole number that no limit of the core exceeds. */
const amount = (least) => whole(least, 2 ** 40);

const lags = { gap: 1, close: 2 };

const lag = (value, name) => {
  if (!Object.hasOwn(lags, value)) throw invalid(name, "'gap' or 'close'", value);
  return lags[value];
};

/** Texts of which none has a line break: that is what stands between them on their way to the addon. */
const list = (value, name) => {
  const texts = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(texts)) throw invalid(name, 'a string or an array of strings', value);
  for (const one of texts) {
    if (typeof one !== 'string') throw invalid(name, 'a string or an array of strings', one);
    if (one.includes('\n')) throw invalid(name, 'without line breaks', one);
  }
  return texts;
};

const line = (value, name) => {
  if (text(value, name).includes('\n')) throw invalid(name, 'without line breaks', value);
  return value;
};

/** Options within an option; their names are said with it. */
const nested = (rules, finish) => (value, name) => {
  if (value === null || typeof value !== 'object') throw invalid(name, 'an object', value);
  const within = Object.fromEntries(
    Object.entries(rules).map(([key, rule]) => [key, (inner) => rule(inner, `${name}.${key}`)]),
  );
  try {
    return finish(readOptions(value, within));
  } catch (error) {
    if (error.option !== undefined && !error.option.startsWith(name)) error.option = `${name}.${error.option}`;
    throw error;
  }
};

const retention = {
  events: amount(0),
  bytes: amount(0),
  age: milliseconds(1, true),
  records: amount(0),
};

const classOf = (read) => read;

const classes = (value, name) => {
  if (!Array.isArray(value)) throw invalid(name, 'an array', value);
  const one = nested({ topics: list, latest: flag, ...retention }, classOf);
  return value.map((entry, index) => one(entry, `${name}[${index}]`));
};

/** The events that a hub itself sends, in the order of the addon. */
const controls = ['connected', 'heartbeat', 'gap', 'reauth', 'bye'];

const control = (value, name) => {
  if (value === false) return { off: 1 };
  return nested({ name: line, json: line }, (read) => read)(value, name);
};

/** Limits and intervals, in the order of the addon. */
const limits = {
  connections: amount(1),
  userConnections: amount(1),
  topicsPerConnection: amount(0),
  grantsPerConnection: amount(0),
  topicsPerPublish: amount(1),
  nameBytes: amount(1),
  idBytes: amount(0),
  eventBytes: amount(1),
  replayEvents: amount(0),
  replayBytes: amount(0),
  rescueBytes: amount(0),
  tick: milliseconds(1),
  heartbeat: milliseconds(1, true),
  idleTimeout: milliseconds(1, true),
  maxAge: milliseconds(1, true),
  stallTimeout: milliseconds(1, true),
  reauth: milliseconds(0),
  linger: milliseconds(0),
  retry: milliseconds(0),
};

const rules = {
  ...limits,
  engine: flag,
  shards: whole(1, 256),
  publishQueue: whole(1, 2 ** 20),
  lag,
  replaceOldest: flag,
  log: nested(retention, classOf),
  classes,
  controls: nested(Object.fromEntries(controls.map((name) => [name, control])), (read) => read),
};

/** How many publishes may be under way, if nothing else is said: those of one turn of the event loop. */
const PUBLISH_QUEUE = 16_384;

const kept = ({ events, bytes, age, records } = {}) => [events, bytes, age, records].map(coded);

/** The options as the addon takes them. */
function encode(options) {
  const { log, classes = [], controls: events = {} } = options;
  const numbers = [
    ...[options.shards ?? 0, options.publishQueue ?? PUBLISH_QUEUE, options.lag ?? 0],
    options.replaceOldest ? 1 : 0,
    ...Object.keys(limits).map((name) => coded(options[name])),
    ...controls.map((name) => events[name]?.off ?? 0),
    ...kept(log),
    ...classes.flatMap((one) => [one.topics?.length ?? 0, one.latest ? 1 : 0, ...kept(one)]),
  ];
  const texts = [
    ...controls.flatMap((name) => [events[name]?.name ?? '', events[name]?.json ?? '']),
    ...classes.flatMap(({ topics = [] }) => topics),
  ];
  return [Float64Array.from(numbers), texts.join('\n')];
}

/** The options of a hub: what the addon takes, and whether it may take sockets. */
function hubOptions(options) {
  const read = readOptions(options, rules);
  return { encoded: encode(read), takesSockets: read.engine ?? true };
}

module.exports = { hubOptions, lag, list };

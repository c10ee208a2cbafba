'use strict';

// From a request to a stream: the options, and the two ways to go.
//
// It does not know the hub: `open` asks the addon for a stream, on a socket or on one end of a pair.

const http = require('node:http');
const { flag, invalid, readOptions, text, wrong } = require('./options.js');
const { lag, list } = require('./hub-options.js');
const { headersOf, withHead } = require('./head.js');
const { canMove, move } = require('./move.js');
const { feed } = require('./feed.js');

const expires = (value, name) => {
  const ms = value instanceof Date ? value.getTime() : value;
  if (!Number.isInteger(ms) || ms <= 0 || ms > Number.MAX_SAFE_INTEGER) {
    throw invalid(name, 'a Date, or whole milliseconds since 1970', value);
  }
  return ms;
};

const heartbeat = (value, name) => {
  if (value !== 'event' && value !== 'comment') throw invalid(name, "'event' or 'comment'", value);
  return value;
};

const headers = (value, name) => {
  if (value === null || typeof value !== 'object') throw invalid(name, 'an object', value);
  for (const [header, one] of Object.entries(value)) {
    try {
      http.validateHeaderName(header);
      for (const part of [one].flat()) http.validateHeaderValue(header, part);
    } catch (cause) {
      throw Object.assign(invalid(name, 'headers that can be sent', header), { cause });
    }
  }
  return value;
};

const rules = {
  user: text,
  tab: text,
  topics: list,
  grants: list,
  expires,
  lastEventId: text,
  lag,
  heartbeat,
  headers,
  answer: flag,
};

/** What the client resumes after. Node reads headers as Latin-1, ids are UTF-8. */
function lastEventIdOf(request) {
  const id = request.headers['last-event-id'];
  return id === undefined ? undefined : Buffer.from(id, 'latin1').toString();
}

const present = (texts) => (texts === undefined || texts.length === 0 ? undefined : texts.join('\n'));

function checked(request, response) {
  if (typeof request?.headers !== 'object') throw wrong('a request', "Node's own, or like it", request);
  const isResponse = ['writeHead', 'write', 'end', 'getHeaders', 'on'].every(
    (name) => typeof response?.[name] === 'function',
  );
  if (!isResponse) throw wrong('a response', "Node's own, or like it", response);
  if (response.headersSent || response.writableEnded) {
    throw wrong('a response', 'one that has not begun', 'one that has');
  }
}

/** What is asked of `open`, beside where the stream runs. */
function reading(request, options) {
  const read = readOptions(options, rules);
  const numbers = Float64Array.of(0, read.lag ?? 0, read.expires ?? 0, read.heartbeat === 'comment' ? 1 : 0);
  const id = read.lastEventId ?? lastEventIdOf(request);
  const texts = [read.user, read.tab, present(read.topics), present(read.grants), id];
  return { read, numbers, texts };
}

/**
 * Makes a stream of a response, on the engine's own threads where `takesSockets` says that it may and the
 * response lets it. Undefined if the client is gone already.
 */
async function connect(request, response, options, takesSockets, open) {
  checked(request, response);
  const { read, numbers, texts } = reading(request, options);
  const headers = headersOf(response, read.headers);
  // The parser of HTTP/1 is still within the request when the handler is called.
  if (request.complete === false) await new Promise((resolve) => process.nextTick(resolve));
  if (response.destroyed) return undefined;
  const openOn = (fd, way, head, place) => open(way, read, [fd, numbers, ...texts, head], place);
  if (!takesSockets || !canMove(request, response)) return feed(response, headers, openOn);
  return withHead(response, headers, (all) => move(response, all, openOn) || feed(response, all, openOn));
}

module.exports = { connect, expires };

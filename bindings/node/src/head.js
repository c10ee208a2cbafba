'use strict';

// The head of a stream's response: its headers, and what middleware makes of them.
//
// It does not know where the stream runs.

const { ServerResponse } = require('node:http');

const HEAD = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** What the library itself writes, or what would say something else about the body than is true. */
const RESERVED = new Set([
  ...['cache-control', 'connection', 'content-encoding', 'content-length', 'content-type', 'date'],
  ...['transfer-encoding', 'upgrade', 'x-accel-buffering', 'keep-alive', 'trailer'],
]);

/** The headers of the application. A Content-Encoding stays with who has set it. */
function headersOf(response, given = {}) {
  const all = { ...response.getHeaders() };
  for (const [name, value] of Object.entries(given)) all[name.toLowerCase()] = value;
  return Object.entries(all).filter(([name]) => !RESERVED.has(name));
}

/** Writes the head, unless that is done. */
function writeHead(response, headers) {
  if (!response.headersSent) response.writeHead(200, { ...Object.fromEntries(headers), ...HEAD });
}

/**
 * Writes the head before the stream is opened where middleware waits for that, such as a session with its
 * cookie, and goes on with all headers. Nothing is sent yet: if it fails, there can be another answer.
 */
function withHead(response, headers, open) {
  if (response.writeHead === ServerResponse.prototype.writeHead) return open(headers);
  const { shouldKeepAlive } = response;
  const before = response.getHeaders();
  // Headers that are set one by one can be read again; those that `writeHead` is given may go right through.
  const ours = [...headers, ...Object.entries(HEAD)];
  try {
    response.shouldKeepAlive = false;
    for (const [name, value] of ours) response.setHeader(name, value);
    response.writeHead(200);
    return open(headersOf(response));
  } catch (error) {
    // Until it is sent, it is this text.
    if (!response._headerSent) response._header = null;
    response.shouldKeepAlive = shouldKeepAlive;
    if (!response.headersSent) restore(response, before, ours);
    throw error;
  }
}

function restore(response, before, headers) {
  for (const [name] of headers) {
    if (before[name] === undefined) response.removeHeader(name);
    else response.setHeader(name, before[name]);
  }
}

module.exports = { headersOf, withHead, writeHead };

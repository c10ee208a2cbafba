'use strict';

// Hubs behind servers, and clients that read them.
//
// It does not know what is tried.

const assert = require('node:assert/strict');
const http = require('node:http');
const http2 = require('node:http2');
const https = require('node:https');
const net = require('node:net');
const { createHub, decode } = require('tidings');
const { frameworks, tls } = require('./frameworks.js');

/**
 * A hub behind a server of this kind, of which each request becomes a stream: `?topics=a,b&user=u` and the
 * like say which. `connecting` may do something else.
 */
async function serve(t, kind = 'http', options = {}, connecting = undefined) {
  const hub = createHub({ retry: 10, ...options });
  const asked = (request, response) => hub.connect(request, response, query(request.url));
  const handler = connecting === undefined ? asked : (...call) => connecting(hub, ...call);
  const { scheme, server, close } = await frameworks[kind].start(handler);
  t.after(async () => {
    await hub.drain(0);
    await close();
  });
  const url = `${scheme}://127.0.0.1:${server.address().port}/`;
  return { hub, url, server, open: (search = '', headers = {}) => open(url + search, headers) };
}

function query(url) {
  const given = Object.fromEntries(new URL(url, 'http://localhost').searchParams);
  for (const name of ['topics', 'grants']) if (given[name] !== undefined) given[name] = given[name].split(',');
  if (given.expires !== undefined) given.expires = Number(given.expires);
  return given;
}

/** Asks for a stream: what was answered, and what comes. */
async function open(url, headers = {}) {
  const { response, status, close } = url.startsWith('http2') ? await ask2(url, headers) : await ask(url, headers);
  const comments = [];
  const events = decode(response, { onComment: (comment) => comments.push(comment) });
  const reader = { ...status, response, comments, close };
  reader.next = async () => (await events.next()).value;
  /** The next event that the application published. */
  reader.event = async () => {
    for (;;) {
      const event = await reader.next();
      if (event === undefined || !['connected', 'heartbeat'].includes(event.event)) return event;
    }
  };
  reader.text = async () => {
    const parts = [];
    for await (const part of response) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  const isPlain = reader.headers['content-encoding'] === undefined;
  if (isPlain && reader.headers['content-type'] === 'text/event-stream') {
    const connected = await reader.next();
    assert.equal(connected.event, 'connected');
    reader.connected = connected;
    reader.id = JSON.parse(connected.data).connection;
  }
  return reader;
}

function ask(url, headers) {
  const { request } = url.startsWith('https') ? https : http;
  return new Promise((resolve, reject) => {
    const asking = request(url, { headers, agent: false, ca: tls().cert }, (response) => {
      response.on('error', () => {});
      const status = { status: response.statusCode, headers: response.headers };
      resolve({ response, status, close: () => response.destroy() });
    });
    asking.on('error', reject).end();
  });
}

function ask2(url, headers) {
  const session = http2.connect(url.replace('http2', 'https'), { ca: tls().cert });
  const { pathname, search } = new URL(url.replace('http2', 'https'));
  const response = session.request({ ':path': pathname + search, ...headers });
  const close = () => {
    response.close();
    session.destroy();
  };
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    response.on('error', () => {});
    response.on('response', (all) => resolve({ response, status: { status: all[':status'], headers: all }, close }));
    response.on('end', () => session.close());
  });
}

/** A client that asks for a stream, and keeps what it reads. */
function client(port, search = '?topics=a') {
  const socket = net.connect(port, '127.0.0.1');
  const reader = { socket, text: '' };
  socket.setEncoding('latin1').on('data', (part) => (reader.text += part));
  socket.on('error', () => {});
  socket.write(`GET /${search} HTTP/1.1\r\nHost: here\r\n\r\n`);
  return reader;
}

/** Waits until something holds; it fails after ten seconds. */
async function until(holds, what = holds) {
  const start = Date.now();
  while (!(await holds())) {
    if (Date.now() - start > 10_000) assert.fail(`not after ten seconds: ${what === holds ? holds : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

module.exports = { client, open, query, serve, until };

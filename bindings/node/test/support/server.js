'use strict';

// A server whose answers a test writes, and what it was asked.

const http = require('node:http');

const HEAD = { 'content-type': 'text/event-stream' };

/** Answers the nth request with the nth of `answers`, and all further ones with 204. */
async function serve(t, ...answers) {
  const requests = [];
  const server = http.createServer((request, response) => {
    const answer = answers[requests.length] ?? ((_, response) => response.writeHead(204).end());
    requests.push(request);
    answer(request, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/`, requests, server };
}

/** A stream of this text, which then ends. */
const stream = (text) => (_, response) => response.writeHead(200, HEAD).end(text);

/** A stream of this text, which then is silent. */
const silent = (text) => (_, response) => response.writeHead(200, HEAD).write(text);

/** A stream that breaks off after this text. */
const broken = (text) => (_, response) => {
  response.writeHead(200, HEAD);
  response.write(text, () => response.destroy());
};

/** An answer that is none. */
const status = (code, headers) => (_, response) => response.writeHead(code, headers).end('no');

/** All that comes of an iterator. */
async function collect(iterable) {
  const seen = [];
  for await (const one of iterable) seen.push(one);
  return seen;
}

/** As `node:events` has it, without its errors. */
const once = (emitter, name) => new Promise((resolve) => emitter.once(name, resolve));

module.exports = { HEAD, broken, collect, once, serve, silent, status, stream };

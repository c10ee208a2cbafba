'use strict';

// The first way: the socket of a plain HTTP/1.1 request moves to the engine.
//
// It does not know what the engine does with it. To the application such a request looks like one that was
// answered: `finish`, then `close`.

const http = require('node:http');
const net = require('node:net');
const { writeHead } = require('./head.js');

const { ServerResponse } = http;

/**
 * Methods that nobody may have patched: their writes would get past what patched them. Who patches `writeHead`
 * or `end` alone (sessions, logs) wants to know of the response, not its bytes, and does.
 */
const METHODS = ['write', 'flushHeaders', '_send', '_writeRaw'];

/** Whether nothing but Node itself stands between the response and its TCP socket. */
function canMove(request, response) {
  const { socket } = response;
  return (
    request.httpVersionMajor === 1 &&
    request.complete &&
    response instanceof ServerResponse &&
    METHODS.every((name) => response[name] === ServerResponse.prototype[name]) &&
    response.socket === request.socket &&
    socket instanceof net.Socket &&
    !socket.encrypted &&
    socket._httpMessage === response &&
    socket.write === net.Socket.prototype.write &&
    socket.writable &&
    socket.writableLength === 0 &&
    response.writableLength === 0 &&
    socket._handle?.fd >= 0
  );
}

/** Has the engine take the socket, if its head can be the engine's. */
function move(response, headers, open) {
  // What middleware made of the head, if it is written already.
  if (response.headersSent && response.statusCode !== 200) return undefined;
  if (response.hasHeader('content-encoding')) return undefined;
  const { socket } = response;
  const lines = headers.flatMap(([name, value]) => [value].flat().flatMap((one) => [name, String(one)]));
  // Node writes the rest as Latin-1.
  if (!lines.every((line) => /^[\t -~]*$/.test(line))) return undefined;
  const connection = open(socket._handle.fd, 'engine', lines.length === 0 ? undefined : lines.join('\n'));
  socket._handle.readStop();
  finish(response, socket, headers);
  return connection;
}

/** Ends the response without a byte, and then lets go of Node's descriptor, without a word to the other side. */
function finish(response, socket, headers) {
  socket.setTimeout(0);
  const swallow = (_chunk, encoding, callback) => {
    const done = typeof encoding === 'function' ? encoding : callback;
    if (done) process.nextTick(done);
    return true;
  };
  socket.write = swallow;
  // A shutdown would be one of the stream that goes on.
  socket.end = socket.destroySoon = () => socket.destroy();
  response.shouldKeepAlive = false;
  writeHead(response, headers);
  response.end();
}

module.exports = { canMove, move };

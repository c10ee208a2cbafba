'use strict';

// The second way: the stream runs on one end of a local pair of sockets, and what comes out of the other
// end is written to the response, as fast as it takes it.
//
// It does not know what is in the stream. The engine sees a reader that is as slow as the response.

const { ServerResponse } = require('node:http');
const net = require('node:net');
const { writeHead } = require('./head.js');

/** How long the last bytes may take, in milliseconds. */
const LINGER = 5_000;

/** Where all streams of this thread are read to, one after the other. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024);

function feed(response, headers, open) {
  const place = new Uint32Array(1);
  const connection = open(-1, 'response', undefined, place);
  const onread = { buffer, callback: (length) => take(length) };
  const source = new net.Socket({ fd: place[0], readable: true, writable: true, onread });
  response.req?.socket?.setTimeout?.(0);
  if (response instanceof ServerResponse && !response.headersSent) endWithConnection(response);
  writeHead(response, headers);
  response.flushHeaders?.();
  // Middleware that compresses keeps what is not flushed.
  const flush = typeof response.flush === 'function' ? () => response.flush() : () => {};

  // Nothing more is read until the response drains, where this is false.
  const take = (length) => {
    const goesOn = response.write(Buffer.from(buffer.subarray(0, length)));
    flush();
    return goesOn;
  };
  response.on('drain', () => source.resume());
  source.on('end', () => {
    response.end();
    const timer = setTimeout(() => response.destroy(), LINGER).unref();
    response.once('close', () => clearTimeout(timer));
  });
  source.on('error', () => response.destroy());
  response.on('error', () => source.destroy());
  response.on('close', () => source.destroy());
  if (response.destroyed) source.destroy();
  return connection;
}

/** The body is all up to the end of the connection: what is written then needs no frame of its own. */
function endWithConnection(response) {
  response.removeHeader('transfer-encoding');
  response.shouldKeepAlive = false;
}

module.exports = { feed };

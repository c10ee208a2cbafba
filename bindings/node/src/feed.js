'use strict';

// The second way: the stream runs on one end of a local pair of sockets, and what comes out of the other
// end is written to the response, as fast as it takes it.
//
// It does not know what is in the stream. The engine sees a reader that is as slow as the response.

const net = require('node:net');
const { writeHead } = require('./head.js');

/** How long the last bytes may take, in milliseconds. */
const LINGER = 5_000;

function feed(response, headers, open) {
  const place = new Uint32Array(1);
  const connection = open(-1, 'response', undefined, place);
  const source = new net.Socket({ fd: place[0], readable: true, writable: true });
  response.req?.socket?.setTimeout?.(0);
  writeHead(response, headers);
  response.flushHeaders?.();
  // Middleware that compresses keeps what is not flushed.
  const flush = typeof response.flush === 'function' ? () => response.flush() : () => {};

  source.on('data', (chunk) => {
    if (!response.write(chunk)) source.pause();
    flush();
  });
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

module.exports = { feed };

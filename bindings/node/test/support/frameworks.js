'use strict';

// Servers of each kind, which hand each request to the same handler: `(request, response)`, Node's own.
//
// It does not know what the handler does. `way` is how a stream has to go there. Those without a framework
// take a port too.

const http = require('node:http');
const http2 = require('node:http2');
const https = require('node:https');
const { certificate } = require('./certificate.js');

let made;
const tls = () => (made ??= certificate());

const listening = (server, port = 0) =>
  new Promise((resolve, reject) => server.on('error', reject).listen(port, '127.0.0.1', () => resolve(server)));

const end = (server) => () => {
  server.closeAllConnections?.();
  return new Promise((resolve) => server.close(resolve));
};

const plain = async (listener, port) => {
  const server = await listening(http.createServer(listener), port);
  return { scheme: 'http', server, close: end(server) };
};

const frameworks = {
  http: { way: 'engine', start: plain },

  https: {
    way: 'response',
    start: async (handler, port) => {
      const server = await listening(https.createServer(tls(), handler), port);
      return { scheme: 'https', server, close: end(server) };
    },
  },

  http2: {
    way: 'response',
    start: async (handler, port) => {
      const server = await listening(http2.createSecureServer(tls(), handler), port);
      const sessions = new Set();
      server.on('session', (session) => sessions.add(session));
      const close = () => {
        for (const session of sessions) session.destroy();
        return end(server)();
      };
      return { scheme: 'http2', server, close };
    },
  },

  express: {
    way: 'engine',
    start: async (handler) => {
      const app = require('express')();
      app.get('/{*rest}', handler);
      return plain(app);
    },
  },

  fastify: {
    way: 'engine',
    start: async (handler) => {
      const app = require('fastify')({ forceCloseConnections: true });
      app.get('/*', (request, reply) => {
        reply.hijack();
        return handler(request.raw, reply.raw);
      });
      await app.listen({ host: '127.0.0.1', port: 0 });
      return { scheme: 'http', server: app.server, close: () => app.close() };
    },
  },

  koa: {
    way: 'engine',
    start: async (handler) => {
      const Koa = require('koa');
      const app = new Koa();
      app.use((context) => {
        context.respond = false;
        return handler(context.req, context.res);
      });
      return plain(app.callback());
    },
  },

  hono: {
    way: 'engine',
    start: async (handler) => {
      const { Hono } = await import('hono');
      const { getRequestListener } = await import('@hono/node-server');
      const { RESPONSE_ALREADY_SENT } = await import('@hono/node-server/utils/response');
      const app = new Hono();
      app.get('/*', async (context) => {
        await handler(context.env.incoming, context.env.outgoing);
        return RESPONSE_ALREADY_SENT;
      });
      return plain(getRequestListener(app.fetch));
    },
  },
};

module.exports = { frameworks, tls };

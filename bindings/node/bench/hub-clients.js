'use strict';

// The clients of a server that is measured: `hub-clients.js PORT`. It opens as many streams as it is told,
// and says how many events came on all of them.

const net = require('node:net');

const port = Number(process.argv[2]);
let events = 0;

const open = () =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: here\r\nAccept: text/event-stream\r\n\r\n');
    socket.once('data', resolve);
    socket.on('data', (chunk) => {
      for (let at = -1; (at = chunk.indexOf('tick', at + 1)) !== -1; ) events++;
    });
    // Not to be a stream of nobody's; the bench sees that events are missing.
    socket.on('error', () => {});
  });

const deeds = {
  async open({ count }) {
    for (let done = 0; done < count; done += 100) await Promise.all(Array.from({ length: 100 }, open));
    return count;
  },
  events: () => events,
};

process.on('message', async ({ deed, ...how }) => process.send(await deeds[deed](how)));
process.send('ready');

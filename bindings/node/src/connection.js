'use strict';

// One open stream, for the application.
//
// It does not know how it runs: it asks its hub.

class Connection {
  #hub;
  #closed;

  constructor(hub, id, user, way) {
    this.#hub = hub;
    this.id = id;
    this.user = user;
    this.way = way;
  }

  subscribe(topic) {
    this.#hub.subscribe(this, topic);
  }

  unsubscribe(topic) {
    this.#hub.unsubscribe(this, topic);
  }

  renew(options) {
    this.#hub.renew(this, options);
  }

  publish(event) {
    return this.#hub.publish({ connection: this }, event);
  }

  close() {
    this.#hub.close(this);
  }

  /** Why it was closed, once it was. */
  get closed() {
    this.#closed ??= withResolvers();
    return this.#closed.promise;
  }

  toString() {
    return this.id;
  }

  toJSON() {
    return this.id;
  }

  /** For the hub. */
  static end(connection, reason) {
    connection.#closed ??= withResolvers();
    connection.#closed.resolve(reason);
  }
}

function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve) => {
    made.resolve = resolve;
  });
  return made;
}

module.exports = { Connection };

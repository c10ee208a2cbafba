'use strict';

// What is published, to whom: checked, and as the addon takes it.
//
// It does not know what becomes of it.

const { invalid, milliseconds, readOptions, text, wrong } = require('./options.js');
const { list } = require('./hub-options.js');

/** The audiences of the C ABI. */
const TOPICS = 0;
const USER_IN_TOPICS = 1;
const USER = 2;
const EVERYONE = 3;
const CONNECTION = 4;

/** A connection: its id, or what has one. */
const connection = (value, name) => {
  const id = typeof value === 'object' && value !== null ? value.id : value;
  if (typeof id !== 'string') throw invalid(name, 'a connection or its id', value);
  return id;
};

const only = (value, name) => {
  if (value !== true) throw invalid(name, 'true, or not there', value);
  return value;
};

const flag = (value, name) => {
  if (typeof value !== 'boolean') throw invalid(name, 'true or false', value);
  return value;
};

const audiences = { topics: list, user: text, everyone: only, connection };
const events = { event: text, data: text, id: text, retry: milliseconds(0) };
const options = { except: connection, private: flag };

const joined = (topics) => (topics.length === 0 ? undefined : topics.join('\n'));

/** Whom it is for: the number of the audience, and its texts. */
function audience(to) {
  if (typeof to === 'string' || Array.isArray(to)) return { kind: TOPICS, topics: joined(list(to, 'topics')) };
  if (to === null || typeof to !== 'object') throw wrong('an audience', 'topics or an object', to);
  const { topics, user, everyone, connection: id } = readOptions(to, audiences);
  const given = [topics ?? user, everyone, id].filter((one) => one !== undefined).length;
  if (given !== 1) throw wrong('an audience', 'one of topics, user, everyone, connection', to);
  if (everyone) return { kind: EVERYONE };
  if (id !== undefined) return { kind: CONNECTION, connection: id };
  if (topics === undefined) return { kind: USER, user };
  return { kind: user === undefined ? TOPICS : USER_IN_TOPICS, topics: joined(topics), user };
}

/** The numbers of one publish; the addon reads them at once. */
const numbers = new Float64Array(4);

/** The arguments of a post behind the engine. */
function posting(tag, to, event, others) {
  const { kind, topics, user, connection } = audience(to);
  if (event === undefined) throw wrong('an event', 'an object', event);
  const { event: type, data, id, retry } = readOptions(event, events);
  if (data === undefined) throw invalid('data', 'a string', data);
  const { except, private: isPrivate } = readOptions(others, options);
  numbers.set([tag, kind, isPrivate ? 1 : 0, retry ?? Infinity]);
  return [numbers, topics, user, connection, except, type, data, id];
}

module.exports = { posting };

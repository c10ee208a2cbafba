'use strict';

// How a request is answered whose stream the hub does not open.
//
// It does not know who asks.

/** A status, and after how many seconds to try again. */
const answers = {
  stay_away: [204],
  expired: [401],
  too_many_user_connections: [429, 5],
  superseded_too_soon: [503, 1],
  too_many_connections: [503, 1],
  draining: [503, 1],
  stopped: [503, 1],
  closed: [503, 1],
  unpolled: [503, 1],
  system: [503, 1],
  too_many_topics: [400],
  too_many_grants: [400],
  invalid_topic: [400],
  invalid_grant: [400],
  invalid_user: [400],
  invalid_tab: [400],
  tab_too_short: [400],
};

/** The status of an error that a request can be answered with; undefined for others. */
const statusOf = (error) => answers[error.code]?.[0];

/** Answers a request that is refused. */
function refuse(response, { code, message }) {
  const [status, seconds] = answers[code];
  const headers = { 'cache-control': 'no-store' };
  if (seconds !== undefined) headers['retry-after'] = String(seconds);
  if (status === 204) return response.writeHead(status, headers).end();
  headers['content-type'] = 'application/json';
  return response.writeHead(status, headers).end(`${JSON.stringify({ error: { code, message } })}\n`);
}

module.exports = { refuse, statusOf };

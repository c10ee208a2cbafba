//! The hub in C: every verb, and what the driver says and asks.
//!
//! It does not know the structs that go in and come out; each has a file of its own below.

mod open;
mod options;
mod output;
mod publish;
mod stats;
mod tags;

pub use open::*;
pub use options::*;
pub use output::*;
pub use publish::*;
pub use stats::*;

use crate::cursor::tidings_cursor;
use crate::failure::{Checked, Failure, Outcome};
use crate::handle::{self, Handle, Owner, call, error, free, give, look};
use crate::sized;
use crate::status::tidings_status::{self, *};
use crate::text::{texts, tidings_str};
use crate::{TIDINGS_NEVER, raw};
use tags::Tagged;
use tidings_core::{ConnectionId, Hub, Publish};

/// The most slices that `tidings_hub_transmit` offers: what one vectored write takes anywhere.
pub const TIDINGS_MAX_SLICES: usize = 64;

const _: () = assert!(TIDINGS_MAX_SLICES == tidings_core::MAX_SLICES);

/// A hub: one bounded log of events, and connections that are cursors into it.
pub struct tidings_hub {
    handle: Handle<Tagged>,
}

impl Owner for tidings_hub {
    type State = Tagged;

    fn handle(&self) -> &Handle<Tagged> {
        &self.handle
    }

    fn handle_mut(&mut self) -> &mut Handle<Tagged> {
        &mut self.handle
    }
}

/// The id, if its connection is open.
fn find(hub: &Hub, connection: u64) -> Outcome<ConnectionId> {
    let id = ConnectionId::from_u64(connection);
    match hub.is_open(id) {
        true => Ok(id),
        false => Err(TIDINGS_ERR_NOT_FOUND.into()),
    }
}

/// Makes a hub with an empty log. `options` may be NULL. It is yours to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_new(
    options: *const tidings_hub_options,
    hub: *mut *mut tidings_hub,
) -> tidings_status {
    give(hub, || {
        let options = sized::options(options)?.options()?;
        let handle = Handle::new(Tagged::new(Hub::new(options)?));
        Ok(tidings_hub { handle })
    })
}

/// Frees a hub with all its connections, of which nothing is said any more; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_free(hub: *mut tidings_hub) {
    free(hub);
}

/// What was wrong in the last call that failed; empty if none did. Until the next call on the hub.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_error(
    hub: *mut tidings_hub,
    text: *mut tidings_str,
) -> tidings_status {
    error(hub, text)
}

/// After how many milliseconds the client of the last call that failed may come back: where that was a
/// `tidings_hub_open` that was refused with `TIDINGS_ERR_SUPERSEDED_TOO_SOON`; else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_error_retry_ms(
    hub: *const tidings_hub,
    retry_ms: *mut u64,
) -> tidings_status {
    handle::retry_ms(hub, retry_ms)
}

/// Opens a stream for a request that has been read: `connection` is its id from now on, never 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_open(
    hub: *mut tidings_hub,
    now_ms: u64,
    open: *const tidings_open,
    connection: *mut u64,
) -> tidings_status {
    call(hub, |hub| {
        let place = raw::out(connection)?;
        let open = sized::options(open)?;
        let id = open.with(|open| Ok(hub.open(now_ms, open)?))?;
        hub.set_tag(id, open.tag);
        place.set(id.to_u64());
        Ok(())
    })
}

/// Adds a topic or pattern to an open connection, from the end of the log on. Fine if it has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_subscribe(
    hub: *mut tidings_hub,
    connection: u64,
    topic: tidings_str,
) -> tidings_status {
    call(hub, |hub| {
        hub.subscribe(ConnectionId::from_u64(connection), topic.text()?)
            .map_err(Failure::Subscribe)?;
        Ok(())
    })
}

/// Takes a topic or pattern from a connection. Fine if it does not have it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_unsubscribe(
    hub: *mut tidings_hub,
    connection: u64,
    topic: tidings_str,
) -> tidings_status {
    call(hub, |hub| {
        let (topic, id) = (topic.text()?, find(hub, connection)?);
        hub.unsubscribe(id, topic);
        Ok(())
    })
}

/// Gives a connection the end (Unix time; 0 for none) and the grants of a new token, so that it goes on
/// without a reconnect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_renew(
    hub: *mut tidings_hub,
    now_ms: u64,
    connection: u64,
    expires_ms: u64,
    grants: *const tidings_str,
    grant_count: usize,
) -> tidings_status {
    call(hub, |hub| {
        let grants = texts(grants, grant_count)?;
        let id = ConnectionId::from_u64(connection);
        let expires_ms = (expires_ms != 0).then_some(expires_ms);
        hub.renew(now_ms, id, expires_ms, &grants)
            .map_err(Failure::Renew)
    })
}

/// Publishes one event. `published` may be NULL. Nobody listening is no error: it is kept for those who
/// resume. After `TIDINGS_ERR_FULL` write what `tidings_hub_poll_output` says, then publish again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_publish(
    hub: *mut tidings_hub,
    now_ms: u64,
    publish: *const tidings_publish,
    published: *mut tidings_published,
) -> tidings_status {
    call(hub, |hub| {
        let append = |publish: &Publish<'_>| {
            let done = hub.publish(now_ms, publish)?;
            if !published.is_null() {
                raw::out(published)?.set(tidings_published::of(&done));
            }
            Ok(())
        };
        sized::with(publish, |publish| publish.with(append))
    })
}

/// Publishes several events in order, all or none. `published` may be NULL, or has room for as many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_publish_all(
    hub: *mut tidings_hub,
    now_ms: u64,
    publishes: *const tidings_publish,
    count: usize,
    published: *mut tidings_published,
) -> tidings_status {
    call(hub, |hub| {
        let room = if published.is_null() { 0 } else { count };
        let mut places = raw::out_slice(published, room)?;
        let rules = hub.rules().clone();
        let message = |publish: Checked<tidings_publish>| {
            publish?.with(|publish| Ok(rules.message(publish)?))
        };
        let messages = sized::read_all(publishes, count)?.enumerate();
        let messages = messages
            .map(|(index, publish)| {
                message(publish).map_err(|failure| Failure::Nth(index, Box::new(failure)))
            })
            .collect::<Outcome<Vec<_>>>()?;
        let done = hub.publish_all(now_ms, &messages)?;
        for (index, published) in done.iter().enumerate().take(room) {
            places.set(index, tidings_published::of(published));
        }
        Ok(())
    })
}

/// Closes a connection: it gets no further event, its `bye` is sent, then `TIDINGS_OUTPUT_CLOSED` comes.
/// Fine if it is about to close.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_close(
    hub: *mut tidings_hub,
    now_ms: u64,
    connection: u64,
) -> tidings_status {
    call(hub, |hub| {
        let id = find(hub, connection)?;
        hub.close(now_ms, id);
        Ok(())
    })
}

/// Closes every connection before a shutdown, and opens no more: each gets what is in the log and a `bye`
/// with a `retry` spread over `over_ms`. After that time those that are blocked are cut.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_drain(
    hub: *mut tidings_hub,
    now_ms: u64,
    over_ms: u64,
) -> tidings_status {
    call(hub, |hub| {
        hub.drain(now_ms, over_ms);
        Ok(())
    })
}

/// The connection is gone: its socket failed, or the other side closed it. Its id is stale from now on,
/// and no output follows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_handle_closed(
    hub: *mut tidings_hub,
    connection: u64,
) -> tidings_status {
    call(hub, |hub| {
        let id = find(hub, connection)?;
        hub.handle_closed(id);
        Ok(())
    })
}

/// The socket of a blocked connection takes bytes again. Fine if it is not blocked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_handle_writable(
    hub: *mut tidings_hub,
    connection: u64,
) -> tidings_status {
    call(hub, |hub| {
        let id = find(hub, connection)?;
        hub.handle_writable(id);
        Ok(())
    })
}

/// A time has come. Calling it early or often does no harm.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_handle_timeout(
    hub: *mut tidings_hub,
    now_ms: u64,
) -> tidings_status {
    call(hub, |hub| {
        hub.handle_timeout(now_ms);
        Ok(())
    })
}

/// When to call `tidings_hub_handle_timeout` at the latest; it may be past. `TIDINGS_NEVER`: not before
/// something else happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_poll_timeout(
    hub: *const tidings_hub,
    at_ms: *mut u64,
) -> tidings_status {
    look(hub, |hub| {
        raw::out(at_ms)?.set(hub.poll_timeout().unwrap_or(TIDINGS_NEVER));
        Ok(())
    })
}

/// What to do next; `TIDINGS_OUTPUT_NONE`: nothing until something happens. Drain it after every other
/// call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_poll_output(
    hub: *mut tidings_hub,
    output: *mut tidings_output,
) -> tidings_status {
    call(hub, |hub| {
        let place = raw::out(output)?;
        place.set(match hub.poll_output() {
            None => tidings_output::NONE,
            Some(output) => tidings_output::of(output, hub)?,
        });
        Ok(())
    })
}

/// What to send to a connection now, at most 64 KiB unless one event alone is longer: `count` slices, 0
/// if there is nothing or its socket is blocked. `capacity` is at least `TIDINGS_MAX_SLICES`.
///
/// The bytes are borrowed until the next call on the hub. On POSIX systems the slices are a
/// `struct iovec[]`: give them to `sendmsg` or `writev`. Follow it with `tidings_hub_consume`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_transmit(
    hub: *mut tidings_hub,
    now_ms: u64,
    connection: u64,
    slices: *mut tidings_str,
    capacity: usize,
    count: *mut usize,
) -> tidings_status {
    call(hub, |hub| {
        let mut places = raw::out_slice(slices, capacity)?;
        let place = raw::out(count)?;
        if capacity < TIDINGS_MAX_SLICES {
            return Err(TIDINGS_ERR_BUFFER.into());
        }
        let connection = find(hub, connection)?;
        let mut count = 0;
        if let Some(transmit) = hub.transmit(now_ms, connection) {
            for slice in transmit.slices() {
                places.set(count, tidings_str::of(slice));
                count += 1;
            }
        }
        place.set(count);
        Ok(())
    })
}

/// The socket took the first `taken` bytes of what `tidings_hub_transmit` offered, 0 if none. If these
/// are not all, the connection is blocked until `tidings_hub_handle_writable`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_consume(
    hub: *mut tidings_hub,
    now_ms: u64,
    connection: u64,
    taken: usize,
) -> tidings_status {
    call(hub, |hub| {
        hub.consume(now_ms, ConnectionId::from_u64(connection), taken)?;
        Ok(())
    })
}

/// The end of the log: the position to store with a snapshot of your state, so that a reader that starts
/// there gets every later event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_cursor(
    hub: *const tidings_hub,
    cursor: *mut tidings_cursor,
) -> tidings_status {
    look(hub, |hub| {
        raw::out(cursor)?.set(tidings_cursor::of(hub.cursor()));
        Ok(())
    })
}

/// The position of a connection: everything addressed to it up to there was taken by its socket, at least
/// in part, or was told as a gap or is about to be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_position(
    hub: *const tidings_hub,
    connection: u64,
    cursor: *mut tidings_cursor,
) -> tidings_status {
    look(hub, |hub| {
        let place = raw::out(cursor)?;
        let position = hub.position(ConnectionId::from_u64(connection));
        place.set(tidings_cursor::of(position.ok_or(TIDINGS_ERR_NOT_FOUND)?));
        Ok(())
    })
}

/// Whether a connection is open, be it about to close: 0 or 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_is_open(
    hub: *const tidings_hub,
    connection: u64,
    is_open: *mut u32,
) -> tidings_status {
    look(hub, |hub| {
        raw::out(is_open)?.set(hub.is_open(ConnectionId::from_u64(connection)).into());
        Ok(())
    })
}

/// Sets the Unix time that it is at `now_ms`. Token expiry goes by it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_set_unix_ms(
    hub: *mut tidings_hub,
    now_ms: u64,
    unix_ms: u64,
) -> tidings_status {
    call(hub, |hub| {
        hub.set_unix_ms(now_ms, unix_ms);
        Ok(())
    })
}

/// Counts of what the hub has done and holds. Set `stats->size` before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_stats(
    hub: *const tidings_hub,
    stats: *mut tidings_stats,
) -> tidings_status {
    look(hub, |hub| {
        let place = sized::out(stats)?;
        place.set(&tidings_stats::of(&hub.stats()));
        Ok(())
    })
}

/// What one class holds, counted as in the options; the default class comes last. Set `stats->size`
/// before. An index beyond them is `TIDINGS_ERR_INVALID`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_hub_class_stats(
    hub: *const tidings_hub,
    index: usize,
    stats: *mut tidings_class_stats,
) -> tidings_status {
    look(hub, |hub| {
        let place = sized::out(stats)?;
        let class = hub.classes().nth(index).ok_or(TIDINGS_ERR_INVALID)?;
        place.set(&tidings_class_stats::of(&class));
        Ok(())
    })
}

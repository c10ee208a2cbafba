//! The client in C: an `EventSource` without I/O.
//!
//! It does not know HTTP; the driver does what it asks.

mod options;
mod output;

pub use options::*;
pub use output::*;

use crate::decoder::tidings_item;
use crate::failure::Failure;
use crate::handle::{Handle, Owner, call, error, free, give, look};
use crate::sized;
use crate::status::tidings_status;
use crate::text::tidings_str;
use crate::{TIDINGS_NEVER, raw};
use std::ffi::c_char;
use tidings_core::{Client, ClientState};

/// Where a client stands.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum tidings_client_state_kind {
    /// Not told to connect yet.
    TIDINGS_CLIENT_IDLE = 0,
    /// Waiting for a response.
    TIDINGS_CLIENT_CONNECTING = 1,
    /// Reading a stream.
    TIDINGS_CLIENT_CONNECTED = 2,
    /// Waiting for the time to connect again.
    TIDINGS_CLIENT_RECONNECTING = 3,
    /// Given up.
    TIDINGS_CLIENT_FAILED = 4,
    /// Closed by the application.
    TIDINGS_CLIENT_CLOSED = 5,
}
use tidings_client_state_kind::*;

/// Reads a stream through reconnects: when to connect, what to make of a response, when to try again.
pub struct tidings_client {
    handle: Handle<State>,
}

pub(crate) struct State {
    client: Client,
    /// The texts of the last output, and the last event id that was asked for.
    text: String,
    last_event_id: String,
}

impl Owner for tidings_client {
    type State = State;

    fn handle(&self) -> &Handle<State> {
        &self.handle
    }

    fn handle_mut(&mut self) -> &mut Handle<State> {
        &mut self.handle
    }
}

/// Makes a client that waits to be told to connect. `options` may be NULL. It is yours to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_new(
    options: *const tidings_client_options,
    client: *mut *mut tidings_client,
) -> tidings_status {
    give(client, || {
        let from = sized::options(options)?;
        let (options, id) = (from.options()?, from.last_event_id.bytes()?);
        let client = Client::resume(options, id).map_err(Failure::Event)?;
        let state = State {
            client,
            text: String::new(),
            last_event_id: String::new(),
        };
        Ok(tidings_client {
            handle: Handle::new(state),
        })
    })
}

/// Frees a client; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_free(client: *mut tidings_client) {
    free(client);
}

/// What was wrong in the last call that failed; empty if none did. Until the next call on the client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_error(
    client: *mut tidings_client,
    text: *mut tidings_str,
) -> tidings_status {
    error(client, text)
}

/// Connects now: for the first time, again after failure or close, or without waiting any longer for the
/// next attempt. Does nothing while there is a connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_connect(
    client: *mut tidings_client,
    now_ms: u64,
) -> tidings_status {
    call(client, |state| {
        state.client.connect(now_ms);
        Ok(())
    })
}

/// Closes the client, until it is told to connect again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_close(client: *mut tidings_client) -> tidings_status {
    call(client, |state| {
        state.client.close();
        Ok(())
    })
}

/// The server has answered. Late news of a connection that is gone does no harm.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_handle_response(
    client: *mut tidings_client,
    now_ms: u64,
    response: *const tidings_response,
) -> tidings_status {
    call(client, |state| {
        let response = sized::read(response)?;
        state.client.handle_response(now_ms, response.response()?);
        Ok(())
    })
}

/// Bytes of the stream have come. Takes them from the front of the input up to the end of the next event:
/// `taken` says how many. Go on behind them until the item is `TIDINGS_ITEM_NONE`; what is left of the
/// input then is of no use.
///
/// An item is borrowed from the input and the client: until the next call on the client. A stream over a
/// limit is no error of this call: it ends the connection, as the outputs say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_handle_data(
    client: *mut tidings_client,
    now_ms: u64,
    input: *const c_char,
    len: usize,
    taken: *mut usize,
    item: *mut tidings_item,
) -> tidings_status {
    call(client, |state| {
        let mut rest = raw::bytes(input, len)?;
        let (taken, place) = (raw::out(taken)?, raw::out(item)?);
        let event = state.client.handle_data(now_ms, &mut rest);
        place.set(event.map_or(tidings_item::NONE, |event| tidings_item::borrowed(&event)));
        taken.set(len - rest.len());
        Ok(())
    })
}

/// The stream has ended, or the connection before there was a response.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_handle_end(
    client: *mut tidings_client,
    now_ms: u64,
) -> tidings_status {
    call(client, |state| {
        state.client.handle_end(now_ms);
        Ok(())
    })
}

/// The connection has failed, or could not be made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_handle_error(
    client: *mut tidings_client,
    now_ms: u64,
) -> tidings_status {
    call(client, |state| {
        state.client.handle_error(now_ms);
        Ok(())
    })
}

/// It is as late as `tidings_client_poll_timeout` said, or later. Earlier does no harm.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_handle_timeout(
    client: *mut tidings_client,
    now_ms: u64,
) -> tidings_status {
    call(client, |state| {
        state.client.handle_timeout(now_ms);
        Ok(())
    })
}

/// When to call `tidings_client_handle_timeout`, if nothing happens before. `TIDINGS_NEVER`: not before
/// something does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_poll_timeout(
    client: *const tidings_client,
    at_ms: *mut u64,
) -> tidings_status {
    look(client, |state| {
        raw::out(at_ms)?.set(state.client.poll_timeout().unwrap_or(TIDINGS_NEVER));
        Ok(())
    })
}

/// What to do next, at once; `TIDINGS_CLIENT_OUTPUT_NONE`: nothing. Set `output->size` before. Its texts are
/// borrowed until the next call on the client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_poll_output(
    client: *mut tidings_client,
    output: *mut tidings_client_output,
) -> tidings_status {
    call(client, |state| {
        let place = sized::out(output)?;
        place.set(&tidings_client_output::of(
            state.client.poll_output(),
            &mut state.text,
        )?);
        Ok(())
    })
}

/// Where the client stands: a `tidings_client_state_kind`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_state(
    client: *const tidings_client,
    at: *mut u32,
) -> tidings_status {
    look(client, |state| {
        raw::out(at)?.set(match state.client.state() {
            ClientState::Idle => TIDINGS_CLIENT_IDLE,
            ClientState::Connecting => TIDINGS_CLIENT_CONNECTING,
            ClientState::Connected => TIDINGS_CLIENT_CONNECTED,
            ClientState::Reconnecting => TIDINGS_CLIENT_RECONNECTING,
            ClientState::Failed => TIDINGS_CLIENT_FAILED,
            ClientState::Closed => TIDINGS_CLIENT_CLOSED,
        } as u32);
        Ok(())
    })
}

/// The last event id, empty if there is none. It survives reconnects, failure and close: keep it to
/// resume later. Until the next call on the client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_last_event_id(
    client: *mut tidings_client,
    id: *mut tidings_str,
) -> tidings_status {
    call(client, |state| {
        let place = raw::out(id)?;
        state.last_event_id.clear();
        state.last_event_id.push_str(&state.client.last_event_id());
        place.set(tidings_str::of(state.last_event_id.as_bytes()));
        Ok(())
    })
}

/// The first delay before a reconnect, as the server or the options have it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_client_retry_ms(
    client: *const tidings_client,
    retry_ms: *mut u64,
) -> tidings_status {
    look(client, |state| {
        raw::out(retry_ms)?.set(state.client.retry_ms());
        Ok(())
    })
}

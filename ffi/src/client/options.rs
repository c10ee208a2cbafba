//! How a client works, and what a server answered, as C says it.
//!
//! It does not know the defaults: what is zero is left as the core has it.

use crate::TIDINGS_OFF;
use crate::decoder::decode_options;
use crate::failure::Outcome;
use crate::hub::{maybe_ms, ms};
use crate::sized::SizeFirst;
use crate::status::tidings_status::*;
use crate::text::tidings_str;
use std::mem::offset_of;
use tidings_core::{ClientOptions, Response};

/// In `tidings_client_options.flags`: try again after a wrong status or content type, or an event over
/// the limit.
pub const TIDINGS_CLIENT_RESILIENT: u32 = 1;

/// In `tidings_response.flags`: `retry_after_ms` counts.
pub const TIDINGS_RESPONSE_RETRY_AFTER: u32 = 1;

/// How a client works. Zero means default, and `TIDINGS_OFF` none or never.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_client_options {
    /// `sizeof(tidings_client_options)`
    pub size: u32,
    /// `TIDINGS_CLIENT_RESILIENT`, or 0.
    pub flags: u32,
    /// Random bits, for each client others: those of one seed would all come back at the same moment.
    pub seed: u64,
    /// The first delay before a reconnect, until the server sets another. Default 1 s.
    pub retry_ms: u64,
    /// What doubling the delay leads up to, unless the server asks for more. Default 30 s.
    pub max_delay_ms: u64,
    /// What no delay is shorter than. Default 100 ms.
    pub min_delay_ms: u64,
    /// How long a connection has to be open to count as a success, if no event comes. Default 10 s.
    pub settled_ms: u64,
    /// How many attempts in a row may fail before the client does. Default no limit.
    pub max_attempts: u64,
    /// How long to wait for a response. Default 30 s.
    pub connect_timeout_ms: u64,
    /// How long a connection may be silent before it is taken for dead. Default 90 s.
    pub idle_timeout_ms: u64,
    /// The type of the event whose `retry` is kept exactly; absent for `bye`, empty for none.
    pub bye_event: tidings_str,
    /// Where to go on, as kept from an earlier client; absent or empty: at the end.
    pub last_event_id: tidings_str,
    /// The most that one event may hold. Default 8 MiB.
    pub event_bytes: u64,
    /// How much memory each buffer may keep from one event to the next. Default 64 KiB.
    pub kept_bytes: u64,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers and pointers.
unsafe impl SizeFirst for tidings_client_options {
    const FIRST_SIZE: usize = offset_of!(Self, kept_bytes) + size_of::<u64>();
}

/// What of an HTTP response decides whether an event stream follows. Redirects are the driver's: this is
/// the response at their end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_response {
    /// `sizeof(tidings_response)`
    pub size: u32,
    /// The status, such as 200.
    pub status: u32,
    /// The value of `Content-Type`; of several, with commas between them.
    pub content_type: tidings_str,
    /// How long `Retry-After` asks to wait.
    pub retry_after_ms: u64,
    /// `TIDINGS_RESPONSE_RETRY_AFTER`, or 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers and pointers.
unsafe impl SizeFirst for tidings_response {
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + size_of::<u32>();
}

impl tidings_client_options {
    pub(super) fn options(&self) -> Outcome<ClientOptions> {
        if self.flags & !TIDINGS_CLIENT_RESILIENT != 0 {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        let default = ClientOptions::new(self.seed);
        Ok(ClientOptions {
            retry_ms: ms(self.retry_ms, default.retry_ms),
            max_delay_ms: ms(self.max_delay_ms, default.max_delay_ms),
            min_delay_ms: ms(self.min_delay_ms, default.min_delay_ms),
            settled_ms: ms(self.settled_ms, default.settled_ms),
            max_attempts: match self.max_attempts {
                0 | TIDINGS_OFF => default.max_attempts,
                attempts => Some(u32::try_from(attempts).unwrap_or(u32::MAX)),
            },
            connect_timeout_ms: maybe_ms(self.connect_timeout_ms, default.connect_timeout_ms),
            idle_timeout_ms: maybe_ms(self.idle_timeout_ms, default.idle_timeout_ms),
            bye_event: self
                .bye_event
                .maybe_text()?
                .map_or(default.bye_event, str::to_owned),
            resilient: self.flags & TIDINGS_CLIENT_RESILIENT != 0,
            decode: decode_options(self.event_bytes, self.kept_bytes),
            ..default
        })
    }
}

impl tidings_response {
    pub(super) fn response<'a>(&self) -> Outcome<Response<'a>> {
        if self.flags & !TIDINGS_RESPONSE_RETRY_AFTER != 0 || self.reserved != 0 {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        let status = u16::try_from(self.status).map_err(|_| TIDINGS_ERR_INVALID)?;
        let response = Response::new(status).with_content_type(self.content_type.bytes()?);
        Ok(match self.flags & TIDINGS_RESPONSE_RETRY_AFTER {
            0 => response,
            _ => response.with_retry_after(self.retry_after_ms),
        })
    }
}

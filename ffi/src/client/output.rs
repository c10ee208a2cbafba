//! What a client tells its driver to do, in C.
//!
//! It does not know when.

use crate::failure::{Failure, Outcome};
use crate::sized::SizeFirst;
use crate::status::tidings_status::*;
use crate::text::tidings_str;
use std::fmt::Write as _;
use std::mem::offset_of;
use tidings_core::{ClientError, ClientOutput};

/// What the driver has to do, or to tell the application.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum tidings_client_output_kind {
    /// Nothing.
    TIDINGS_CLIENT_OUTPUT_NONE = 0,
    /// Send a GET with `Accept: text/event-stream`, without a cache, and with `Last-Event-ID` if there is
    /// one; hand in what comes of it.
    TIDINGS_CLIENT_OUTPUT_CONNECT = 1,
    /// The connection is open: events may come.
    TIDINGS_CLIENT_OUTPUT_OPEN = 2,
    /// Drop the request or the stream that is under way, if it still is, and hand in nothing more of it.
    /// If the client goes on, a connect follows in time.
    TIDINGS_CLIENT_OUTPUT_DISCONNECT = 3,
    /// The client has given up. It does nothing more unless it is told to connect again.
    TIDINGS_CLIENT_OUTPUT_FAILED = 4,
}
use tidings_client_output_kind::*;

/// What the driver has to do, or to tell the application.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_client_output {
    /// `sizeof(tidings_client_output)`
    pub size: u32,
    /// A `tidings_client_output_kind`.
    pub kind: u32,
    /// Of a connect: what to send as `Last-Event-ID`; absent if nothing.
    pub last_event_id: tidings_str,
    /// Of a disconnect or failed: why, in a sentence.
    pub message: tidings_str,
    /// Likewise, as a `tidings_status`.
    pub reason: i32,
    /// With `TIDINGS_ERR_HTTP_STATUS`: the status that the server answered.
    pub http_status: u32,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers and pointers.
unsafe impl SizeFirst for tidings_client_output {
    const FIRST_SIZE: usize = offset_of!(Self, http_status) + size_of::<u32>();
}

impl tidings_client_output {
    const NONE: Self = Self {
        size: size_of::<Self>() as u32,
        kind: TIDINGS_CLIENT_OUTPUT_NONE as u32,
        last_event_id: tidings_str::ABSENT,
        message: tidings_str::ABSENT,
        reason: 0,
        http_status: 0,
    };

    /// What `text` holds afterwards is borrowed.
    pub(super) fn of(output: Option<ClientOutput<'_>>, text: &mut String) -> Outcome<Self> {
        let (kind, error) = match output {
            None => return Ok(Self::NONE),
            Some(ClientOutput::Connect { last_event_id }) => {
                let last_event_id = last_event_id.map(|id| {
                    text.clear();
                    text.push_str(&id);
                    tidings_str::of(text.as_bytes())
                });
                return Ok(Self {
                    kind: TIDINGS_CLIENT_OUTPUT_CONNECT as u32,
                    last_event_id: last_event_id.unwrap_or(tidings_str::ABSENT),
                    ..Self::NONE
                });
            }
            Some(ClientOutput::Open) => {
                return Ok(Self {
                    kind: TIDINGS_CLIENT_OUTPUT_OPEN as u32,
                    ..Self::NONE
                });
            }
            Some(ClientOutput::Disconnect(error)) => (TIDINGS_CLIENT_OUTPUT_DISCONNECT, error),
            Some(ClientOutput::Failed(error)) => (TIDINGS_CLIENT_OUTPUT_FAILED, error),
            Some(_) => return Err(TIDINGS_ERR_OTHER.into()),
        };
        text.clear();
        write!(text, "{error}").map_err(|_| TIDINGS_ERR_OTHER)?;
        Ok(Self {
            kind: kind as u32,
            message: tidings_str::of(text.as_bytes()),
            reason: Failure::Client(error).status() as i32,
            http_status: match error {
                ClientError::Status(status) => status.into(),
                _ => 0,
            },
            ..Self::NONE
        })
    }
}

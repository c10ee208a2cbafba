//! An event as immutable bytes, encoded once, for those who write it to many sockets themselves.
//!
//! It does not know the event it was made of.

use crate::event::{tidings_event, view};
use crate::handle::{free, give, guard};
use crate::raw;
use crate::status::tidings_status;
use crate::text::tidings_str;

/// An encoded event. It never changes, so that any number of threads may read it.
pub struct tidings_frame {
    bytes: Box<[u8]>,
}

/// Encodes an event. The frame is yours to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_frame_new(
    event: *const tidings_event,
    frame: *mut *mut tidings_frame,
) -> tidings_status {
    give(frame, || {
        let event = view(event)?;
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        Ok(tidings_frame {
            bytes: bytes.into(),
        })
    })
}

/// The bytes, as they go over the wire. They live as long as the frame.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_frame_bytes(
    frame: *const tidings_frame,
    bytes: *mut tidings_str,
) -> tidings_status {
    guard(|| {
        let frame = raw::one(frame)?;
        raw::out(bytes)?.set(tidings_str::of(&frame.bytes));
        Ok(())
    })
}

/// Frees a frame; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_frame_free(frame: *mut tidings_frame) {
    free(frame);
}

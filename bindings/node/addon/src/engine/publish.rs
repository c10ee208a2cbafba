//! Publishing: one call for an event, which has its number when it returns.
//!
//! It does not know when the event is in the log: an output says so.

use super::{cursor_text, maybe, streams::connection, strs};
use crate::failure::Outcome;
use crate::js::Call;
use crate::state::State;
use napi_sys::napi_value;
use std::mem::MaybeUninit;
use tidings::*;

/// `(engine, numbers, topics, user, connection, except, event, data, id, place)`: the id of the event; at
/// the place 1 if it was published before. The numbers: a tag, the audience, 1 if it is private, the
/// retry or infinity.
pub(crate) fn post(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let [tag, audience, private, retry] = call.wholes(1)?;
    let topics = call.lines(2)?;
    let user = call.maybe_text(3)?;
    let (event, data, id) = (call.maybe_text(6)?, call.text(7)?, call.maybe_text(8)?);
    let place = call.numbers(9, 1)?;
    let connection = |index| match call.maybe_text(index)? {
        Some(text) => connection(&text),
        None => Ok(0),
    };
    let names = strs(&topics);
    let publish = tidings_publish {
        size: size_of::<tidings_publish>() as u32,
        audience: u32::try_from(audience).unwrap_or(u32::MAX),
        topics: names.as_ptr(),
        topic_count: names.len(),
        user: maybe(user.as_ref()),
        connection: connection(4)?,
        event: tidings_event {
            id: maybe(id.as_ref()),
            event: maybe(event.as_ref()),
            data: tidings_str::of(data.as_bytes()),
            retry_ms: if retry == TIDINGS_OFF { 0 } else { retry },
            flags: if retry == TIDINGS_OFF {
                0
            } else {
                TIDINGS_EVENT_RETRY
            },
            reserved: 0,
        },
        except: connection(5)?,
        flags: if private == 0 {
            0
        } else {
            TIDINGS_PUBLISH_PRIVATE
        },
        reserved: 0,
    };
    let engine = state.engine(call.number(0)?)?;
    let mut published = MaybeUninit::<tidings_published>::uninit();
    // SAFETY: the engine lives, all of the event lives through the call, and there is a place for the
    // result.
    engine.check(unsafe {
        tidings_engine_post(
            engine.as_ptr(),
            &raw const publish,
            tag,
            published.as_mut_ptr(),
        )
    })?;
    // SAFETY: it was written, since the call succeeded.
    let published = unsafe { published.assume_init() };
    call.write_numbers(&place, &[published.duplicate]);
    match id {
        Some(id) => call.give_text(id.as_bytes()),
        None => call.give_text(&cursor_text(&published.cursor)?),
    }
}

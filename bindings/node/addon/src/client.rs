//! The client: one call for whatever happened, and one for each chunk.
//!
//! It does not know HTTP, nor what time it is: `src/subscribe.js` does.

use crate::decoder::rest;
use crate::failure::{Failure, Outcome, name_of};
use crate::js::Call;
use crate::records::{LEAST, Records, event_bytes};
use crate::state::{Handle, State};
use napi_sys::napi_value;
use std::mem::MaybeUninit;
use std::ptr;
use tidings::tidings_status::*;
use tidings::*;

/// Owns a client of the C ABI.
pub(crate) struct Client(*mut tidings_client);

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nobody has it any more.
        unsafe { tidings_client_free(self.0) }
    }
}

impl Client {
    /// What a call answered; when it failed, with the sentence that says why.
    #[inline]
    fn check(&mut self, status: tidings_status) -> Outcome {
        if status == TIDINGS_OK {
            return Ok(());
        }
        let mut text = tidings_str::ABSENT;
        // SAFETY: the client lives, and the text is read before anything else is called on it.
        unsafe {
            tidings_client_error(self.0, &raw mut text);
            Err(Failure::new(status, crate::bytes(&text)))
        }
    }

    pub(crate) fn last_event_id(&mut self, call: &Call) -> Outcome<napi_value> {
        let mut id = tidings_str::ABSENT;
        // SAFETY: the client lives, and there is a place for the result.
        let status = unsafe { tidings_client_last_event_id(self.0, &raw mut id) };
        self.check(status)?;
        // SAFETY: nothing has been called on the client since.
        call.give_text(unsafe { crate::bytes(&id) })
    }

    /// Packs the events of the input, and says how much of it is used up.
    fn fill(&mut self, now: u64, input: &[u8], records: &mut Records) -> Outcome<usize> {
        let mut done = 0;
        while records.has_room() {
            let rest = &input[done..];
            let mut taken = 0;
            let mut item = MaybeUninit::uninit();
            // SAFETY: the client lives, the input is as long as it says, and there are places for both
            // results.
            let status = unsafe {
                tidings_client_handle_data(
                    self.0,
                    now,
                    rest.as_ptr().cast(),
                    rest.len(),
                    &raw mut taken,
                    item.as_mut_ptr(),
                )
            };
            self.check(status)?;
            // SAFETY: it was written, since the call succeeded.
            let item: &tidings_item = unsafe { item.assume_init_ref() };
            if item.kind == tidings_item_kind::TIDINGS_ITEM_NONE as u32 {
                return Ok(input.len());
            }
            done += taken;
            records.push(item);
        }
        Ok(done)
    }
}

/// `(numbers, byeEvent, lastEventId)`: the number of a client. In order, as floating numbers of which 0 is
/// the default and infinity none or never: seed (two halves), resilient, first, longest and shortest
/// delay, settled, attempts, connect and idle timeout, bytes of an event, bytes kept.
pub(crate) fn new(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let numbers = call.wholes::<12>(0)?;
    let (bye, id) = (call.maybe_text(1)?, call.maybe_text(2)?);
    let text = |text: &Option<String>| match text {
        Some(text) => tidings_str::of(text.as_bytes()),
        None => tidings_str::ABSENT,
    };
    let [
        low,
        high,
        resilient,
        retry,
        most,
        least,
        settled,
        attempts,
        connect,
        idle,
        event,
        kept,
    ] = numbers;
    let options = tidings_client_options {
        size: size_of::<tidings_client_options>() as u32,
        flags: if resilient == 0 {
            0
        } else {
            TIDINGS_CLIENT_RESILIENT
        },
        seed: high << 32 ^ low,
        retry_ms: retry,
        max_delay_ms: most,
        min_delay_ms: least,
        settled_ms: settled,
        max_attempts: attempts,
        connect_timeout_ms: connect,
        idle_timeout_ms: idle,
        bye_event: text(&bye),
        last_event_id: text(&id),
        event_bytes: event_bytes(event),
        kept_bytes: kept,
    };
    let mut client = ptr::null_mut();
    // SAFETY: all of it lives through the call.
    let status = unsafe { tidings_client_new(&raw const options, &raw mut client) };
    if status != TIDINGS_OK {
        return Err(Failure::new(status, &[]));
    }
    call.give_number(state.handles.insert(Handle::Client(Client(client)))?)
}

/// What the application wants, or what happened, by number: see `Verb` in `src/client.js`.
type Verb = unsafe extern "C" fn(*mut tidings_client, u64) -> tidings_status;

unsafe extern "C" fn close(client: *mut tidings_client, _now: u64) -> tidings_status {
    // SAFETY: that of whoever calls this.
    unsafe { tidings_client_close(client) }
}

const VERBS: [Verb; 5] = [
    tidings_client_connect,
    close,
    tidings_client_handle_end,
    tidings_client_handle_error,
    tidings_client_handle_timeout,
];

/// `(client, now, verb)`
pub(crate) fn tell(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let (now, verb) = (call.whole(1)?, call.whole(2)?);
    let verb = usize::try_from(verb).ok().and_then(|verb| VERBS.get(verb));
    let Some(verb) = verb else {
        return Err(Failure::argument(2, "a verb"));
    };
    let client = state.client(call.number(0)?)?.0;
    // SAFETY: the client lives.
    let status = unsafe { verb(client.0, now) };
    client.check(status)?;
    Ok(call.undefined())
}

/// `(client, now, status, contentType, retryAfter)`: the server has answered. A delay of infinity is none.
pub(crate) fn response(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let (now, content_type, retry_after) = (call.whole(1)?, call.text(3)?, call.whole(4)?);
    let response = tidings_response {
        size: size_of::<tidings_response>() as u32,
        status: u32::try_from(call.whole(2)?).unwrap_or(u32::MAX),
        content_type: tidings_str::of(content_type.as_bytes()),
        retry_after_ms: retry_after,
        flags: if retry_after == TIDINGS_OFF {
            0
        } else {
            TIDINGS_RESPONSE_RETRY_AFTER
        },
        reserved: 0,
    };
    let client = state.client(call.number(0)?)?.0;
    // SAFETY: the client and the response live through the call.
    let status = unsafe { tidings_client_handle_response(client.0, now, &raw const response) };
    client.check(status)?;
    Ok(call.undefined())
}

/// `(client, chunk, start, numbers, now)`: the texts of the events from this place of the chunk on.
pub(crate) fn data(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let now = call.whole(4)?;
    let (client, records) = state.client(call.number(0)?)?;
    let numbers = call.numbers(3, LEAST)?;
    let start = call.whole(2)?;
    let input = records.begin(numbers.room(), rest(call, 1, start)?);
    let taken = client.fill(now, input, records)?;
    records.end(start, taken);
    call.give_records(&numbers, records)
}

/// `(client)`: when to say that it is late; infinity for never.
pub(crate) fn poll_timeout(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let client = state.client(call.number(0)?)?.0;
    let mut at_ms = 0;
    // SAFETY: the client lives, and there is a place for the result.
    let status = unsafe { tidings_client_poll_timeout(client.0, &raw mut at_ms) };
    client.check(status)?;
    call.give_number(match at_ms {
        TIDINGS_NEVER => f64::INFINITY,
        at_ms => at_ms as f64,
    })
}

/// `(client, numbers)`: what to do next. In numbers: its kind and, if the server gave one, the HTTP status.
/// As text: of a connect the last event id, if there is one; else the code and the sentence that say why,
/// a line each.
pub(crate) fn poll_output(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let client = state.client(call.number(0)?)?.0;
    let mut output = tidings_client_output {
        size: size_of::<tidings_client_output>() as u32,
        kind: 0,
        last_event_id: tidings_str::ABSENT,
        message: tidings_str::ABSENT,
        reason: 0,
        http_status: 0,
    };
    // SAFETY: the client lives, and the output is as large as it says.
    let status = unsafe { tidings_client_poll_output(client.0, &raw mut output) };
    client.check(status)?;
    let numbers = call.numbers(1, 2)?;
    call.write_numbers(&numbers, &[output.kind, output.http_status]);
    // SAFETY: nothing has been called on the client since.
    let (id, message) = unsafe {
        (
            crate::bytes(&output.last_event_id),
            crate::bytes(&output.message),
        )
    };
    match output.reason {
        0 if id.is_empty() => Ok(call.undefined()),
        0 => call.give_text(id),
        reason => {
            let reason = REASONS.iter().find(|known| **known as i32 == reason);
            let mut text = name_of(*reason.unwrap_or(&TIDINGS_ERR_OTHER)).into_bytes();
            text.push(b'\n');
            text.extend_from_slice(message);
            call.give_text(&text)
        }
    }
}

/// Why a client drops a connection, or gives up.
const REASONS: [tidings_status; 9] = [
    TIDINGS_ERR_CLIENT_CLOSED,
    TIDINGS_ERR_CONNECT_TIMEOUT,
    TIDINGS_ERR_IDLE_TIMEOUT,
    TIDINGS_ERR_NO_CONTENT,
    TIDINGS_ERR_HTTP_STATUS,
    TIDINGS_ERR_CONTENT_TYPE,
    TIDINGS_ERR_ATTEMPTS,
    TIDINGS_ERR_EVENT_TOO_LARGE,
    TIDINGS_ERR_COMMENT_TOO_LARGE,
];

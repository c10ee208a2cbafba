//! The decoder: one call for each chunk.
//!
//! It does not know where chunks come from, nor how JavaScript reads what is packed.

use crate::failure::{Failure, Outcome};
use crate::js::Call;
use crate::records::{LEAST, Records, event_bytes};
use crate::state::{Handle, State};
use napi_sys::napi_value;
use std::mem::MaybeUninit;
use std::ptr;
use tidings::tidings_status::TIDINGS_OK;
use tidings::*;

/// Owns a decoder of the C ABI.
pub(crate) struct Decoder(*mut tidings_decoder);

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nobody has it any more.
        unsafe { tidings_decoder_free(self.0) }
    }
}

impl Decoder {
    /// What a call answered; when it failed, with the sentence that says why.
    #[inline]
    fn check(&mut self, status: tidings_status) -> Outcome {
        if status == TIDINGS_OK {
            return Ok(());
        }
        let mut text = tidings_str::ABSENT;
        // SAFETY: the decoder lives, and the text is read before anything else is called on it.
        unsafe {
            tidings_decoder_error(self.0, &raw mut text);
            Err(Failure::new(status, crate::bytes(&text)))
        }
    }
}

/// `(eventBytes, keptBytes, comments)`: the number of a decoder. 0 is the default, infinity as much as
/// there may be.
pub(crate) fn new(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let options = tidings_decoder_options {
        size: size_of::<tidings_decoder_options>() as u32,
        flags: if call.number(2)? == 0.0 {
            0
        } else {
            TIDINGS_DECODER_COMMENTS
        },
        event_bytes: event_bytes(call.whole(0)?),
        kept_bytes: call.whole(1)?,
    };
    let mut decoder = ptr::null_mut();
    // SAFETY: both live through the call.
    let status = unsafe { tidings_decoder_new(&raw const options, &raw mut decoder) };
    if status != TIDINGS_OK {
        return Err(Failure::new(status, &[]));
    }
    call.give_number(state.handles.insert(Handle::Decoder(Decoder(decoder)))?)
}

/// `(decoder, chunk, start, numbers)`: the texts of what was found from this place of the chunk on.
pub(crate) fn decode(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let (decoder, records) = state.decoder(call.number(0)?)?;
    let numbers = call.numbers(3, LEAST)?;
    let start = call.whole(2)?;
    let input = records.begin(numbers.room(), rest(call, 1, start)?);
    let taken = decoder.fill(input, records)?;
    records.end(start, taken);
    call.give_records(&numbers, records)
}

/// A chunk from a place on.
#[inline]
pub(crate) fn rest(call: &Call, index: usize, start: u64) -> Outcome<&[u8]> {
    let rest = call
        .bytes(index)?
        .get(usize::try_from(start).unwrap_or(usize::MAX)..);
    rest.ok_or_else(|| Failure::argument(index, "a chunk that goes on at this place"))
}

impl Decoder {
    pub(crate) fn last_event_id(&mut self, call: &Call) -> Outcome<napi_value> {
        let mut id = tidings_str::ABSENT;
        // SAFETY: the decoder lives, and there is a place for the result.
        let status = unsafe { tidings_decoder_last_event_id(self.0, &raw mut id) };
        self.check(status)?;
        // SAFETY: nothing has been called on the decoder since.
        call.give_text(unsafe { crate::bytes(&id) })
    }

    /// Packs what there is in the input, and says how much of it is used up. An error comes with the
    /// call after the items before it.
    fn fill(&mut self, input: &[u8], records: &mut Records) -> Outcome<usize> {
        let mut done = 0;
        while records.has_room() {
            let rest = &input[done..];
            let mut taken = 0;
            let mut item = MaybeUninit::uninit();
            // SAFETY: the decoder lives, the input is as long as it says, and there are places for
            // both results.
            let status = unsafe {
                tidings_decoder_decode(
                    self.0,
                    rest.as_ptr().cast(),
                    rest.len(),
                    &raw mut taken,
                    item.as_mut_ptr(),
                )
            };
            if status != TIDINGS_OK {
                if !records.is_empty() {
                    break;
                }
                self.check(status)?;
            }
            // SAFETY: it was written, since the call succeeded.
            let item: &tidings_item = unsafe { item.assume_init_ref() };
            done += taken;
            if item.kind == tidings_item_kind::TIDINGS_ITEM_NONE as u32 {
                break;
            }
            records.push(item);
        }
        Ok(done)
    }
}

/// `(decoder)`: makes it ready for the next stream.
pub(crate) fn reset(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let (decoder, _) = state.decoder(call.number(0)?)?;
    // SAFETY: the decoder lives.
    let status = unsafe { tidings_decoder_reset(decoder.0) };
    decoder.check(status)?;
    Ok(call.undefined())
}

/// `(decoder, id)`: likewise, for one that goes on after the event of this id.
pub(crate) fn resume(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let id = call.text(1)?;
    let (decoder, _) = state.decoder(call.number(0)?)?;
    // SAFETY: the decoder and the text live through the call.
    let status = unsafe { tidings_decoder_resume(decoder.0, tidings_str::of(id.as_bytes())) };
    decoder.check(status)?;
    Ok(call.undefined())
}

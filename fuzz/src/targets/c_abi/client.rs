//! Calls on a client.
//!
//! It does not know what it ought to do.

use super::decoder::touch_item;
use super::memory::{Number, Room, Size, Text, touch, wrote, wrote_both, zeroed};
use super::{Fault, call, went};
use crate::ensure;
use crate::verdict::Verdict;
use arbitrary::Arbitrary;
use std::ptr;
use tidings::{
    tidings_client, tidings_client_options, tidings_client_output, tidings_item, tidings_response,
    tidings_str,
};

#[derive(Arbitrary, Debug)]
pub(super) enum Deed {
    New(Size, u8, [Number; 7], Text, Text),
    Free,
    Connect,
    Close,
    Response(Size, u8, Text, u16, u8),
    Data(Text),
    End,
    Fail,
    Timeout,
    PollTimeout,
    PollOutput(Size),
    State,
    LastEventId,
    RetryMs,
    Error,
}

pub(super) struct Owned(*mut tidings_client);

impl Default for Owned {
    fn default() -> Self {
        Self(ptr::null_mut())
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        call!(tidings_client_free(self.0));
    }
}

impl Owned {
    /// Makes one with all defaults.
    pub(super) fn make(&mut self) -> Verdict {
        let made = wrote(Room::new(), |made| {
            call!(tidings_client_new(ptr::null(), made))
        })?;
        ensure!(made.is_some(), "NULL is no options");
        *self = made.map_or_else(Self::default, Self);
        Ok(())
    }

    pub(super) fn does(&mut self, fault: Fault, now_ms: u64, deed: &Deed) -> Verdict {
        let handle = fault.handle(self.0);
        let done = match deed {
            Deed::New(size, flags, numbers, bye, id) => {
                return self.renew(fault, *size, options(*flags, numbers, bye, id));
            }
            Deed::Free => {
                *self = Self::default();
                return Ok(());
            }
            Deed::Connect => call!(tidings_client_connect(handle, now_ms)),
            Deed::Close => call!(tidings_client_close(handle)),
            Deed::Response(size, status, content_type, after, flags) => {
                let response = tidings_response {
                    status: [200, 204, 500, 429, u32::from(*status)][usize::from(*status) % 5],
                    content_type: content_type.raw(),
                    retry_after_ms: u64::from(*after),
                    flags: u32::from(*flags) % 3,
                    ..zeroed()
                };
                let mut response = Room::holding(response, *size);
                let response = fault.input(response.place());
                call!(tidings_client_handle_response(handle, now_ms, response))
            }
            Deed::Data(input) => return data(fault, handle, now_ms, input.raw()),
            Deed::End => call!(tidings_client_handle_end(handle, now_ms)),
            Deed::Fail => call!(tidings_client_handle_error(handle, now_ms)),
            Deed::Timeout => call!(tidings_client_handle_timeout(handle, now_ms)),
            Deed::PollOutput(size) => {
                let output = wrote(Room::sized(*size), |output| {
                    call!(tidings_client_poll_output(handle, fault.out(output)))
                })?;
                // Of one that has fewer fields the rest is the pattern.
                return match (output, size) {
                    (Some(output), Size::Right | Size::AlsoRight) => touch_output(&output),
                    _ => Ok(()),
                };
            }
            Deed::PollTimeout | Deed::State | Deed::RetryMs | Deed::LastEventId | Deed::Error => {
                return self.look(fault, deed);
            }
        };
        went(done).map(drop)
    }

    fn renew(&mut self, fault: Fault, size: Size, options: tidings_client_options) -> Verdict {
        let mut options = Room::holding(options, size);
        let options = fault.input(options.place());
        let made = wrote(Room::new(), |made| {
            call!(tidings_client_new(options, fault.out(made)))
        })?;
        if let Some(made) = made {
            *self = Self(made);
        }
        Ok(())
    }

    fn look(&self, fault: Fault, deed: &Deed) -> Verdict {
        let handle = fault.handle(self.0);
        let text = match deed {
            Deed::LastEventId => wrote(Room::new(), |id| {
                call!(tidings_client_last_event_id(handle, fault.out(id)))
            })?,
            Deed::Error => wrote(Room::new(), |text| {
                call!(tidings_client_error(handle, fault.out(text)))
            })?,
            Deed::State => {
                let state = wrote(Room::<u32>::new(), |at| {
                    call!(tidings_client_state(handle, fault.out(at)))
                })?;
                ensure!(state.is_none_or(|state| state <= 5), "a state of no kind");
                None
            }
            Deed::RetryMs => {
                wrote(Room::<u64>::new(), |ms| {
                    call!(tidings_client_retry_ms(handle, fault.out(ms)))
                })?;
                None
            }
            _ => {
                wrote(Room::<u64>::new(), |at| {
                    call!(tidings_client_poll_timeout(handle, fault.out(at)))
                })?;
                None
            }
        };
        text.map_or(Ok(0), touch).map(drop)
    }
}

fn options(flags: u8, numbers: &[Number; 7], bye: &Text, id: &Text) -> tidings_client_options {
    let [
        retry,
        max_delay,
        min_delay,
        attempts,
        connect,
        idle,
        event_bytes,
    ] = numbers.map(Number::raw);
    tidings_client_options {
        flags: u32::from(flags) % 3,
        seed: flags.into(),
        retry_ms: retry,
        max_delay_ms: max_delay,
        min_delay_ms: min_delay,
        max_attempts: attempts,
        connect_timeout_ms: connect,
        idle_timeout_ms: idle,
        bye_event: bye.raw(),
        last_event_id: id.raw(),
        event_bytes,
        ..zeroed()
    }
}

fn touch_output(output: &tidings_client_output) -> Verdict {
    touch(output.last_event_id)?;
    touch(output.message)?;
    ensure!(output.kind <= 4, "an output of no kind");
    Ok(())
}

fn data(fault: Fault, handle: *mut tidings_client, now_ms: u64, mut input: tidings_str) -> Verdict {
    loop {
        let found = wrote_both(|taken, item| {
            let (taken, item) = (fault.out(taken), fault.second_out(item));
            let (data, len) = (input.data, input.len);
            call!(tidings_client_handle_data(
                handle, now_ms, data, len, taken, item
            ))
        })?;
        let Some((taken, item)) = found else {
            return Ok(());
        };
        let item: tidings_item = item;
        ensure!(taken <= input.len, "it took more than there was");
        touch_item(&item)?;
        if item.kind == 0 {
            return Ok(());
        }
        input.data = input.data.wrapping_add(taken);
        input.len -= taken;
    }
}

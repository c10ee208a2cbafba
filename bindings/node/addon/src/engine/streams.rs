//! Streams: sockets that are handed over, and what is asked of them while they are open.
//!
//! It does not know requests: `src/connect.js` does.

use super::{Engine, maybe, strs, text};
use crate::failure::{Failure, Outcome};
use crate::js::Call;
use crate::state::State;
use napi_sys::napi_value;
use std::convert::identity;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;
use tidings::tidings_status::*;
use tidings::*;

/// `(engine, fd, numbers, user, tab, topics, grants, lastEventId, headers, place)`: the id of a stream. With
/// a descriptor the stream runs on a copy of it, and begins with a head with these headers: a name and a
/// value each. With a negative one it runs on one end of a pair, without a head, and the descriptor of the
/// other end is at the place. The numbers: a tag, lag, the end of the token or 0, 1 for comment heartbeats.
pub(crate) fn adopt(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let fd = call.number(1)?;
    let [tag, lag, expires_ms, comments] = call.wholes(2)?;
    let (user, tab) = (call.maybe_text(3)?, call.maybe_text(4)?);
    let (topics, grants) = (call.lines(5)?, call.lines(6)?);
    let (id, headers) = (call.maybe_text(7)?, call.lines(8)?);
    let place = call.numbers(9, 1)?;
    let (topics, grants, headers) = (strs(&topics), strs(&grants), strs(&headers));
    let open = tidings_open {
        size: size_of::<tidings_open>() as u32,
        flags: if comments == 0 {
            0
        } else {
            TIDINGS_OPEN_COMMENT_HEARTBEATS
        },
        user: maybe(user.as_ref()),
        tab: maybe(tab.as_ref()),
        topics: topics.as_ptr(),
        topic_count: topics.len(),
        grants: grants.as_ptr(),
        grant_count: grants.len(),
        last_event_id: maybe(id.as_ref()),
        expires_ms,
        lag: u32::try_from(lag).unwrap_or(u32::MAX),
        encoding: tidings_encoding::TIDINGS_ENCODING_EVENT_STREAM as u32,
        preamble: tidings_str::ABSENT,
        tag: 0,
    };
    let (pairs, _) = headers.as_chunks();
    let headers: Vec<_> = pairs
        .iter()
        .map(|&[name, value]| tidings_header { name, value })
        .collect();
    let adopt = tidings_adopt {
        size: size_of::<tidings_adopt>() as u32,
        flags: if fd < 0.0 {
            TIDINGS_ADOPT_GAPS
        } else {
            TIDINGS_ADOPT_GAPS | TIDINGS_ADOPT_WRITE_HEAD
        },
        open: ptr::from_ref(&open),
        headers: headers.as_ptr(),
        header_count: headers.len(),
        tag,
    };
    let engine = state.engine(call.number(0)?)?;
    let connection = if fd < 0.0 {
        let (ours, theirs) = UnixStream::pair().map_err(|_| system())?;
        let connection = hand_over(engine, theirs.into(), &adopt)?;
        ours.set_nonblocking(true).map_err(|_| system())?;
        call.write_numbers(&place, &[ours.into_raw_fd() as u32]);
        connection
    } else {
        hand_over(engine, copy(fd)?, &adopt)?
    };
    let id = text::<TIDINGS_CONNECTION_BYTES>(|place, room, len| {
        // SAFETY: the buffer is as long as it says, and there is a place for the length.
        unsafe { tidings_connection_format(connection, place, room, len) }
    });
    call.give_text(&id?)
}

/// Gives a descriptor to the engine; if it does not want it, it is closed.
fn hand_over(engine: &Engine, fd: OwnedFd, adopt: &tidings_adopt) -> Outcome<u64> {
    let mut connection = 0;
    // SAFETY: the engine lives, all that is adopted with lives through the call, and there is a place for
    // the result.
    engine.check(unsafe {
        tidings_engine_adopt(
            engine.as_ptr(),
            fd.as_raw_fd(),
            ptr::from_ref(adopt),
            &raw mut connection,
        )
    })?;
    // It is the engine's now.
    let _ = fd.into_raw_fd();
    Ok(connection)
}

/// Another descriptor of the same socket. What is no descriptor is an error.
fn copy(fd: f64) -> Outcome<OwnedFd> {
    let number = fd as RawFd;
    if f64::from(number) != fd {
        return Err(Failure::new(TIDINGS_ERR_BAD_FD, &[]));
    }
    // SAFETY: it is only copied, which fails if it is none; and it is not negative.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_dupfd_cloexec(fd, 3).map_err(|error| match error {
        rustix::io::Errno::BADF => Failure::new(TIDINGS_ERR_BAD_FD, &[]),
        _ => system(),
    })
}

fn system() -> Failure {
    Failure::new(TIDINGS_ERR_SYSTEM, &[])
}

/// `(engine, connection, topic)`
pub(crate) fn subscribe(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    change(call, state, tidings_engine_subscribe, identity)
}

/// `(engine, connection, topic)`: a stream that is gone has no topics any more.
pub(crate) fn unsubscribe(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    change(call, state, tidings_engine_unsubscribe, unless_gone)
}

type Change = unsafe extern "C" fn(*const tidings_engine, u64, tidings_str) -> tidings_status;

/// What is asked to end has ended where its stream is gone.
fn unless_gone(status: tidings_status) -> tidings_status {
    match status {
        TIDINGS_ERR_NOT_FOUND => TIDINGS_OK,
        other => other,
    }
}

fn change(
    call: &Call,
    state: &mut State,
    change: Change,
    settle: fn(tidings_status) -> tidings_status,
) -> Outcome<napi_value> {
    let (connection, topic) = (connection(&call.text(1)?)?, call.text(2)?);
    let engine = state.engine(call.number(0)?)?;
    let topic = tidings_str::of(topic.as_bytes());
    // SAFETY: the engine and the topic live through the call.
    engine.check(settle(unsafe {
        change(engine.as_ptr(), connection, topic)
    }))?;
    Ok(call.undefined())
}

/// `(engine, connection, expires, grants)`: the end is 0 for none.
pub(crate) fn renew(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let (connection, expires_ms) = (connection(&call.text(1)?)?, call.whole(2)?);
    let grants = call.lines(3)?;
    let grants = strs(&grants);
    let engine = state.engine(call.number(0)?)?;
    // SAFETY: the engine and the grants live through the call.
    engine.check(unsafe {
        tidings_engine_renew(
            engine.as_ptr(),
            connection,
            expires_ms,
            grants.as_ptr(),
            grants.len(),
        )
    })?;
    Ok(call.undefined())
}

/// `(engine, connection)`: a stream that is gone already is as it was asked to be.
pub(crate) fn close(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let connection = connection(&call.text(1)?)?;
    let engine = state.engine(call.number(0)?)?;
    // SAFETY: the engine lives.
    let closed = unsafe { tidings_engine_close(engine.as_ptr(), connection) };
    engine.check(unless_gone(closed))?;
    Ok(call.undefined())
}

/// The connection of an id.
pub(super) fn connection(id: &str) -> Outcome<u64> {
    let mut connection = 0;
    let text = tidings_str::of(id.as_bytes());
    // SAFETY: the text lives through the call, and there is a place for the result.
    match unsafe { tidings_connection_parse(text, &raw mut connection) } {
        TIDINGS_OK => Ok(connection),
        status => Err(Failure::new(status, &[])),
    }
}

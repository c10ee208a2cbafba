//! The bodies of the engine's exports: arguments are read, the engine is asked, results are written.
//!
//! It does not know how an engine does it; `running` does. All of it may run on several threads at a
//! time, so that an engine is only ever shared.

mod answer;
mod head;
#[cfg(feature = "test-hooks")]
mod hooks;
mod options;
mod outputs;
mod refusal;
mod running;
mod signals;
mod socket;

#[cfg(feature = "test-hooks")]
pub use hooks::*;
pub(super) use running::Engine;

use super::tidings_engine_output_kind::*;
use super::*;
use crate::failure::{Checked, Failure, Outcome};
use crate::handle::{self, give};
use crate::hub::{number, tidings_gap_reason};
use crate::raw;
use crate::sized;
use crate::text::texts;
use outputs::{Output, Told};
use refusal::{Answered, Refusal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tidings_smol::{ConnectionId, GapReason, Message, Published, Stopped};

pub(super) fn new(
    options: *const tidings_engine_options,
    engine: *mut *mut tidings_engine,
) -> tidings_status {
    give(engine, || {
        let options = sized::options(options)?;
        let (options, answers) = options.read()?;
        let engine = Engine::new(options, answers).map_err(Refusal::into_failure)?;
        Ok(tidings_engine(engine))
    })
}

pub(super) fn free(engine: *mut tidings_engine) {
    handle::free(engine);
}

pub(super) fn start(engine: *const tidings_engine) -> tidings_status {
    call(engine, Engine::start)
}

pub(super) fn adopt(
    engine: *const tidings_engine,
    fd: c_int,
    adopt: *const tidings_adopt,
    connection: *mut u64,
) -> tidings_status {
    let adopt = |engine: &Engine| {
        let place = raw::out(connection)?;
        let adopt = sized::options(adopt)?;
        let (options, gaps) = adopt.stream_options()?;
        let connection = engine.adopt(fd, options, adopt.tag, gaps)?;
        place.set(connection.to_u64());
        Ok(())
    };
    call(engine, |engine| {
        adopt(engine).inspect_err(|refusal: &Refusal| engine.set_retry_ms(refusal.retry_ms()))
    })
}

pub(super) fn publish(
    engine: *const tidings_engine,
    publish: *const tidings_publish,
    published: *mut tidings_published,
) -> tidings_status {
    publish_all(engine, publish, 1, published)
}

pub(super) fn publish_all(
    engine: *const tidings_engine,
    publishes: *const tidings_publish,
    count: usize,
    published: *mut tidings_published,
) -> tidings_status {
    publish_with(engine, publishes, count, published, Engine::publish)
}

pub(super) fn post(
    engine: *const tidings_engine,
    publish: *const tidings_publish,
    tag: u64,
    published: *mut tidings_published,
) -> tidings_status {
    post_all(engine, publish, 1, tag, published)
}

pub(super) fn post_all(
    engine: *const tidings_engine,
    publishes: *const tidings_publish,
    count: usize,
    tag: u64,
    published: *mut tidings_published,
) -> tidings_status {
    publish_with(engine, publishes, count, published, |engine, messages| {
        engine.post(messages, tag)
    })
}

pub(super) fn subscribe(
    engine: *const tidings_engine,
    connection: u64,
    topic: tidings_str,
) -> tidings_status {
    call(engine, |engine| {
        engine.subscribe(ConnectionId::from_u64(connection), topic.text()?)
    })
}

pub(super) fn unsubscribe(
    engine: *const tidings_engine,
    connection: u64,
    topic: tidings_str,
) -> tidings_status {
    call(engine, |engine| {
        engine.unsubscribe(ConnectionId::from_u64(connection), topic.text()?)
    })
}

pub(super) fn renew(
    engine: *const tidings_engine,
    connection: u64,
    expires_ms: u64,
    grants: *const tidings_str,
    grant_count: usize,
) -> tidings_status {
    call(engine, |engine| {
        let grants = texts(grants, grant_count)?
            .into_iter()
            .map(str::to_owned)
            .collect();
        let expires_ms = (expires_ms != 0).then_some(expires_ms);
        engine.renew(ConnectionId::from_u64(connection), expires_ms, grants)
    })
}

pub(super) fn close(engine: *const tidings_engine, connection: u64) -> tidings_status {
    call(engine, |engine| {
        engine.close(ConnectionId::from_u64(connection))
    })
}

pub(super) fn cursor(engine: *const tidings_engine, cursor: *mut tidings_cursor) -> tidings_status {
    call(engine, |engine| {
        let place = raw::out(cursor)?;
        place.set(tidings_cursor::of(engine.cursor()?));
        Ok(())
    })
}

pub(super) fn stats(engine: *const tidings_engine, stats: *mut tidings_stats) -> tidings_status {
    call(engine, |engine| {
        let place = sized::out(stats)?;
        place.set(&tidings_stats::of(&engine.stats()?));
        Ok(())
    })
}

pub(super) fn drain(engine: *const tidings_engine, over_ms: u64) -> tidings_status {
    call(engine, |engine| {
        engine.drain(Duration::from_millis(over_ms))
    })
}

pub(super) fn poll_output(
    engine: *const tidings_engine,
    output: *mut tidings_engine_output,
) -> tidings_status {
    call(engine, |engine| {
        let place = sized::out(output)?;
        place.set(&tidings_engine_output::of(engine.poll_output())?);
        Ok(())
    })
}

pub(super) fn fd(engine: *const tidings_engine, fd: *mut c_int) -> tidings_status {
    call(engine, |engine| {
        raw::out(fd)?.set(engine.descriptor());
        Ok(())
    })
}

/// This works on a poisoned engine too, and a call that fails here is not remembered.
pub(super) fn error(
    engine: *const tidings_engine,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> tidings_status {
    // SAFETY: as in `call`.
    let Some(tidings_engine(engine)) = (unsafe { engine.as_ref() }) else {
        return TIDINGS_ERR_NULL;
    };
    handle::guard(|| {
        let mut buffer = raw::out_slice(buffer.cast::<u8>(), capacity)?;
        let len = raw::out(len)?;
        let text = engine.error();
        let end = text.floor_char_boundary(TIDINGS_ENGINE_ERROR_BYTES - 1);
        let bytes: Vec<_> = text[..end].bytes().chain([0]).collect();
        buffer.copy_from(&bytes)?;
        len.set(end);
        Ok(())
    })
}

/// This works on a poisoned engine too.
pub(super) fn error_retry_ms(engine: *const tidings_engine, retry_ms: *mut u64) -> tidings_status {
    // SAFETY: as in `call`.
    let Some(tidings_engine(engine)) = (unsafe { engine.as_ref() }) else {
        return TIDINGS_ERR_NULL;
    };
    handle::guard(|| {
        raw::out(retry_ms)?.set(engine.retry_ms());
        Ok(())
    })
}

/// The body of a call, on whatever thread.
fn call(engine: *const tidings_engine, body: impl FnOnce(&Engine) -> Answered) -> tidings_status {
    // SAFETY: null, or an engine that its owner has not freed. It is `Sync`, as is asserted below.
    let Some(tidings_engine(engine)) = (unsafe { engine.as_ref() }) else {
        return TIDINGS_ERR_NULL;
    };
    if engine.is_poisoned() {
        return TIDINGS_ERR_POISONED;
    }
    // What a panic leaves half done is not looked at again.
    match catch_unwind(AssertUnwindSafe(|| body(engine))) {
        Ok(Ok(())) => TIDINGS_OK,
        Ok(Err(refusal)) => engine.refuse(&refusal),
        Err(_) => {
            engine.poison();
            TIDINGS_ERR_PANIC
        }
    }
}

const _: () = {
    const fn is_shared_between_threads<T: Send + Sync>() {}
    is_shared_between_threads::<tidings_engine>();
};

/// Reads events, has them published, and writes the results, unless nobody wants them.
fn publish_with(
    engine: *const tidings_engine,
    publishes: *const tidings_publish,
    count: usize,
    published: *mut tidings_published,
    publish: impl FnOnce(&Engine, Vec<Message>) -> Answered<Vec<Published>>,
) -> tidings_status {
    call(engine, |engine| {
        let room = if published.is_null() { 0 } else { count };
        let mut places = raw::out_slice(published, room)?;
        let rules = engine.rules()?;
        let message = |publish: Checked<tidings_publish>| {
            publish?.with(|publish| Ok(rules.message(publish)?))
        };
        let messages = sized::read_all(publishes, count)?.enumerate();
        let messages = messages
            .map(|(index, publish)| {
                message(publish).map_err(|failure| match count {
                    1 => failure,
                    _ => Failure::Nth(index, Box::new(failure)),
                })
            })
            .collect::<Outcome<_>>()?;
        let done = publish(engine, messages)?;
        for (index, published) in done.iter().enumerate().take(room) {
            places.set(index, tidings_published::of(published));
        }
        Ok(())
    })
}

impl tidings_engine_output {
    fn of(output: Option<Output>) -> Outcome<Self> {
        let mut to = Self {
            size: size_of::<Self>() as u32,
            kind: TIDINGS_ENGINE_NONE as u32,
            tag: 0,
            connection: 0,
            reason: 0,
            status: 0,
            index: 0,
            recipients: 0,
            missed: 0,
        };
        let Some(Output { tag, told }) = output else {
            return Ok(to);
        };
        to.tag = tag;
        match told {
            Told::Closed { connection, reason } => {
                to.kind = TIDINGS_ENGINE_CLOSED as u32;
                to.connection = connection.to_u64();
                to.reason = number(reason)?;
            }
            Told::Gap { connection, gap } => {
                to.kind = TIDINGS_ENGINE_GAP as u32;
                to.connection = connection.to_u64();
                to.reason = gap_number(gap.reason)?;
                to.missed = gap.missed.unwrap_or(TIDINGS_UNCOUNTED);
            }
            Told::Published { index, recipients } => {
                to.kind = TIDINGS_ENGINE_PUBLISHED as u32;
                to.index = index as u64;
                match recipients {
                    Ok(recipients) => to.recipients = recipients as u64,
                    Err(Stopped) => to.status = TIDINGS_ERR_STOPPED as i32,
                }
            }
        }
        Ok(to)
    }
}

/// The number of a reason.
fn gap_number(reason: GapReason) -> Outcome<u32> {
    Ok(match reason {
        GapReason::Lagged => tidings_gap_reason::TIDINGS_GAP_LAGGED,
        GapReason::Trimmed => tidings_gap_reason::TIDINGS_GAP_TRIMMED,
        GapReason::UnknownCursor => tidings_gap_reason::TIDINGS_GAP_UNKNOWN_CURSOR,
        GapReason::ReplayLimit => tidings_gap_reason::TIDINGS_GAP_REPLAY_LIMIT,
        _ => return Err(TIDINGS_ERR_OTHER.into()),
    } as u32)
}

/// Locks what no panic leaves in disorder: it is replaced as a whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

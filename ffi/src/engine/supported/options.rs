//! What C says of an engine and of a stream, as the driver takes it.
//!
//! It does not know the options of the hub; they are those of every hub.

use super::head::head;
use super::refusal::Answered;
use crate::engine::{
    TIDINGS_ADOPT_GAPS, TIDINGS_ADOPT_WRITE_HEAD, tidings_adopt, tidings_engine_options,
};
use crate::failure::Outcome;
use crate::status::tidings_status::*;
use crate::{raw, sized};
use rustix::process::{Resource, getrlimit};
use std::time::Duration;
use tidings_core::Open;
use tidings_smol::{DriverOptions, HubOptions, StreamOptions};

/// Answers to posts that may wait to be polled: 4 MB at most.
const ANSWERS: usize = 65_536;

/// Publishes under way: posts cannot wait, so that there are more than a driver's own default.
const PUBLISH_QUEUE: usize = 1_024;

/// Descriptors that are left to the host and to the system.
const DESCRIPTORS_LEFT: u64 = 256;

impl tidings_engine_options {
    /// The options of the drivers, and how many answers may wait.
    pub(super) fn read(&self) -> Outcome<(DriverOptions, usize)> {
        let mut options = DriverOptions {
            hub: self.hub()?,
            publish_queue: PUBLISH_QUEUE,
            ..DriverOptions::default()
        };
        let mut answers = ANSWERS;
        let set = |option: &mut usize, value: u32| {
            if value != 0 {
                *option = value as usize;
            }
        };
        set(&mut options.shards, self.shards);
        set(&mut options.publish_queue, self.publish_queue);
        set(&mut options.publish_waiters, self.publish_waiters);
        set(
            &mut options.socket.send_buffer_bytes,
            self.send_buffer_bytes,
        );
        set(&mut answers, self.answers);
        if self.publish_wait_ms != 0 {
            options.publish_wait = Duration::from_millis(self.publish_wait_ms);
        }
        if self.unsent_bytes != 0 {
            options.socket.unsent_bytes = self.unsent_bytes;
        }
        if self.user_timeout_ms != 0 {
            options.socket.user_timeout = Duration::from_millis(self.user_timeout_ms.into());
        }
        Ok((options, answers))
    }

    fn hub(&self) -> Outcome<HubOptions> {
        let given = sized::options(self.hub)?;
        let mut hub = given.options()?;
        // 0 lets the driver choose.
        hub.epoch = given.epoch;
        if given.connections == 0 {
            hub.limits.connections = hub.limits.connections.min(descriptors());
        }
        Ok(hub)
    }
}

/// How many streams the process has descriptors for.
fn descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let left = limit.saturating_sub(DESCRIPTORS_LEFT).max(limit / 2);
    usize::try_from(left).unwrap_or(usize::MAX)
}

impl tidings_adopt {
    /// The options of the stream, and whether the host wants to be told of gaps.
    pub(super) fn stream_options(&self) -> Answered<(StreamOptions, bool)> {
        let gaps = self.flags & TIDINGS_ADOPT_GAPS != 0;
        if self.flags & !(TIDINGS_ADOPT_WRITE_HEAD | TIDINGS_ADOPT_GAPS) != 0
            || gaps && self.tag == 0
        {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        let headers = raw::items(self.headers, self.header_count)?;
        let open = sized::options(self.open)?;
        if open.tag != 0 {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        let mut options = open.with(|open| Ok(owned(open)))?;
        if self.flags & TIDINGS_ADOPT_WRITE_HEAD != 0 {
            let preamble = std::mem::replace(&mut options.head, head(headers)?);
            options.head.extend(preamble);
        } else if !headers.is_empty() {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        Ok((options, gaps))
    }
}

fn owned(open: Open<'_>) -> StreamOptions {
    let all = |texts: &[&str]| texts.iter().copied().map(str::to_owned).collect();
    StreamOptions {
        user: open.user.map(str::to_owned),
        tab: open.tab.map(str::to_owned),
        topics: all(open.topics),
        grants: all(open.grants),
        last_event_id: open.last_event_id.map(str::to_owned),
        expires_ms: open.expires_ms,
        lag: open.lag,
        comment_heartbeats: open.comment_heartbeats,
        encoding: open.encoding,
        head: open.preamble.to_vec(),
        ..StreamOptions::default()
    }
}

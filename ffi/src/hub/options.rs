//! Everything about a hub that can be set from C.
//!
//! It does not know the defaults: what is zero is left as the core has it.

use super::open::lag;
use crate::TIDINGS_OFF;
use crate::decoder::set;
use crate::failure::Outcome;
use crate::sized::{self, SizeFirst};
use crate::status::tidings_status::*;
use crate::text::{texts, tidings_str};
use std::mem::offset_of;
use tidings_core::{
    ClassOptions, ControlEvent, ControlOptions, Deadlines, HubOptions, Limits, WhenFull,
};

/// In `tidings_class_options.flags`: keep one value per topic, replaced in place, not a history.
pub const TIDINGS_CLASS_LATEST: u32 = 1;

/// In `tidings_hub_options.flags`: at `user_connections` close the oldest of the user, instead of
/// refusing the new one.
pub const TIDINGS_HUB_REPLACE_OLDEST: u32 = 1;

/// In `tidings_control_event.flags`: do not send it.
pub const TIDINGS_CONTROL_OFF: u32 = 1;

/// The retention of the topics that match its patterns. Zero means default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_class_options {
    /// `sizeof(tidings_class_options)`
    pub size: u32,
    /// `TIDINGS_CLASS_LATEST`, or 0.
    pub flags: u32,
    /// Patterns of topic names: `*` for one segment, `**` for any rest.
    pub topics: *const tidings_str,
    /// How many.
    pub topic_count: usize,
    /// The most events kept; of latest values, topics. Default 50,000.
    pub events: u64,
    /// The most bytes kept, frames and index together. Default 16 MiB.
    pub bytes: u64,
    /// How long an event is kept. Default for ever: until another limit.
    pub age_ms: u64,
    /// The most index records kept, for gaps to be counted. Default four times `events`.
    pub records: u64,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers and pointers.
unsafe impl SizeFirst for tidings_class_options {
    const FIRST_SIZE: usize = offset_of!(Self, records) + size_of::<u64>();
}

/// One of the events that the hub itself sends. This struct never grows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_control_event {
    /// Its type on the wire; absent for its usual name.
    pub name: tidings_str,
    /// JSON to send instead of the hub's own, in one line; absent for the hub's own. A field of the
    /// hub's own in braces stands for its value there, such as `{time_ms}` in that of a heartbeat.
    pub json: tidings_str,
    /// `TIDINGS_CONTROL_OFF`, or 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

/// What a hub is made with. Zero means default, and `TIDINGS_OFF` none or never, for each number from
/// `connections` to `retry_ms`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_hub_options {
    /// `sizeof(tidings_hub_options)`
    pub size: u32,
    /// `TIDINGS_HUB_REPLACE_OLDEST`, or 0.
    pub flags: u32,
    /// The life of the log: random bits or the time, so that cursors of a log that is gone are known to
    /// be old. Default 1.
    pub epoch: u64,
    /// Random bits, for the spread of delays. Default 1.
    pub seed: u64,
    /// The Unix time at `now_ms == 0`. Token expiry is Unix time.
    pub unix_ms_at_zero: u64,
    /// The number of this hub among several of one process, part of its connection ids: 0 to 255.
    pub shard: u32,
    /// A `tidings_lag`.
    pub lag: u32,
    /// Retention by topic, the first match wins; at most 15.
    pub classes: *const tidings_class_options,
    /// How many.
    pub class_count: usize,
    /// The retention of the rest, its patterns are ignored; NULL for defaults.
    pub default_class: *const tidings_class_options,

    /// Connections in total. Default 2^24.
    pub connections: u64,
    /// Connections of one user. Default 100.
    pub user_connections: u64,
    /// Topics and patterns of one connection. Default 1,000.
    pub topics_per_connection: u64,
    /// Grants of one connection. Default 100.
    pub grants_per_connection: u64,
    /// Topics of one publish. Default 100.
    pub topics_per_publish: u64,
    /// Bytes of one topic, pattern, user or tab. Default 256.
    pub name_bytes: u64,
    /// Bytes of a publisher's own event id. Default 256.
    pub id_bytes: u64,
    /// Bytes of one encoded event. Default 1 MiB.
    pub event_bytes: u64,
    /// Events a resume replays; what is beyond them is told as a gap. Default 10,000.
    pub replay_events: u64,
    /// Bytes a resume replays, likewise. Default 1 MiB.
    pub replay_bytes: u64,
    /// Bytes in all of frames that blocked readers are in the middle of while the log has dropped them.
    /// Default 4 MiB.
    pub rescue_bytes: u64,

    /// Deadlines are rounded up to a multiple of this. Default 250.
    pub tick_ms: u64,
    /// A quiet stream is sent a heartbeat after this. Default 30 s.
    pub heartbeat_ms: u64,
    /// A stream without an application event for so long is closed. Default off.
    pub idle_ms: u64,
    /// A stream as old as this is closed. Default off.
    pub age_ms: u64,
    /// A blocked socket that accepts no byte for so long is cut. Default 60 s.
    pub stall_ms: u64,
    /// How long before a token ends `reauth` is sent. Default 60 s.
    pub reauth_ms: u64,
    /// How long a closing stream may take to accept its last bytes. Default 5 s.
    pub linger_ms: u64,
    /// The `retry` of a `bye`, spread by half up and down. Default 2 s.
    pub retry_ms: u64,

    /// Opens a stream: `{"connection","user","topics","cursor"}`.
    pub connected: tidings_control_event,
    /// A quiet stream is alive: `{"time_ms"}`.
    pub heartbeat: tidings_control_event,
    /// Events were missed: `{"missed","from","reason"}`.
    pub gap: tidings_control_event,
    /// The token ends soon: `{"expires_ms"}`.
    pub reauth: tidings_control_event,
    /// The hub closes the stream: `{"reason","retry_ms"}`.
    pub bye: tidings_control_event,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers and pointers.
unsafe impl SizeFirst for tidings_hub_options {
    const FIRST_SIZE: usize = offset_of!(Self, bye) + size_of::<tidings_control_event>();
}

impl tidings_hub_options {
    /// For the core, which checks the rest.
    pub(crate) fn options(&self) -> Outcome<HubOptions> {
        if self.flags & !TIDINGS_HUB_REPLACE_OLDEST != 0 {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        let default = HubOptions::default();
        let or = |value: u64, default: u64| if value == 0 { default } else { value };
        let classes = sized::read_all(self.classes, self.class_count)?;
        Ok(HubOptions {
            epoch: or(self.epoch, default.epoch),
            shard: u8::try_from(self.shard).map_err(|_| TIDINGS_ERR_INVALID)?,
            seed: or(self.seed, default.seed),
            unix_ms_at_zero: self.unix_ms_at_zero,
            classes: classes
                .map(|class| class?.options())
                .collect::<Outcome<_>>()?,
            default_class: match self.default_class.is_null() {
                true => default.default_class,
                false => sized::read(self.default_class)?.default_options()?,
            },
            lag: lag(self.lag)?.unwrap_or(default.lag),
            limits: self.limits(default.limits),
            deadlines: self.deadlines(default.deadlines),
            control: self.control(default.control)?,
        })
    }

    fn limits(&self, mut limits: Limits) -> Limits {
        set(&mut limits.connections, self.connections);
        set(&mut limits.user_connections, self.user_connections);
        set(
            &mut limits.topics_per_connection,
            self.topics_per_connection,
        );
        set(
            &mut limits.grants_per_connection,
            self.grants_per_connection,
        );
        set(&mut limits.topics_per_publish, self.topics_per_publish);
        set(&mut limits.name_bytes, self.name_bytes);
        set(&mut limits.id_bytes, self.id_bytes);
        set(&mut limits.event_bytes, self.event_bytes);
        set(&mut limits.replay_events, self.replay_events);
        set(&mut limits.replay_bytes, self.replay_bytes);
        set(&mut limits.rescue_bytes, self.rescue_bytes);
        if self.flags & TIDINGS_HUB_REPLACE_OLDEST != 0 {
            limits.when_user_full = WhenFull::ReplaceOldest;
        }
        limits
    }

    fn deadlines(&self, default: Deadlines) -> Deadlines {
        Deadlines {
            tick_ms: ms(self.tick_ms, default.tick_ms),
            heartbeat_ms: maybe_ms(self.heartbeat_ms, default.heartbeat_ms),
            idle_ms: maybe_ms(self.idle_ms, default.idle_ms),
            age_ms: maybe_ms(self.age_ms, default.age_ms),
            stall_ms: maybe_ms(self.stall_ms, default.stall_ms),
            reauth_ms: ms(self.reauth_ms, default.reauth_ms),
            linger_ms: ms(self.linger_ms, default.linger_ms),
            retry_ms: ms(self.retry_ms, default.retry_ms),
        }
    }

    fn control(&self, default: ControlOptions) -> Outcome<ControlOptions> {
        Ok(ControlOptions {
            connected: self.connected.event(default.connected)?,
            heartbeat: self.heartbeat.event(default.heartbeat)?,
            gap: self.gap.event(default.gap)?,
            reauth: self.reauth.event(default.reauth)?,
            bye: self.bye.event(default.bye)?,
        })
    }
}

impl tidings_class_options {
    fn options(&self) -> Outcome<ClassOptions> {
        let topics = texts(self.topics, self.topic_count)?;
        self.read(ClassOptions::new(topics))
    }

    /// Those of the class for what no other takes.
    fn default_options(&self) -> Outcome<ClassOptions> {
        self.read(HubOptions::default().default_class)
    }

    fn read(&self, mut class: ClassOptions) -> Outcome<ClassOptions> {
        if self.flags & !TIDINGS_CLASS_LATEST != 0 {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        class.latest = self.flags & TIDINGS_CLASS_LATEST != 0;
        set(&mut class.events, self.events);
        set(&mut class.bytes, self.bytes);
        class.age_ms = maybe_ms(self.age_ms, class.age_ms);
        if self.records != 0 {
            let mut records = 0;
            set(&mut records, self.records);
            class.records = Some(records);
        }
        Ok(class)
    }
}

impl tidings_control_event {
    fn event(&self, default: ControlEvent) -> Outcome<ControlEvent> {
        if self.flags & !TIDINGS_CONTROL_OFF != 0 || self.reserved != 0 {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        Ok(ControlEvent {
            name: self.name.maybe_text()?.map_or(default.name, str::to_owned),
            enabled: self.flags & TIDINGS_CONTROL_OFF == 0,
            json: self.json.maybe_text()?.map(str::to_owned),
        })
    }
}

/// A time that cannot be switched off: then it is 0.
pub(crate) fn ms(value: u64, default: u64) -> u64 {
    match value {
        0 => default,
        TIDINGS_OFF => 0,
        value => value,
    }
}

/// A time that can be switched off.
pub(crate) fn maybe_ms(value: u64, default: Option<u64>) -> Option<u64> {
    match value {
        0 => default,
        TIDINGS_OFF => None,
        value => Some(value),
    }
}

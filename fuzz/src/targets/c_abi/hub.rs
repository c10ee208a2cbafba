//! Calls on a hub.
//!
//! It does not know what it ought to answer.

use super::memory::{Event, Number, Plain, Room, Size, Text, touch, wrote, wrote_both, zeroed};
use super::{Fault, call, went};
use crate::ensure;
use crate::verdict::Verdict;
use arbitrary::Arbitrary;
use std::ptr;
use tidings::{
    tidings_class_options, tidings_hub, tidings_hub_options, tidings_open, tidings_output,
    tidings_publish, tidings_published, tidings_status, tidings_str,
};

#[derive(Arbitrary, Debug)]
pub(super) enum Deed {
    New(Size, Box<Options>),
    Free,
    /// An open with nothing wrong.
    Join(u8),
    /// A publish with nothing wrong, and so many bytes.
    Say(u8, u16),
    Open(Box<Open>),
    Subscribe(Id, Text),
    Unsubscribe(Id, Text),
    Renew(Id, u16, Vec<Text>),
    Publish(Box<Publish>),
    PublishAll(Vec<Publish>, u8),
    Close(Id),
    Drain(u16),
    HandleClosed(Id),
    HandleWritable(Id),
    HandleTimeout,
    PollOutput,
    Transmit(Id, u8),
    Consume(Id, u16),
    /// What a driver does: writes what is ready, of each so much.
    Drive(u16),
    SetUnixMs(u16),
    Look(Id, Look),
}

#[derive(Arbitrary, Debug)]
pub(super) enum Look {
    PollTimeout,
    Cursor,
    Position,
    IsOpen,
    Stats(Size),
    ClassStats(Size, u8),
    Error,
}

/// A connection: one that was opened in some hub, or any number.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Id {
    Last,
    Known(u8),
    Any(u64),
}

impl Id {
    fn of(self, known: &[u64]) -> u64 {
        match self {
            Self::Last => known.last().copied().unwrap_or(0),
            Self::Known(which) => known.get(usize::from(which)).copied().unwrap_or(0),
            Self::Any(id) => id,
        }
    }
}

#[derive(Arbitrary, Debug)]
pub(super) struct Options {
    flags: u8,
    numbers: [Number; 19],
    lag: u8,
    shard: u8,
    class: Option<(Size, Vec<Text>, [Number; 4], u8)>,
    name: Text,
    json: Text,
    control: u8,
}

#[derive(Arbitrary, Debug)]
pub(super) struct Open {
    size: Size,
    flags: u8,
    user: Text,
    tab: Text,
    topics: Vec<Text>,
    grants: Vec<Text>,
    last_event_id: Text,
    expires_ms: u16,
    lag: u8,
    preamble: Text,
    no_lists: bool,
}

#[derive(Arbitrary, Debug)]
pub(super) struct Publish {
    size: Size,
    audience: u8,
    topics: Vec<Text>,
    user: Text,
    to: Option<Id>,
    event: Event,
    except: Option<Id>,
    flags: u8,
}

pub(super) struct Owned(*mut tidings_hub);

impl Default for Owned {
    /// None, until a deed makes one.
    fn default() -> Self {
        Self(ptr::null_mut())
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        call!(tidings_hub_free(self.0));
    }
}

impl Owned {
    /// Makes one with all defaults.
    pub(super) fn make(&mut self) -> Verdict {
        let made = wrote(Room::new(), |made| {
            call!(tidings_hub_new(ptr::null(), made))
        })?;
        ensure!(made.is_some(), "NULL is no options");
        *self = made.map_or_else(Self::default, Self);
        Ok(())
    }

    pub(super) fn does(
        &mut self,
        fault: Fault,
        now_ms: u64,
        known: &mut Vec<u64>,
        deed: &Deed,
    ) -> Verdict {
        let hub = fault.handle(self.0);
        let done = match deed {
            Deed::New(size, options) => return self.renew(fault, *size, options),
            Deed::Free => {
                *self = Self::default();
                return Ok(());
            }
            Deed::Join(topic) => {
                return Open::to(*topic).call(fault, hub, now_ms, known);
            }
            Deed::Say(topic, bytes) => {
                return Publish::on(*topic, *bytes).call(fault, hub, now_ms, known);
            }
            Deed::Open(open) => return open.call(fault, hub, now_ms, known),
            Deed::Publish(publish) => return publish.call(fault, hub, now_ms, known),
            Deed::PublishAll(all, count) => {
                return publish_all(fault, hub, now_ms, known, all, *count);
            }
            Deed::PollOutput => return poll_output(fault, hub, known).map(drop),
            Deed::Transmit(id, capacity) => {
                return transmit(fault, hub, now_ms, id.of(known), *capacity).map(drop);
            }
            Deed::Drive(most) => return drive(fault, hub, known, now_ms, usize::from(*most)),
            Deed::Look(id, look) => return look.call(fault, hub, id.of(known)),
            Deed::Subscribe(id, topic) => {
                call!(tidings_hub_subscribe(hub, id.of(known), topic.raw()))
            }
            Deed::Unsubscribe(id, topic) => {
                call!(tidings_hub_unsubscribe(hub, id.of(known), topic.raw()))
            }
            Deed::Renew(id, expires_ms, grants) => {
                let (grants, expires_ms) = (Text::all(grants), u64::from(*expires_ms));
                let (first, count) = (fault.input(grants.as_ptr()), grants.len());
                let id = id.of(known);
                call!(tidings_hub_renew(hub, now_ms, id, expires_ms, first, count))
            }
            Deed::Close(id) => call!(tidings_hub_close(hub, now_ms, id.of(known))),
            Deed::Drain(over_ms) => call!(tidings_hub_drain(hub, now_ms, u64::from(*over_ms))),
            Deed::HandleClosed(id) => call!(tidings_hub_handle_closed(hub, id.of(known))),
            Deed::HandleWritable(id) => call!(tidings_hub_handle_writable(hub, id.of(known))),
            Deed::HandleTimeout => call!(tidings_hub_handle_timeout(hub, now_ms)),
            Deed::Consume(id, taken) => {
                let taken = usize::from(*taken);
                call!(tidings_hub_consume(hub, now_ms, id.of(known), taken))
            }
            Deed::SetUnixMs(ms) => call!(tidings_hub_set_unix_ms(hub, now_ms, u64::from(*ms))),
        };
        went(done).map(drop)
    }

    fn renew(&mut self, fault: Fault, size: Size, options: &Options) -> Verdict {
        let mut topics = Vec::new();
        let mut class = options.class.as_ref().map(|(size, texts, numbers, flags)| {
            topics = Text::all(texts);
            let [events, bytes, age_ms, records] = numbers.map(Number::raw);
            let class = tidings_class_options {
                flags: u32::from(*flags) % 3,
                topics: topics.as_ptr(),
                topic_count: topics.len(),
                events,
                bytes,
                age_ms,
                records,
                ..zeroed()
            };
            Room::holding(class, *size)
        });
        let mut raw = options.raw();
        if let Some(class) = &mut class {
            match options.control % 2 {
                0 => (raw.classes, raw.class_count) = (class.place(), 1),
                _ => raw.default_class = class.place(),
            }
        }
        let mut raw = Room::holding(raw, size);
        let raw = fault.input(raw.place());
        let made = wrote(Room::new(), |made| {
            call!(tidings_hub_new(raw, fault.out(made)))
        })?;
        if let Some(made) = made {
            *self = Self(made);
        }
        Ok(())
    }
}

impl Options {
    fn raw(&self) -> tidings_hub_options {
        let mut numbers = self.numbers.iter().map(|number| number.raw());
        let mut next = || numbers.next().unwrap_or(0);
        let mut raw: tidings_hub_options = zeroed();
        raw.flags = u32::from(self.flags) % 3;
        raw.shard = u32::from(self.shard) * 2;
        raw.lag = u32::from(self.lag) % 4;
        for number in [
            &mut raw.epoch,
            &mut raw.connections,
            &mut raw.user_connections,
            &mut raw.topics_per_connection,
            &mut raw.grants_per_connection,
            &mut raw.topics_per_publish,
            &mut raw.name_bytes,
            &mut raw.id_bytes,
            &mut raw.event_bytes,
            &mut raw.replay_events,
            &mut raw.replay_bytes,
            &mut raw.rescue_bytes,
            &mut raw.tick_ms,
            &mut raw.heartbeat_ms,
            &mut raw.idle_ms,
            &mut raw.age_ms,
            &mut raw.stall_ms,
            &mut raw.linger_ms,
            &mut raw.retry_ms,
        ] {
            *number = next();
        }
        let control = [
            &mut raw.connected,
            &mut raw.heartbeat,
            &mut raw.gap,
            &mut raw.bye,
        ];
        let control = control.into_iter().nth(usize::from(self.control) % 4);
        if let Some(control) = control {
            control.name = self.name.raw();
            control.json = self.json.raw();
            control.flags = u32::from(self.control) / 64;
        }
        raw
    }
}

impl Open {
    /// By one of two users, who are told of all their misses.
    fn to(topic: u8) -> Self {
        Self {
            size: Size::Right,
            flags: 0,
            user: Text::Usual(4 + topic / 128),
            tab: Text::Absent,
            topics: vec![Text::Usual(topic % 4)],
            grants: Vec::new(),
            last_event_id: Text::Usual(7 + topic % 4),
            expires_ms: 0,
            lag: 0,
            preamble: Text::Absent,
            no_lists: false,
        }
    }

    fn call(
        &self,
        fault: Fault,
        hub: *mut tidings_hub,
        now_ms: u64,
        known: &mut Vec<u64>,
    ) -> Verdict {
        let (topics, grants) = (Text::all(&self.topics), Text::all(&self.grants));
        let list = |list: &Vec<tidings_str>| match self.no_lists {
            true => ptr::null(),
            false => list.as_ptr(),
        };
        let open = tidings_open {
            flags: u32::from(self.flags) % 3,
            user: self.user.raw(),
            tab: self.tab.raw(),
            topics: list(&topics),
            topic_count: topics.len(),
            grants: list(&grants),
            grant_count: grants.len(),
            last_event_id: self.last_event_id.raw(),
            expires_ms: self.expires_ms.into(),
            lag: u32::from(self.lag) % 4,
            preamble: self.preamble.raw(),
            // Where its id will be known.
            tag: match self.size {
                Size::Right | Size::AlsoRight => known.len() as u64 + 1,
                _ => 0,
            },
            ..zeroed()
        };
        let mut open = Room::holding(open, self.size);
        let open = fault.input(open.place());
        let id = wrote(Room::new(), |id| {
            call!(tidings_hub_open(hub, now_ms, open, fault.out(id)))
        })?;
        ensure!(id != Some(0), "a connection of no number");
        known.extend(id);
        Ok(())
    }
}

impl Publish {
    fn on(topic: u8, bytes: u16) -> Self {
        Self {
            size: Size::Right,
            audience: 0,
            topics: vec![Text::Usual(topic % 2)],
            user: Text::Absent,
            to: None,
            event: Event::of(vec![b'x'; usize::from(bytes)]),
            except: None,
            flags: 0,
        }
    }

    fn raw(&self, topics: &[tidings_str], known: &[u64]) -> tidings_publish {
        tidings_publish {
            audience: u32::from(self.audience) % 6,
            topics: topics.as_ptr(),
            topic_count: topics.len(),
            user: self.user.raw(),
            connection: self.to.map_or(0, |id| id.of(known)),
            event: self.event.raw(),
            except: self.except.map_or(0, |id| id.of(known)),
            flags: u32::from(self.flags) % 3,
            ..zeroed()
        }
    }

    fn call(&self, fault: Fault, hub: *mut tidings_hub, now_ms: u64, known: &[u64]) -> Verdict {
        let topics = Text::all(&self.topics);
        let mut publish = Room::holding(self.raw(&topics, known), self.size);
        let publish = fault.input(publish.place());
        // Whoever does not want to know gives NULL.
        wrote(Room::<tidings_published>::new(), |published| {
            call!(tidings_hub_publish(
                hub,
                now_ms,
                publish,
                fault.out(published)
            ))
        })
        .map(drop)
    }
}

fn publish_all(
    fault: Fault,
    hub: *mut tidings_hub,
    now_ms: u64,
    known: &[u64],
    all: &[Publish],
    count: u8,
) -> Verdict {
    let topics: Vec<_> = all
        .iter()
        .map(|publish| Text::all(&publish.topics))
        .collect();
    let mut raw: Vec<_> = all
        .iter()
        .zip(&topics)
        .map(|(publish, topics)| publish.raw(topics, known))
        .collect();
    raw.truncate(4);
    for publish in &mut raw {
        // Now and then one says another size than the others.
        publish.size = match count {
            255 => 7,
            _ => size_of::<tidings_publish>() as u32,
        };
    }
    let first = fault.input(raw.as_ptr());
    // More than memory can hold: all that is read of it is the first.
    let count = match count {
        254 if !raw.is_empty() => usize::MAX,
        _ => raw.len(),
    };
    wrote(Room::<[tidings_published; 4]>::new(), |published| {
        let published = fault.out(published).cast();
        call!(tidings_hub_publish_all(
            hub, now_ms, first, count, published
        ))
    })
    .map(drop)
}

fn poll_output(
    fault: Fault,
    hub: *mut tidings_hub,
    known: &[u64],
) -> Verdict<Option<tidings_output>> {
    let output = wrote(Room::<tidings_output>::new(), |output| {
        call!(tidings_hub_poll_output(hub, fault.out(output)))
    })?;
    let is_known = output.is_none_or(|output| output.kind <= 2 && output.reason <= 10);
    ensure!(is_known, "an output of no kind: {output:?}");
    if let Some(output) = output
        && output.tag != 0
    {
        let tagged = known.get(output.tag as usize - 1);
        ensure!(
            tagged == Some(&output.connection),
            "the tag of another: {output:?}"
        );
    }
    Ok(output)
}

/// How many bytes are offered; nothing if it fails.
fn transmit(
    fault: Fault,
    hub: *mut tidings_hub,
    now_ms: u64,
    id: u64,
    capacity: u8,
) -> Verdict<Option<usize>> {
    let capacity = usize::from(capacity) % 65;
    let offered = wrote_both(|slices: *mut [tidings_str; 64], count| {
        let (slices, count) = (fault.out(slices).cast(), fault.second_out(count));
        call!(tidings_hub_transmit(
            hub, now_ms, id, slices, capacity, count
        ))
    })?;
    let Some((slices, count)) = offered else {
        return Ok(None);
    };
    ensure!(count <= capacity, "more slices than there is room for");
    let mut bytes = 0;
    for slice in &slices[..count] {
        bytes += touch(*slice)?;
    }
    Ok(Some(bytes))
}

fn drive(fault: Fault, hub: *mut tidings_hub, known: &[u64], now_ms: u64, most: usize) -> Verdict {
    for _ in 0..64 {
        let Some(output) = poll_output(fault, hub, known)? else {
            return Ok(());
        };
        if output.kind != 1 {
            continue;
        }
        let id = output.connection;
        let Some(offered) = transmit(fault, hub, now_ms, id, 64)? else {
            continue;
        };
        if offered > 0 {
            let taken = offered.min(most);
            let consumed = went(call!(tidings_hub_consume(hub, now_ms, id, taken)))?;
            ensure!(consumed, "what was offered cannot be consumed");
        }
    }
    Ok(())
}

impl Look {
    fn call(&self, fault: Fault, hub: *mut tidings_hub, id: u64) -> Verdict {
        /// Only whether it is written matters.
        fn see<T: Plain>(room: Room<T>, call: impl FnOnce(*mut T) -> tidings_status) -> Verdict {
            wrote(room, call).map(drop)
        }
        match self {
            Self::PollTimeout => see(Room::new(), |at| {
                call!(tidings_hub_poll_timeout(hub, fault.out(at)))
            }),
            Self::Cursor => see(Room::new(), |cursor| {
                call!(tidings_hub_cursor(hub, fault.out(cursor)))
            }),
            Self::Position => see(Room::new(), |cursor| {
                call!(tidings_hub_position(hub, id, fault.out(cursor)))
            }),
            Self::IsOpen => see(Room::new(), |is_open| {
                call!(tidings_hub_is_open(hub, id, fault.out(is_open)))
            }),
            Self::Stats(size) => see(Room::sized(*size), |stats| {
                call!(tidings_hub_stats(hub, fault.out(stats)))
            }),
            Self::ClassStats(size, index) => see(Room::sized(*size), |stats| {
                let index = usize::from(*index);
                call!(tidings_hub_class_stats(hub, index, fault.out(stats)))
            }),
            Self::Error => {
                let text = wrote(Room::new(), |text| {
                    call!(tidings_hub_error(hub, fault.out(text)))
                })?;
                text.map_or(Ok(0), touch)?;
                see(Room::new(), |retry_ms| {
                    call!(tidings_hub_error_retry_ms(hub, fault.out(retry_ms)))
                })
            }
        }
    }
}

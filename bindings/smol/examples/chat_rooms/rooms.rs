//! Who is in which room, who types there, and what comes of each change.
//!
//! It does not know whom that is told to, and no clock. A room is there as long as somebody is in it. People
//! are in it once, with however many sockets.

use crate::bus::Happening;
use smol::Task;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use tidings_smol::ConnectionId;
use tidings_smol::server::ApiError;

/// Bytes of the name of a room.
const NAME: usize = 40;

/// What is too much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) rooms: usize,
    /// People in one room.
    pub(crate) members: usize,
}

/// A person at one of their sockets.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) socket: ConnectionId,
}

pub(crate) struct Rooms {
    limits: Limits,
    /// By name, and those who are in it by theirs.
    rooms: BTreeMap<String, BTreeMap<String, Member>>,
}

#[derive(Default)]
struct Member {
    sockets: BTreeSet<ConnectionId>,
    typing: Option<Typing>,
}

struct Typing {
    on: ConnectionId,
    until: Instant,
    /// Ends it in time, unless it is dropped with this.
    timer: Task<()>,
}

/// What is to be done when somebody may have typed for long enough.
pub(crate) enum Ends {
    Later(Instant),
    Now(Option<Happening>),
}

impl Rooms {
    pub(crate) const fn new(limits: Limits) -> Self {
        let rooms = BTreeMap::new();
        Self { limits, rooms }
    }

    /// Lets someone in. Who is in already is told who else is.
    ///
    /// # Errors
    /// When there is no room in it, or for it.
    pub(crate) fn join(&mut self, room: &str, who: &Who) -> Result<Vec<Happening>, ApiError> {
        let Limits {
            rooms,
            members: most,
        } = self.limits;
        if !self.rooms.contains_key(room) && self.rooms.len() >= rooms {
            let message = format!("there are {rooms} rooms already: join one of them");
            return Err(ApiError::unavailable("too_many_rooms", message));
        }
        let members = self.rooms.entry(room.to_owned()).or_default();
        let is_new = !members.contains_key(&who.name);
        if is_new && members.len() >= most {
            let message = format!("{most} are in this room: try again when somebody has left");
            return Err(ApiError::unavailable("room_full", message));
        }
        let member = members.entry(who.name.clone()).or_default();
        member.sockets.insert(who.socket);
        let typing = members.iter().filter(|(_, member)| member.typing.is_some());
        let mut happened = vec![Happening::Entered {
            room: room.to_owned(),
            by: who.socket,
            typing: typing.map(|(name, _)| name.clone()).collect(),
            members: members.keys().cloned().collect(),
        }];
        if is_new {
            let (room, name) = (room.to_owned(), who.name.clone());
            happened.push(Happening::Joined { room, name });
        }
        Ok(happened)
    }

    /// Lets a socket out; nothing happens where it is not in.
    pub(crate) fn leave(&mut self, room: &str, who: &Who) -> Option<Happening> {
        let members = self.rooms.get_mut(room)?;
        let member = members.get_mut(&who.name)?;
        if !member.sockets.remove(&who.socket) {
            return None;
        }
        if !member.sockets.is_empty() {
            let typed_here = member.typing.take_if(|typing| typing.on == who.socket);
            return typed_here.map(|_| typing(room, &who.name, false));
        }
        members.remove(&who.name);
        if members.is_empty() {
            self.rooms.remove(room);
        }
        let (room, name) = (room.to_owned(), who.name.clone());
        Some(Happening::Left { room, name })
    }

    /// Lets a socket out of all that it is in.
    pub(crate) fn leave_all(&mut self, who: &Who) -> Vec<Happening> {
        let rooms: Vec<_> = self.rooms.keys().cloned().collect();
        let left = rooms.iter().filter_map(|room| self.leave(room, who));
        left.collect()
    }

    /// Notes that somebody types until then. The timer is for those who begin.
    ///
    /// # Errors
    /// When they are not in the room.
    pub(crate) fn types(
        &mut self,
        room: &str,
        who: &Who,
        until: Instant,
        timer: impl FnOnce() -> Task<()>,
    ) -> Result<Option<Happening>, ApiError> {
        let member = self.member(room, who)?;
        let on = who.socket;
        if let Some(typing) = &mut member.typing {
            (typing.on, typing.until) = (on, until);
            return Ok(None);
        }
        let timer = timer();
        member.typing = Some(Typing { on, until, timer });
        Ok(Some(typing(room, &who.name, true)))
    }

    /// Notes that somebody types no more.
    ///
    /// # Errors
    /// When they are not in the room.
    pub(crate) fn stops(&mut self, room: &str, who: &Who) -> Result<Option<Happening>, ApiError> {
        let typed = self.member(room, who)?.typing.take();
        Ok(typed.map(|_| typing(room, &who.name, false)))
    }

    /// Notes that time has passed for somebody who typed.
    pub(crate) fn time_passed(&mut self, room: &str, name: &str, now: Instant) -> Ends {
        let member = self.rooms.get_mut(room).and_then(|room| room.get_mut(name));
        let Some(Member { typing: typed, .. }) = member else {
            return Ends::Now(None);
        };
        match typed.take_if(|typing| typing.until <= now) {
            Some(Typing { timer, .. }) => {
                // It is what asks, and has yet to tell.
                timer.detach();
                Ends::Now(Some(typing(room, name, false)))
            }
            None => typed
                .as_ref()
                .map_or(Ends::Now(None), |typing| Ends::Later(typing.until)),
        }
    }

    /// # Errors
    /// When they are not in the room.
    fn member(&mut self, room: &str, who: &Who) -> Result<&mut Member, ApiError> {
        let members = self.rooms.get_mut(room);
        let member = members.and_then(|members| members.get_mut(&who.name));
        let member = member.filter(|member| member.sockets.contains(&who.socket));
        member.ok_or_else(|| {
            ApiError::bad(
                "not_in_room",
                format!("join {room:?} before you speak in it"),
            )
        })
    }

    /// All rooms, and how many are in each, and type there.
    pub(crate) fn list(&self) -> Vec<(&str, usize, usize)> {
        let types = |member: &&Member| member.typing.is_some();
        let rooms = self.rooms.iter();
        rooms
            .map(|(room, members)| {
                let typing = members.values().filter(types).count();
                (&**room, members.len(), typing)
            })
            .collect()
    }
}

fn typing(room: &str, name: &str, on: bool) -> Happening {
    let (room, name) = (room.to_owned(), name.to_owned());
    Happening::Typing { room, name, on }
}

/// # Errors
/// When no room can be called so.
pub(crate) fn check_name(room: &str) -> Result<(), ApiError> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if room.is_empty() || room.len() > NAME || !room.chars().all(allowed) {
        let message = format!("the name of a room is 1 to {NAME} bytes: letters, digits, - and _");
        return Err(ApiError::bad("invalid_room", message));
    }
    Ok(())
}

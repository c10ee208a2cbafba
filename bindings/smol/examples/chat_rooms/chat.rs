//! What people say on their sockets, and what comes of it.
//!
//! It does not know how the others hear of it. Messages of one person come one after the other, whatever
//! the number of their sockets: the server sees to that. A change and what is told of it are one step under
//! one lock, so that what is told last is how things are.

use crate::bus::{Bus, Happening};
use crate::feed::topic;
use crate::rooms::{Ends, Limits, Rooms, Who, check_name};
use async_channel::bounded;
use serde::Deserialize;
use serde_json::{Value, json};
use smol::Timer;
use smol::lock::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tidings_smol::server::{ApiError, Ask, Reply, Socket, SocketHandler};
use tidings_smol::{Answer, Hub, NotPublished, StreamOptions, unix_ms};

/// Characters of a name, of what is said, and of the id that its sender gives it.
const NAME: usize = 24;
const TEXT: usize = 1_000;
const ID: usize = 40;

/// Who has not typed for so long has stopped.
const TYPING: Duration = Duration::from_secs(3);

/// The chat; cheap to clone.
#[derive(Clone)]
pub(crate) struct Chat(Arc<Shared>);

struct Shared {
    hub: Hub,
    bus: Bus,
    rooms: Mutex<Rooms>,
    /// Sockets that there may be, and that there are.
    seats: usize,
    taken: AtomicUsize,
}

/// What a client asks for.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
enum Asked {
    JoinRoom {
        room: String,
    },
    LeaveRoom {
        room: String,
    },
    Message {
        room: String,
        text: String,
        id: Option<String>,
    },
    Typing {
        room: String,
        on: bool,
    },
}

/// `GET /api/rooms`
pub(crate) async fn list(chat: &Chat, _: Ask<'_>) -> Reply {
    let rooms = chat.0.rooms.lock().await;
    let rooms = rooms.list().into_iter();
    let rooms = rooms.map(
        |(room, members, typing)| json!({ "room": room, "members": members, "typing": typing }),
    );
    Ok(Answer::json(&rooms.collect::<Value>()))
}

/// `GET /chat?name=…`: a socket. One that comes back says in `rooms`, with commas between, what it was
/// in, and in `last_event_id` where it was, and gets what was said there meanwhile.
pub(crate) async fn open(chat: &Chat, ask: Ask<'_>) -> Reply {
    let name = ask.query("name").unwrap_or_default().trim().to_owned();
    let (seat, topics) = match admit(chat, &ask, &name) {
        Ok(admitted) => admitted,
        Err(refused) => {
            chat.0.bus.tell(Happening::Refused).await;
            return Err(refused);
        }
    };
    let options = StreamOptions {
        user: Some(name),
        topics,
        ..StreamOptions::default()
    };
    ask.socket(options, seat).await
}

fn admit(chat: &Chat, ask: &Ask<'_>, name: &str) -> Result<(Seat, Vec<String>), ApiError> {
    if !is_text(name, NAME) || name.contains(char::is_control) {
        let message = format!("a name has 1 to {NAME} characters, in one line");
        return Err(ApiError::bad("invalid_name", message));
    }
    let rooms = ask.query("rooms").unwrap_or_default();
    let rooms = rooms.split(',').filter(|room| !room.is_empty());
    let topics = rooms.map(|room| check_name(room).map(|()| topic(room)));
    Ok((Seat::take(chat)?, topics.collect::<Result<_, _>>()?))
}

/// One socket's place, which is free again when it is dropped.
struct Seat(Chat);

impl Seat {
    fn take(chat: &Chat) -> Result<Self, ApiError> {
        let Shared { taken, seats, .. } = &*chat.0;
        let seat = Self(chat.clone());
        if taken.fetch_add(1, Ordering::Relaxed) < *seats {
            return Ok(seat);
        }
        let message = format!("all {seats} seats are taken: try again later");
        Err(ApiError::unavailable("chat_full", message))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl SocketHandler for Seat {
    async fn message(&self, socket: &Socket, message: Value) -> Result<Value, ApiError> {
        let Self(chat) = self;
        let asked = serde_json::from_value(without_ref(message));
        let answer = match asked {
            Ok(asked) => chat.handle(who(socket), asked).await,
            Err(error) => Err(ApiError::bad("invalid_message", error.to_string())),
        };
        if answer.is_err() {
            chat.0.bus.tell(Happening::Refused).await;
        }
        answer
    }

    fn closed(&self, socket: &Socket) {
        let (chat, who) = (self.0.clone(), who(socket));
        let leave = async move { chat.change(|rooms| Ok(rooms.leave_all(&who))).await };
        smol::spawn(leave).detach();
    }
}

impl Chat {
    pub(crate) fn new(hub: Hub, bus: Bus, seats: usize, limits: Limits) -> Self {
        Self(Arc::new(Shared {
            hub,
            bus,
            rooms: Mutex::new(Rooms::new(limits)),
            seats,
            taken: AtomicUsize::new(0),
        }))
    }

    async fn handle(&self, who: Who, asked: Asked) -> Result<Value, ApiError> {
        match asked {
            Asked::JoinRoom { room } => self.join(who, room).await,
            Asked::LeaveRoom { room } => self.leave(who, room).await,
            Asked::Message { room, text, id } => self.say(who, room, text, id).await,
            Asked::Typing { room, on } => self.types(who, room, on).await,
        }
    }

    /// Changes something, and tells what happened by that before anything else changes.
    async fn change<T: IntoIterator<Item = Happening>>(
        &self,
        change: impl FnOnce(&mut Rooms) -> Result<T, ApiError>,
    ) -> Result<(), ApiError> {
        let mut rooms = self.0.rooms.lock().await;
        for happening in change(&mut rooms)? {
            self.0.bus.tell(happening).await;
        }
        Ok(())
    }

    async fn join(&self, who: Who, room: String) -> Result<Value, ApiError> {
        check_name(&room)?;
        let Shared { hub, .. } = &*self.0;
        let topics = || vec![topic(&room)];
        // It hears the room before it is told who is there, and so misses nobody who comes then.
        hub.change_topics(who.socket, topics(), Vec::new()).await?;
        let joined = self.change(|rooms| rooms.join(&room, &who)).await;
        if joined.is_err() {
            // Who has left has no topics.
            let _ = hub.change_topics(who.socket, Vec::new(), topics()).await;
        }
        joined.map(|()| json!({ "room": room }))
    }

    async fn leave(&self, who: Who, room: String) -> Result<Value, ApiError> {
        check_name(&room)?;
        let remove = vec![topic(&room)];
        let Shared { hub, .. } = &*self.0;
        hub.change_topics(who.socket, Vec::new(), remove).await?;
        self.change(|rooms| Ok(rooms.leave(&room, &who))).await?;
        Ok(json!({ "room": room }))
    }

    async fn say(
        &self,
        who: Who,
        room: String,
        text: String,
        id: Option<String>,
    ) -> Result<Value, ApiError> {
        if !is_text(&text, TEXT) {
            let message = format!("a text has 1 to {TEXT} characters");
            return Err(ApiError::bad("invalid_text", message));
        }
        let is_id = |id: &String| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
            (1..=ID).contains(&id.len()) && id.chars().all(allowed)
        };
        if !id.as_ref().is_none_or(is_id) {
            let message = format!("an id has 1 to {ID} letters, digits and -");
            return Err(ApiError::bad("invalid_id", message));
        }
        let at_ms = unix_ms();
        let (name, by) = (who.name.clone(), who.socket);
        let (done, is_done) = bounded(1);
        self.change(|rooms| {
            rooms.stops(&room, &who)?;
            Ok([Happening::Said {
                room,
                name,
                text,
                at_ms,
                id,
                by,
                done,
            }])
        })
        .await?;
        // An answer means that it is told, be the server about to stop.
        is_done.recv().await.unwrap_or(Err(NotPublished::Stopped))?;
        Ok(json!({ "at_ms": at_ms }))
    }

    async fn types(&self, who: Who, room: String, on: bool) -> Result<Value, ApiError> {
        self.change(|rooms| {
            if on {
                let timer =
                    || smol::spawn(self.clone().stop_typing(room.clone(), who.name.clone()));
                rooms.types(&room, &who, Instant::now() + TYPING, timer)
            } else {
                rooms.stops(&room, &who)
            }
        })
        .await?;
        Ok(Value::Null)
    }

    /// Tells the others when somebody has stopped typing.
    async fn stop_typing(self, room: String, name: String) {
        let mut until = Instant::now() + TYPING;
        loop {
            Timer::at(until).await;
            let mut rooms = self.0.rooms.lock().await;
            match rooms.time_passed(&room, &name, Instant::now()) {
                Ends::Later(later) => until = later,
                Ends::Now(stopped) => {
                    if let Some(happening) = stopped {
                        self.0.bus.tell(happening).await;
                    }
                    return;
                }
            }
        }
    }
}

fn who(socket: &Socket) -> Who {
    let name = socket.user().unwrap_or_default().to_owned();
    let socket = socket.connection();
    Who { name, socket }
}

/// Whether it says something, in no more characters than that.
fn is_text(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most
}

/// `ref` is the server's.
fn without_ref(mut message: Value) -> Value {
    if let Some(object) = message.as_object_mut() {
        object.remove("ref");
    }
    message
}

//! What the readers of a room are told of what happens in it.
//!
//! It does not know sockets. The topic of a room in the hub is `rooms/NAME`, and whoever follows that, over
//! a socket or as an event stream, is told the same.

use crate::bus::Happening;
use async_channel::{Receiver, Sender};
use serde_json::{Value, json};
use smol::Timer;
use std::time::Duration;
use tidings_smol::{Audience, ConnectionId, Event, EventError, Hub, NotPublished, Publish};

/// After so long, what could not be published for want of room is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// What a room is called in the hub.
pub(crate) fn topic(room: &str) -> String {
    format!("rooms/{room}")
}

/// What is published of something that happened.
struct Told {
    to: To,
    event: &'static str,
    data: String,
    id: Option<String>,
    except: Option<ConnectionId>,
    /// Hears whether it was.
    done: Option<Sender<Result<(), NotPublished>>>,
}

enum To {
    Topic(String),
    Socket(ConnectionId),
}

/// Tells what happens, as long as anything does. A hub that has ended takes nothing; who waits hears that.
pub(crate) async fn feed(hub: Hub, happenings: Receiver<Happening>) {
    while let Ok(happening) = happenings.recv().await {
        let Some(told) = told(happening) else {
            continue;
        };
        let published = publish(&hub, &told).await;
        if let Err(error @ NotPublished::Refused(_)) = &published {
            // It is nothing that comes from what people say, which was checked.
            tracing::error!(event = told.event, %error, "it could not be told");
        }
        if let Some(done) = told.done {
            // Who has left does not wait.
            let _ = done.try_send(published);
        }
    }
}

fn told(happening: Happening) -> Option<Told> {
    let to_room = |room: &str, event, data: Value| Told {
        to: To::Topic(topic(room)),
        event,
        data: data.to_string(),
        id: None,
        except: None,
        done: None,
    };
    Some(match happening {
        Happening::Entered {
            room,
            by,
            members,
            typing,
        } => {
            let data = json!({ "room": room, "members": members, "typing": typing });
            Told {
                to: To::Socket(by),
                ..to_room(&room, "members", data)
            }
        }
        Happening::Joined { room, name } => to_room(&room, "joined", json!({ "name": name })),
        Happening::Left { room, name } => to_room(&room, "left", json!({ "name": name })),
        Happening::Said {
            room,
            name,
            text,
            at_ms,
            id,
            by,
            done,
        } => Told {
            // Nobody can take the id of what another says.
            id: id.map(|id| format!("{name}/{id}")),
            // Whoever says it knows it from the answer.
            except: Some(by),
            done: Some(done),
            ..to_room(
                &room,
                "message",
                json!({ "name": name, "text": text, "at_ms": at_ms }),
            )
        },
        Happening::Typing { room, name, on } => {
            to_room(&room, "typing", json!({ "name": name, "on": on }))
        }
        Happening::Refused => return None,
    })
}

async fn publish(hub: &Hub, told: &Told) -> Result<(), NotPublished> {
    let audience = match &told.to {
        To::Topic(topic) => Audience::Topic(topic),
        To::Socket(socket) => Audience::Connection(*socket),
    };
    let event = event(told).expect("names and ids have no line breaks");
    let publish = Publish {
        except: told.except,
        ..Publish::to(audience, event)
    };
    loop {
        match hub.publish(&publish).await {
            Err(NotPublished::Busy) => Timer::after(AGAIN).await,
            Err(error) => return Err(error),
            Ok(_) => return Ok(()),
        };
    }
}

fn event(told: &Told) -> Result<Event<'_>, EventError> {
    let event = Event::message(&told.data).with_event(told.event)?;
    match &told.id {
        Some(id) => event.with_id(id),
        None => Ok(event),
    }
}

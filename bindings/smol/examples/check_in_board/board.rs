//! The routes of the board: streams for supervisors, doors through which students come and go.
//!
//! It does not know what may be told of a student; `display` does.

use crate::display::{Happened, ShownGroup, ShownStudent};
use crate::school::{School, Supervisor};
use crate::session::{self, DOOR, Sessions, group_of, topic};
use hyper::header::SET_COOKIE;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidings_smol::server::{ApiError, Ask, Reply};
use tidings_smol::{
    Answer, Audience, Event, Hub, Message, NotPublished, OnClose, OnGap, OnOpen, Publish,
    StreamOptions,
};
use tracing::{debug, info, warn};

/// Everyone's, here. An application of yours asks whoever knows its users.
const PASSWORD: &str = "regenbogen";

/// What the routes share.
pub(crate) struct Board {
    school: RefCell<School>,
    sessions: Sessions,
    /// Streams that are open.
    clients: Arc<AtomicUsize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    name: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Coming {
    student_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assignment {
    active_group_id: String,
    supervises: bool,
}

/// All there is, for the terminal at the door.
#[derive(Serialize)]
struct Overview<'a> {
    total_clients: usize,
    groups: Vec<WatchedGroup>,
    students: Vec<ShownStudent>,
    staff: Vec<&'a Supervisor>,
}

#[derive(Serialize)]
struct WatchedGroup {
    #[serde(flatten)]
    group: ShownGroup,
    subscribers: usize,
}

impl Board {
    pub(crate) fn new(sessions: Sessions) -> Self {
        Self {
            school: RefCell::new(School::load()),
            sessions,
            clients: Arc::default(),
        }
    }

    /// Signs in, with a name and a password.
    pub(crate) async fn sign_in(&self, ask: Ask<'_>) -> Reply {
        let client = ask.client();
        let SignIn { name, password } = ask.json().await?;
        let school = self.school.borrow();
        let known = school.signed_in_as(&name);
        let known = known.filter(|_| password == PASSWORD).ok_or_else(|| {
            ApiError::unauthorized("wrong_password", "the name or the password is wrong")
        })?;
        let cookie = self.sessions.begin(client, &known.user_id)?;
        Ok(self.token_of(known)?.with_header(SET_COOKIE, cookie))
    }

    /// A new token, as long as the session lasts.
    pub(crate) async fn refresh(&self, ask: Ask<'_>) -> Reply {
        let user_id = self.sessions.user_of(&ask)?;
        let school = self.school.borrow();
        let known = school.supervisor(&user_id);
        let known = known.ok_or_else(|| ApiError::forbidden("you do not work here any more"))?;
        self.token_of(known)
    }

    pub(crate) async fn sign_out(&self, ask: Ask<'_>) -> Reply {
        Ok(Answer::done().with_header(SET_COOKIE, session::end(ask.client())?))
    }

    fn token_of(&self, supervisor: &Supervisor) -> Reply {
        Ok(Answer::json(&json!({
            "token": self.sessions.token(supervisor)?,
            "user_id": supervisor.user_id,
            "name": supervisor.name,
            "groups": supervisor.supervises,
        })))
    }

    /// A stream of the groups that the token names.
    pub(crate) async fn events(&self, mut ask: Ask<'_>) -> Reply {
        let user_id = ask.user().await?;
        let topics = ask.identity().await?.access.subscribe.clone();
        let options = StreamOptions {
            topics,
            ..StreamOptions::default()
        };
        ask.stream(self.watched(options, user_id)).await
    }

    /// A stream whose begin, losses and end are in the log.
    fn watched(&self, options: StreamOptions, user_id: String) -> StreamOptions {
        let groups: Vec<_> = options.topics.iter().map(|name| group_of(name)).collect();
        let subscribed_groups = format!("[{}]", groups.join(","));
        let is_empty = groups.is_empty();
        let user_id: Arc<str> = user_id.into();
        let (opening, closing) = (self.clients.clone(), self.clients.clone());
        let (opened, behind, closed) = (user_id.clone(), user_id.clone(), user_id);
        StreamOptions {
            on_open: Some(OnOpen::new(move |_, ()| {
                let total_clients = opening.fetch_add(1, Ordering::Relaxed) + 1;
                info!(user_id = %opened, %subscribed_groups, total_clients, "SSE client connected");
                if is_empty {
                    info!(user_id = %opened, "SSE connection - no active supervisions");
                }
            })),
            on_gap: Some(OnGap::new(move |_, gap| {
                warn!(user_id = %behind, missed = gap.missed, "SSE client fell behind");
            })),
            on_close: Some(OnClose::new(move |_, _| {
                let total_clients = closing.fetch_sub(1, Ordering::Relaxed) - 1;
                info!(user_id = %closed, total_clients, "SSE client disconnected");
            })),
            ..options
        }
    }

    /// Lets a stream go on with a new token. Where that names other groups, the stream says so itself:
    /// what comes after is of these.
    pub(crate) async fn renew(&self, mut ask: Ask<'_>) -> Reply {
        let (hub, connection) = (ask.hub(), ask.param("id").to_owned());
        let mut renewed = ask.renew(&connection).await?;
        let allowed = &ask.identity().await?.access.subscribe;
        let gained = allowed
            .iter()
            .filter(|topic| !renewed.topics.contains(topic));
        let gained: Vec<_> = gained.cloned().collect();
        if gained.is_empty() && renewed.dropped.is_empty() {
            return Ok(Answer::json(&renewed));
        }
        let connection = renewed.connection;
        hub.change_topics(connection, gained.clone(), Vec::new())
            .await?;
        let groups: Vec<_> = allowed.iter().map(|topic| group_of(topic)).collect();
        let data = json!({ "groups": groups }).to_string();
        let event = event("supervisions", &data)?;
        hub.publish(&Publish::to(Audience::Connection(connection), event))
            .await?;
        renewed.topics.extend(gained);
        Ok(Answer::json(&renewed))
    }

    /// A group and all who are there: one answer, whatever was missed.
    pub(crate) async fn visits(&self, mut ask: Ask<'_>) -> Reply {
        let id = self.own_group(&mut ask).await?;
        let school = self.school.borrow();
        Ok(Answer::json(&school.shown(school.group(&id)?)))
    }

    pub(crate) async fn students(&self, mut ask: Ask<'_>) -> Reply {
        ask.user().await?;
        Ok(Answer::json(&self.school.borrow().shown_students()))
    }

    pub(crate) async fn check_in(&self, mut ask: Ask<'_>) -> Reply {
        let group = self.own_group(&mut ask).await?;
        let hub = ask.hub();
        let Coming { student_id } = ask.json().await?;
        self.happen(hub, |school| school.check_in(&student_id, &group))
            .await
    }

    pub(crate) async fn check_out(&self, mut ask: Ask<'_>) -> Reply {
        let group = self.own_group(&mut ask).await?;
        let student = ask.param("student");
        self.happen(ask.hub(), |school| school.check_out(student, &group))
            .await
    }

    pub(crate) async fn start(&self, mut ask: Ask<'_>) -> Reply {
        let group = self.own_group(&mut ask).await?;
        self.happen(ask.hub(), |school| school.start_activity(&group))
            .await
    }

    pub(crate) async fn end(&self, mut ask: Ask<'_>) -> Reply {
        let group = self.own_group(&mut ask).await?;
        self.happen(ask.hub(), |school| school.end_activity(&group))
            .await
    }

    /// The group of the path, if whoever asks may do something about it: its supervisors by their
    /// token, and the doors.
    async fn own_group(&self, ask: &mut Ask<'_>) -> Result<String, ApiError> {
        let group = ask.param("id").to_owned();
        let identity = ask.identity().await?;
        if identity.server.as_deref() == Some(DOOR) {
            return Ok(group);
        }
        let is_own = identity.access.subscribe.contains(&topic(&group));
        ask.user().await?;
        is_own
            .then_some(group)
            .ok_or_else(|| ApiError::forbidden("only who supervises a group sees it"))
    }

    /// Tells it, and then it is so. The turn has no wait in it: what is told stands in the order in which
    /// it was true.
    async fn happen(
        &self,
        hub: &Hub,
        what: impl FnOnce(&School) -> Result<Vec<Happened>, ApiError>,
    ) -> Reply {
        let happened = what(&self.school.borrow())?;
        if happened.is_empty() {
            return Ok(Answer::json(&happened));
        }
        let messages: Result<_, _> = happened.iter().map(|one| message(hub, one)).collect();
        let posted = hub.try_publish_all(messages?)?;
        self.school.borrow_mut().apply(&happened);
        let published = posted.await.map_err(|_| NotPublished::Stopped)?;
        for (one, published) in happened.iter().zip(published) {
            let (event_type, active_group_id) = (one.kind.as_str(), &one.active_group_id);
            match published.recipients {
                0 => debug!(%active_group_id, event_type, "No SSE subscribers for group"),
                recipient_count => {
                    debug!(%active_group_id, event_type, recipient_count, "SSE event broadcast");
                }
            }
        }
        Ok(Answer::json(&happened))
    }

    /// For the terminal: who is where, and how many watch.
    pub(crate) async fn overview(&self, mut ask: Ask<'_>) -> Reply {
        door(&mut ask).await?;
        let topics = ask.hub().topics_after("groups/", 100).await;
        let topics = topics.map_err(|_| NotPublished::Stopped)?;
        let watching: BTreeMap<_, _> = topics
            .iter()
            .map(|topic| (group_of(&topic.name), topic.subscribers))
            .collect();
        let school = self.school.borrow();
        let groups = school.groups().map(|group| WatchedGroup {
            group: school.shown(group),
            subscribers: *watching.get(&*group.active_group_id).unwrap_or(&0),
        });
        Ok(Answer::json(&Overview {
            total_clients: self.clients.load(Ordering::Relaxed),
            groups: groups.collect(),
            students: school.shown_students(),
            staff: school.staff().iter().collect(),
        }))
    }

    /// Says who supervises a group. Their next token says it, too.
    pub(crate) async fn assign(&self, mut ask: Ask<'_>) -> Reply {
        door(&mut ask).await?;
        let user_id = ask.param("id").to_owned();
        let Assignment {
            active_group_id,
            supervises,
        } = ask.json().await?;
        let mut school = self.school.borrow_mut();
        school.assign(&user_id, &active_group_id, supervises)?;
        Ok(Answer::done())
    }
}

/// Whether it is the terminal that asks.
async fn door(ask: &mut Ask<'_>) -> Result<(), ApiError> {
    let is_door = ask.identity().await?.server.as_deref() == Some(DOOR);
    is_door
        .then_some(())
        .ok_or_else(|| ApiError::forbidden("only the terminal, which has the key of the doors"))
}

fn message(hub: &Hub, happened: &Happened) -> Result<Message, ApiError> {
    let data = json!(happened).to_string();
    let topic = topic(&happened.active_group_id);
    let event = event(happened.kind.as_str(), &data)?;
    let message = hub
        .rules()
        .message(&Publish::to(Audience::Topic(&topic), event));
    Ok(message?)
}

fn event<'a>(kind: &'a str, data: &'a str) -> Result<Event<'a>, ApiError> {
    let event = Event::message(data).with_event(kind);
    event.map_err(|error| ApiError::bad("invalid_event", error.to_string()))
}

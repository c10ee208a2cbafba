//! Sockets of an application's own, with messages of its own types.

use crate::support::guarded::{bearer, options, reading, token};
use crate::support::{Local, Socket, eventually};
use serde_json::{Value, json};
use smol::lock::Semaphore;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tidings_smol::server::{ApiError, App, Ask, Reply, ServerOptions, SocketHandler};
use tidings_smol::{Hub, StreamOptions};

/// Rooms, each a topic, and who is in which.
#[derive(Clone, Default)]
struct Rooms {
    members: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
    /// What was done, in order.
    done: Arc<Mutex<Vec<String>>>,
    /// Messages of type `wait` go on with one of these.
    leave: Arc<Leave>,
}

struct Leave(Semaphore);

impl Default for Leave {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

struct Member {
    hub: Hub,
    rooms: Rooms,
}

impl Rooms {
    fn note(&self, what: String) {
        self.done.lock().expect("no panic").push(what);
    }

    fn done(&self) -> Vec<String> {
        self.done.lock().expect("no panic").clone()
    }

    fn members(&self) -> BTreeMap<String, Vec<String>> {
        self.members.lock().expect("no panic").clone()
    }
}

impl SocketHandler for Member {
    async fn message(
        &self,
        socket: &tidings_smol::server::Socket,
        message: Value,
    ) -> Result<Value, ApiError> {
        let room = message["room"].as_str().unwrap_or_default().to_owned();
        let user = socket.user().unwrap_or_default().to_owned();
        match message["type"].as_str() {
            Some("join-room") => {
                let topics = vec![format!("rooms/{room}")];
                let joined = self
                    .hub
                    .change_topics(socket.connection(), topics, Vec::new());
                joined
                    .await
                    .map_err(|error| ApiError::bad("not_joined", error.to_string()))?;
                let mut members = self.rooms.members.lock().expect("no panic");
                let members = members.entry(room).or_default();
                members.push(user);
                Ok(json!({ "members": members }))
            }
            Some("wait") => {
                let number = message["number"].clone();
                self.rooms.note(format!("begin {number}"));
                self.rooms.leave.0.acquire().await.forget();
                self.rooms.note(format!("end {number}"));
                Ok(Value::Null)
            }
            Some("panic") => panic!("as a mistake in an application would"),
            _ => Err(ApiError::bad(
                "unknown_type",
                "there are join-room and wait",
            )),
        }
    }

    fn closed(&self, socket: &tidings_smol::server::Socket) {
        let user = socket.user().unwrap_or_default();
        let mut members = self.rooms.members.lock().expect("no panic");
        for room in members.values_mut() {
            room.retain(|member| member != user);
        }
        members.retain(|_, room| !room.is_empty());
        drop(members);
        self.rooms.note(format!("{user} left"));
    }
}

fn start(options: ServerOptions, rooms: &Rooms) -> Local {
    let rooms = rooms.clone();
    Local::start_with(options, move || {
        let open = rooms.clone();
        let open = async move |mut ask: Ask<'_>| -> Reply {
            let user = ask.query("user");
            let user = match user {
                Some(user) => user,
                None => ask.user().await?,
            };
            let options = StreamOptions {
                user: Some(user),
                ..StreamOptions::default()
            };
            let member = Member {
                hub: ask.hub().clone(),
                rooms: open.clone(),
            };
            ask.socket(options, member).await
        };
        App::new().get("/rooms", open)
    })
}

fn open(server: &Local, user: &str) -> Socket {
    let target = format!("/rooms?user={user}");
    let mut socket = Socket::try_open(server.address, &target, &[]).expect("it is opened");
    socket.connected();
    socket
}

#[test]
fn messages_of_other_types_are_the_applications() {
    let rooms = Rooms::default();
    let server = start(ServerOptions::default(), &rooms);
    let (mut ada, mut bob) = (open(&server, "ada"), open(&server, "bob"));
    let join = json!({ "type": "join-room", "room": "1", "ref": 1 });
    let expected = json!({ "type": "answer", "ref": 1, "data": { "members": ["ada"] } });
    assert_eq!(ada.ask(&join), expected);
    assert_eq!(bob.ask(&join)["data"]["members"], json!(["ada", "bob"]));
    let event = json!({ "topics": ["rooms/1"], "data": "hello" }).to_string();
    assert_eq!(
        server.request("POST /publish", &[], &event).json()["recipients"],
        2
    );
    assert_eq!(ada.messages(1), ["hello"]);
    ada.say(&json!({ "type": "dance", "ref": 2 }));
    assert_eq!(ada.error(), "unknown_type");
    // Nobody asked who this is, so that the server's own types do nothing.
    ada.say(&json!({ "type": "publish", "topics": ["rooms/1"], "data": "x" }));
    assert_eq!(ada.error(), "forbidden");
    drop(ada);
    eventually("a client that vanishes has left its rooms", || {
        let members = rooms.members();
        (members["1"] == ["bob"])
            .then_some(())
            .ok_or(format!("{members:?}"))
    });
    bob.close(1000);
    eventually("and one that closes, too", || {
        let members = rooms.members();
        members
            .is_empty()
            .then_some(())
            .ok_or(format!("{members:?}"))
    });
}

#[test]
fn messages_of_a_user_are_handled_one_after_the_other_on_all_sockets() {
    let rooms = Rooms::default();
    let server = start(ServerOptions::default(), &rooms);
    let mut sockets = [0; 3].map(|_| open(&server, "ada"));
    let mut other = open(&server, "bob");
    sockets[0].say(&json!({ "type": "wait", "number": 0 }));
    eventually("the first begins", || {
        let done = rooms.done();
        (done == ["begin 0"])
            .then_some(())
            .ok_or(format!("{done:?}"))
    });
    for number in 1..6 {
        sockets[number % 3].say(&json!({ "type": "wait", "number": number }));
    }
    let join = json!({ "type": "join-room", "room": "1" });
    assert_eq!(other.ask(&join)["type"], "answer", "others do not wait");
    assert_eq!(rooms.done(), ["begin 0"]);
    rooms.leave.0.add_permits(6);
    for socket in &mut sockets {
        for _ in 0..2 {
            assert_eq!(socket.answer()["data"], Value::Null);
        }
    }
    let done = rooms.done();
    let place = |number: usize| {
        let begin = format!("begin {number}");
        let at = done
            .iter()
            .position(|what| *what == begin)
            .expect("it was done");
        assert_eq!(
            done[at + 1],
            format!("end {number}"),
            "nothing comes between: {done:?}"
        );
        at
    };
    for number in 0..3 {
        assert!(place(number) < place(number + 3), "{done:?}");
    }
}

#[test]
fn a_panic_ends_one_socket_and_nothing_else() {
    let rooms = Rooms::default();
    let server = start(ServerOptions::default(), &rooms);
    let (mut ada, mut other) = (open(&server, "ada"), open(&server, "ada"));
    ada.say(&json!({ "type": "panic" }));
    ada.end();
    eventually("it is gone", || {
        let done = rooms.done();
        (done == ["ada left"])
            .then_some(())
            .ok_or(format!("{done:?}"))
    });
    let join = json!({ "type": "join-room", "room": "1" });
    assert_eq!(
        other.ask(&join)["type"],
        "answer",
        "its turn has ended, too"
    );
}

#[test]
fn what_was_begun_is_done_to_its_end_before_the_socket_is_gone() {
    let rooms = Rooms::default();
    let server = start(ServerOptions::default(), &rooms);
    let mut socket = open(&server, "ada");
    socket.say(&json!({ "type": "wait", "number": 1 }));
    eventually("it begins", || {
        let done = rooms.done();
        (done == ["begin 1"])
            .then_some(())
            .ok_or(format!("{done:?}"))
    });
    let linger =
        socket2::SockRef::from(socket.stream()).set_linger(Some(std::time::Duration::ZERO));
    linger.expect("it can be set");
    drop(socket);
    rooms.leave.0.add_permits(1);
    eventually("it is done, and the socket is gone", || {
        let done = rooms.done();
        (done == ["begin 1", "end 1", "ada left"])
            .then_some(())
            .ok_or(format!("{done:?}"))
    });
}

#[test]
fn who_asks_is_found_out_where_the_application_wants_it() {
    let rooms = Rooms::default();
    let options = ServerOptions {
        auth: Some(options()),
        ..ServerOptions::default()
    };
    let server = start(options, &rooms);
    let refused = Socket::try_open(server.address, "/rooms", &[]).err();
    assert_eq!(refused, Some((401, "unauthenticated".to_owned())));
    let ada = bearer(&token("ada", reading(&["news"])));
    let (name, value) = ada.split_once(": ").expect("a header");
    let headers = [(name, value)];
    let mut socket = Socket::try_open(server.address, "/rooms?soft=1", &headers).expect("open");
    assert_eq!(socket.control("connected")["user"], "ada");
    let answer = socket.ask(&json!({ "type": "subscribe", "topics": ["news"] }));
    assert_eq!(answer["topics"], json!(["news"]));
    let plain = server.request("GET /rooms", &[&ada], "");
    assert_eq!(plain.status, 426);
    let evil = [(name, value), ("origin", "https://evil.example")];
    let refused = Socket::try_open(server.address, "/rooms", &evil).err();
    assert_eq!(refused, Some((403, "origin_mismatch".to_owned())));
}

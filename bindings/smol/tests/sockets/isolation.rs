//! Isolation: random users with random tokens, random publishes, live and after a reconnect with
//! another token. Each stream gets exactly what its user, its topics and its grants of now allow.
//!
//! What should come is found by rules of this file alone, event by event; the hub finds it by an
//! index.

use crate::support::guarded::{APP, Guarded, bearer, options, token};
use crate::support::{Random, Stream};
use serde_json::{Value, json};
use tidings_smol::server::Access;

const USERS: [&str; 3] = ["ada", "bob", "eve"];

/// Names that are in one another, or spell users and patterns.
const TOPICS: [&str; 8] = ["a", "a/b", "a/b/c", "a/c", "b", "ada", "user/ada", "b/b"];

const PATTERNS: [&str; 6] = ["*", "**", "a/*", "a/**", "*/b", "b/**"];

/// A stream, and who reads it.
struct Reader {
    user: &'static str,
    tab: String,
    topics: Vec<&'static str>,
    grants: Vec<&'static str>,
    stream: Stream,
    id: String,
    /// The position that it comes back with.
    position: String,
}

/// What was published, as far as it matters who gets it.
struct Published {
    topics: Vec<&'static str>,
    user: Option<&'static str>,
    everyone: bool,
    /// The stream it is for alone, and those that are left out: user and tab outlive a stream.
    connection: Option<String>,
    except: Option<(&'static str, String)>,
    private: bool,
    data: String,
}

#[test]
fn every_stream_gets_what_it_may_and_nothing_else() {
    let server = Guarded::start(options());
    let mut random = Random::new();
    for round in 0..12 {
        let mut readers: Vec<_> = (0..8)
            .map(|number| Reader::open(&server, &mut random, format!("{round}-{number}")))
            .collect();
        let mut published = Vec::new();
        for number in 0..25 {
            published.push(publish(
                &server,
                &mut random,
                &readers,
                format!("{round}/{number}"),
            ));
        }
        publish_end(&server);
        for reader in &mut readers {
            let expected = expected(&published, reader, true);
            assert_eq!(reader.read(), expected, "live: {}", reader.describe());
        }
        // They come back from where they began, as someone who may more, less, or other things.
        for reader in readers {
            let mut again = reader.come_back(&server, &mut random);
            let expected = expected(&published, &again, false);
            let heard = again.read();
            assert_eq!(heard, expected, "replayed: {}", again.describe());
        }
    }
}

/// The texts that a stream gets, in order.
fn expected(published: &[Published], reader: &Reader, live: bool) -> Vec<String> {
    let due = published.iter().filter(|event| event.is_for(reader, live));
    due.map(|event| event.data.clone()).collect()
}

impl Published {
    fn is_for(&self, reader: &Reader, live: bool) -> bool {
        if let Some(connection) = &self.connection {
            return live && *connection == reader.id;
        }
        let left_out = self.except.as_ref();
        if left_out.is_some_and(|(user, tab)| *user == reader.user && *tab == reader.tab) {
            return false;
        }
        let is_user = self.user.is_none_or(|user| user == reader.user);
        let granted = |topic: &str| reader.grants.iter().any(|grant| matches(grant, topic));
        let heard = |topic: &&str| {
            let subscribed = reader.topics.iter().any(|wanted| matches(wanted, topic));
            subscribed && (!self.private || granted(topic))
        };
        let in_topics = self.topics.is_empty() || self.topics.iter().any(heard);
        is_user && in_topics
    }
}

/// Whether a pattern has this topic, written once more as it is documented.
fn matches(pattern: &str, topic: &str) -> bool {
    match (pattern.split_once('/'), topic.split_once('/')) {
        (None, _) if pattern == "**" => true,
        (None, None) => pattern == "*" || pattern == topic,
        (Some((first, rest)), Some((start, end))) => {
            (first == "*" || first == start) && matches(rest, end)
        }
        _ => false,
    }
}

fn some(random: &mut Random, most: usize, with_patterns: bool) -> Vec<&'static str> {
    let count = random.below(most + 1);
    let mut names: Vec<_> = (0..count)
        .map(|_| {
            if with_patterns && random.chance(3) {
                PATTERNS[random.below(PATTERNS.len())]
            } else {
                TOPICS[random.below(TOPICS.len())]
            }
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Reader {
    fn open(server: &Guarded, random: &mut Random, tab: String) -> Self {
        let user = USERS[random.below(USERS.len())];
        Self::connect(server, random, user, tab, None)
    }

    /// The same tab of the same user as a rule, with topics and grants of another token.
    fn come_back(self, server: &Guarded, random: &mut Random) -> Self {
        let Self {
            user,
            tab,
            position,
            stream,
            ..
        } = self;
        drop(stream);
        let user = if random.chance(4) {
            USERS[random.below(USERS.len())]
        } else {
            user
        };
        Self::connect(server, random, user, tab, Some(position))
    }

    fn connect(
        server: &Guarded,
        random: &mut Random,
        user: &'static str,
        tab: String,
        position: Option<String>,
    ) -> Self {
        let (topics, grants) = (some(random, 4, true), some(random, 3, true));
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let token = token(
            user,
            Access {
                subscribe: own(&topics),
                grants: own(&grants),
                ..Access::default()
            },
        );
        let mut query = format!("tab={tab}");
        for topic in &topics {
            query += &format!("&topic={topic}");
        }
        let mut headers = vec![bearer(&token)];
        headers.extend(position.map(|position| format!("last-event-id: {position}")));
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        // What the token does not have is refused, whatever else is asked for with it.
        let beyond = TOPICS
            .iter()
            .find(|topic| !topics.iter().any(|has| matches(has, topic)));
        if let Some(beyond) = beyond {
            let target = format!("/events?{query}&topic={beyond}");
            assert_eq!(
                server.get(&target, &headers).status,
                403,
                "{beyond} with {topics:?}"
            );
        }
        let mut stream = server.stream(&query, &headers);
        let connected = stream.expect("connected");
        let id = connected.json()["connection"]
            .as_str()
            .expect("a text")
            .to_owned();
        Self {
            user,
            tab,
            topics,
            grants,
            stream,
            id,
            position: connected.id,
        }
    }

    /// What comes until the end of the round, which all hear.
    fn read(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let event = self.stream.expect("message");
            if event.data == "end" {
                return heard;
            }
            heard.push(event.data);
        }
    }

    fn describe(&self) -> String {
        let Self {
            user,
            tab,
            topics,
            grants,
            ..
        } = self;
        format!("{user} in tab {tab}, topics {topics:?}, grants {grants:?}")
    }
}

fn publish(server: &Guarded, random: &mut Random, readers: &[Reader], data: String) -> Published {
    let mut event = Published {
        topics: Vec::new(),
        user: None,
        everyone: false,
        connection: None,
        except: None,
        private: false,
        data,
    };
    let anyone = |random: &mut Random| &readers[random.below(readers.len())];
    let user = |random: &mut Random| Some(USERS[random.below(USERS.len())]);
    match random.below(10) {
        0 => event.everyone = true,
        1 => event.connection = Some(anyone(random).id.clone()),
        2 => event.user = user(random),
        kind => {
            event.topics = some(random, 2, false);
            event.topics.push(TOPICS[random.below(TOPICS.len())]);
            event.topics.dedup();
            event.user = if kind == 3 { user(random) } else { None };
            event.private = random.chance(2);
        }
    }
    let mut body = json!({ "data": event.data });
    let mut set = |name: &str, value: Value| body[name] = value;
    if random.chance(4) && event.connection.is_none() {
        let left_out = anyone(random);
        event.except = Some((left_out.user, left_out.tab.clone()));
        set("except", json!(left_out.id));
    }
    if !event.topics.is_empty() {
        set("topics", json!(event.topics));
        set("private", json!(event.private));
    }
    if let Some(user) = event.user {
        set("user", json!(user));
    }
    if event.everyone {
        set("everyone", json!(true));
    }
    if let Some(connection) = &event.connection {
        set("connection", json!(connection));
    }
    let answer = server.publish(&[&bearer(APP)], &body.to_string());
    assert_eq!(answer.status, 200, "{body}: {answer:?}");
    let live = readers
        .iter()
        .filter(|reader| event.is_for(reader, true))
        .count();
    assert_eq!(answer.json()["recipients"], live, "{body}");
    event
}

fn publish_end(server: &Guarded) {
    let body = r#"{"everyone":true,"data":"end"}"#;
    assert_eq!(server.publish(&[&bearer(APP)], body).status, 200);
}

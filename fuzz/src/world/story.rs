//! A world as data: who is in it, and what is done to it, one doing after another.
//!
//! It does not know what follows from a doing, nor how a story is made up. Chance that is no doing
//! (delays, the room of sockets) hangs on the seed and on the reader, so that taking a doing out
//! leaves the rest as it was.

use crate::ops::choices::{listened, many, several_logs, short, some_tab, some_user, topic, user};
use arbitrary::Arbitrary;
use std::fmt;
use tidings_core::Encoding;

/// A world, from its beginning to its end.
#[derive(Arbitrary, Clone)]
pub struct Story {
    /// Who is in it.
    pub scene: Scene,
    /// What is done, in this order.
    #[arbitrary(with = many)]
    pub doings: Vec<Doing>,
}

/// Who is in a world, and how the server is made.
#[derive(Arbitrary, Clone, Debug)]
pub struct Scene {
    /// What all chance hangs on that is no doing.
    pub seed: u64,
    /// The server.
    pub server: ServerKind,
    /// What most topics keep.
    pub log: Keeps,
    /// What the topics below `a/` keep, where that is another class.
    pub below: Option<Keeps>,
    /// What happens to readers that lag, unless they say otherwise.
    pub lag_closes: bool,
    /// The most events of a replay.
    pub replay_events: Option<u8>,
    /// The most bytes for those in the middle of a frame that has gone.
    pub rescue_bytes: Option<u16>,
    /// After so many tenths of a second a stream is idle, and after so many it is too old.
    pub idle: Option<u8>,
    /// The age in tenths of a second.
    pub age: Option<u8>,
    /// The readers; the first few of them.
    pub readers: Vec<Persona>,
}

/// How the server is made, and how its driver does its work.
#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerKind {
    /// So many hubs behind a sequencer, up to four; none for a hub that numbers its events itself.
    pub shards: u8,
    /// Batches that all mailboxes have room for.
    pub room: u8,
    /// The longest that a batch lies in a mailbox, in milliseconds.
    pub mail_ms: u8,
    /// Sleeps exactly to the time that a hub says, rather than to tell it of every moment.
    pub lazy: bool,
}

/// What a class keeps; a hub gets a little more than nothing.
#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keeps {
    /// Events.
    pub events: u8,
    /// Bytes beyond the least that a hub takes.
    pub bytes: u16,
    /// Tenths of a second.
    pub age: Option<u8>,
    /// Index records.
    pub records: Option<u8>,
}

/// A reader, for ever.
#[derive(Arbitrary, Clone, PartialEq, Eq, Debug)]
pub struct Persona {
    /// Who it is.
    #[arbitrary(with = some_user)]
    pub user: Option<&'static str>,
    /// Its tab, which others may have too.
    #[arbitrary(with = some_tab)]
    pub tab: Option<&'static str>,
    /// What it listens to.
    #[arbitrary(with = listened)]
    pub topics: Vec<&'static str>,
    /// Whether it has grants.
    pub granted: bool,
    /// Its own lag policy.
    pub lag_closes: Option<bool>,
    /// Heartbeats as comments.
    pub comments: bool,
    /// How long its tokens last, in tenths of a second.
    pub token: Option<u8>,
    /// Whether it asks for a new token when the old one is about to end.
    pub renews: bool,
    /// WebSocket messages instead of an event stream.
    pub websocket: bool,
}

impl Persona {
    pub(super) const fn encoding(&self) -> Encoding {
        match self.websocket {
            true => Encoding::WebSocket,
            false => Encoding::EventStream,
        }
    }
}

/// Something that is done, after a while.
#[derive(Arbitrary, Clone)]
pub struct Doing {
    /// So many milliseconds after the one before it.
    #[arbitrary(with = short)]
    pub after_ms: u32,
    /// What.
    pub deed: Deed,
}

/// What is done.
#[derive(Arbitrary, Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Nothing.
    Wait {
        /// For so many milliseconds.
        ms: u16,
    },
    /// A publisher sends an array; or again what it had no answer to.
    Publish {
        /// Which, around.
        publisher: u8,
        /// What it sends; the first few of them.
        notes: Vec<Note>,
        /// The answer is lost on its way.
        unheard: bool,
    },
    /// A stream breaks.
    Cut {
        /// Whose, around.
        reader: u8,
        /// So many parts in 256 of what is on its way still come in.
        keep: u8,
        /// The server learns of it so much later, in milliseconds.
        told_ms: u16,
    },
    /// A link goes dead, and neither side knows.
    Deafen {
        /// Whose.
        reader: u8,
    },
    /// A reader reads on as fast as it can.
    ReadFast {
        /// Which.
        reader: u8,
    },
    /// A reader reads so many bytes at a time, and few of these.
    ReadSlowly {
        /// Which.
        reader: u8,
        /// The bytes.
        bytes: u8,
    },
    /// A reader stops to read.
    StopReading {
        /// Which.
        reader: u8,
    },
    /// Bytes take longer to a reader, or less long.
    Delay {
        /// Which.
        reader: u8,
        /// Milliseconds.
        ms: u8,
    },
    /// A reader is switched off, and on again.
    Leave {
        /// Which.
        reader: u8,
        /// After so many milliseconds.
        ms: u16,
    },
    /// The application closes a stream.
    Close {
        /// Whose.
        reader: u8,
    },
    /// The clock of the server is corrected.
    SetClock {
        /// By so many milliseconds.
        by_ms: i16,
    },
    /// A hub is told of the time, which need not have come.
    Wake {
        /// Which.
        shard: u8,
    },
    /// A driver does not come to its work.
    Hold {
        /// Which.
        shard: u8,
        /// For so many milliseconds.
        ms: u16,
    },
    /// A planned restart.
    Drain {
        /// Over how long.
        ms: u8,
    },
    /// The server loses its memory.
    Crash {
        /// And is down for so many milliseconds.
        ms: u16,
    },
}

/// An event to publish.
#[derive(Arbitrary, Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Whom it is for.
    pub to: For,
    /// Only for the granted.
    pub private: bool,
    /// The reader that sends it does not want it back.
    pub except: Option<u8>,
    /// Its own id.
    pub id: OwnId,
    /// How long its data is.
    pub size: u8,
    /// Whether it is some times as long.
    pub long: bool,
}

/// Whom a note is for.
#[derive(Arbitrary, Clone, PartialEq, Eq, Debug)]
pub enum For {
    /// A topic.
    Topic(#[arbitrary(with = topic)] &'static str),
    /// Topics of logs.
    Topics(#[arbitrary(with = several_logs)] Vec<&'static str>),
    /// A user in topics.
    UserInTopics(
        #[arbitrary(with = user)] &'static str,
        #[arbitrary(with = several_logs)] Vec<&'static str>,
    ),
    /// A user.
    User(#[arbitrary(with = user)] &'static str),
    /// Everyone.
    Everyone,
    /// The stream of a reader.
    Reader(u8),
}

/// The id that a publisher gives to a note.
#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub enum OwnId {
    /// None.
    None,
    /// One of its own that no other note has.
    Unique,
    /// One that other publishers may give too.
    Shared(u8),
}

impl Note {
    /// A short note to a topic, with nothing special.
    #[must_use]
    pub const fn topic(topic: &'static str) -> Self {
        Self {
            to: For::Topic(topic),
            private: false,
            except: None,
            id: OwnId::None,
            size: 0,
            long: false,
        }
    }
}

impl fmt::Debug for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {:3} ms {:?}", self.after_ms, self.deed)
    }
}

impl fmt::Debug for Story {
    /// One reader and one doing a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scene {
            server,
            log,
            below,
            lag_closes,
            replay_events,
            rescue_bytes,
            ..
        } = &self.scene;
        writeln!(f, "{server:?}, log: {log:?}, below: {below:?}")?;
        writeln!(
            f,
            "lag_closes: {lag_closes}, replay_events: {replay_events:?}, \
             rescue_bytes: {rescue_bytes:?}, idle: {:?}, age: {:?}",
            self.scene.idle, self.scene.age
        )?;
        for (number, reader) in self.scene.readers.iter().enumerate() {
            writeln!(f, "reader {number} {reader:?}")?;
        }
        for (step, doing) in self.doings.iter().enumerate() {
            writeln!(f, "{step:3} {doing:?}")?;
        }
        Ok(())
    }
}

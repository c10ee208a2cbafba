//! What can happen to a hub, as data: one operation at a time, over a tiny universe of names.
//!
//! It does not know how an operation is done or judged, nor how one is made up; `strategies` makes
//! them for proptest, and a fuzzer makes the same ones out of its bytes.

pub(crate) mod choices;
pub mod strategies;

use arbitrary::Arbitrary;
use tidings_core::Encoding;

/// The topics of the universe.
pub const TOPICS: [&str; 7] = ["a", "b", "a/b", "a/c", "latest/x", "latest/y", "latest/z"];

/// The patterns of the universe.
pub const PATTERNS: [&str; 5] = ["*", "**", "a/*", "a/**", "latest/*"];

/// The users of the universe.
pub const USERS: [&str; 3] = ["ada", "bob", "eve"];

/// The tabs of the universe: long enough to go without a user.
pub const TABS: [&str; 2] = ["tab-1-of-browser", "tab-2-of-browser"];

/// What nobody may subscribe to or be granted.
pub const BAD_PATTERNS: [&str; 4] = ["", "a*", "**/a", "a\tb"];

/// What nobody may publish to.
pub const BAD_TOPICS: [&str; 3] = ["", "a/*", "a\tb"];

/// Publishers' own ids.
pub const IDS: [&str; 5] = ["k0", "k1", "k2", "k3", "k4"];

/// Ids that a publisher may not give.
pub const BAD_IDS: [&str; 6] = ["", "k!", "earliest", "1~3", "1~3~2", "k\t"];

/// One thing that happens to a hub.
#[derive(Arbitrary, Clone, Debug)]
pub enum Operation {
    /// A stream is opened.
    Open(Opening),
    /// A connection is given a topic or pattern.
    Subscribe {
        /// Which connection.
        peer: Peer,
        /// The topic or pattern, which may be bad.
        #[arbitrary(with = choices::any_pattern)]
        topic: &'static str,
    },
    /// A topic or pattern is taken from a connection.
    Unsubscribe {
        /// Which connection.
        peer: Peer,
        /// The topic or pattern.
        #[arbitrary(with = choices::any_pattern)]
        topic: &'static str,
    },
    /// One event is published.
    Publish(Letter),
    /// Several are, all or none.
    PublishAll(Vec<Letter>),
    /// Several are appended with numbers from outside.
    Append {
        /// So many numbers before them are for other hubs.
        #[arbitrary(with = choices::small)]
        hole: u64,
        /// What is appended.
        letters: Vec<Letter>,
    },
    /// The end of the log moves on without an event.
    Skip {
        /// By how much.
        #[arbitrary(with = choices::small)]
        ahead: u64,
    },
    /// Numbers are given out for events that are still on their way.
    Assigned {
        /// How many beyond the end of the log.
        #[arbitrary(with = choices::small)]
        ahead: u64,
    },
    /// Many small events are published one by one, in turn to two topics.
    Flood {
        /// The topics.
        #[arbitrary(with = choices::two_topics)]
        topics: [&'static str; 2],
        /// How many.
        #[arbitrary(with = choices::flood)]
        events: usize,
    },
    /// The driver asks for so many outputs.
    Poll {
        /// How many at most.
        #[arbitrary(with = choices::small)]
        outputs: usize,
    },
    /// The driver writes to a socket.
    Write {
        /// Whose.
        socket: Socket,
        /// How many bytes it takes.
        #[arbitrary(with = choices::room)]
        room: usize,
        /// What happens between the write and the hub hearing of it; it should not.
        #[arbitrary(with = choices::between)]
        between: Option<Box<Operation>>,
    },
    /// The hub is told of bytes that it did not offer.
    ConsumeUnasked {
        /// For which connection.
        peer: Peer,
        /// How many.
        #[arbitrary(with = choices::small)]
        taken: usize,
    },
    /// A socket can be written again.
    Writable(Peer),
    /// A socket can be written again, but takes nothing.
    Probe(Peer),
    /// The other side went away.
    Gone(Peer),
    /// The application closes a connection.
    Close(Peer),
    /// A connection has a new token.
    Renew {
        /// Which.
        peer: Peer,
        /// When the token ends, from now on in milliseconds; none for never.
        #[arbitrary(with = choices::expiry)]
        expires_in: Option<i64>,
        /// Its grants.
        #[arbitrary(with = choices::any_patterns)]
        grants: Vec<&'static str>,
    },
    /// Time passes, and nobody wakes the hub.
    Advance {
        /// How much.
        #[arbitrary(with = choices::pause)]
        ms: u64,
    },
    /// Time passes until the next token ends, but for so many milliseconds; nobody wakes the hub.
    AdvanceToExpiry {
        /// How many milliseconds before.
        #[arbitrary(with = choices::small)]
        early: u64,
    },
    /// The hub is told that a time has come, which need not be so.
    Wake,
    /// The driver sleeps until the hub wants it, and wakes it exactly then.
    Sleep,
    /// The Unix clock is corrected.
    SetUnix {
        /// By so many milliseconds.
        #[arbitrary(with = choices::correction)]
        by: i64,
    },
    /// The hub is drained.
    Drain {
        /// Over how long.
        #[arbitrary(with = choices::small)]
        over_ms: u64,
    },
    /// The driver does all there is to do, with sockets that take everything; blocked ones stay so.
    Settle,
}

/// A connection of those that were ever opened.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Peer {
    /// One of the open ones, counted from the newest, around.
    Open(#[arbitrary(with = choices::small)] usize),
    /// One whose id is stale, likewise.
    Stale(#[arbitrary(with = choices::small)] usize),
    /// One that never was.
    Never,
    /// One of another hub.
    Foreign,
}

/// A socket the driver writes to.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Socket {
    /// One of those the hub said are ready.
    Ready(#[arbitrary(with = choices::small)] usize),
    /// Any; a driver may ask at any time.
    Any(Peer),
}

/// How a stream is opened.
#[derive(Arbitrary, Clone, Debug)]
pub struct Opening {
    /// The user.
    #[arbitrary(with = choices::some_user)]
    pub user: Option<&'static str>,
    /// The tab, which may be too short.
    #[arbitrary(with = choices::any_tab)]
    pub tab: Option<&'static str>,
    /// Topics and patterns, which may be bad.
    #[arbitrary(with = choices::any_patterns)]
    pub topics: Vec<&'static str>,
    /// Grants, which may be bad.
    #[arbitrary(with = choices::any_patterns)]
    pub grants: Vec<&'static str>,
    /// The last event id.
    pub start: Start,
    /// When its token ends, from now on in milliseconds.
    #[arbitrary(with = choices::expiry)]
    pub expires_in: Option<i64>,
    /// Its own lag policy: whether to close.
    pub lag_closes: Option<bool>,
    /// Heartbeats as comments.
    pub comments: bool,
    /// Bytes of preamble.
    #[arbitrary(with = choices::preamble)]
    pub preamble: usize,
    /// WebSocket messages instead of an event stream.
    pub websocket: bool,
}

/// The last event id a stream is opened with.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Start {
    /// None.
    Head,
    /// The last one that a connection, open or stale, has seen.
    Seen(Peer),
    /// The word `earliest`.
    Earliest,
    /// The cursor so many numbers before the end of the log.
    Back(#[arbitrary(with = choices::back)] u64),
    /// The cursor so many numbers after it.
    Ahead(#[arbitrary(with = choices::small)] u64),
    /// In the middle of opening values: so many before the end, and the last value so many before.
    Amid {
        /// Where the stream was opened, before the end of the log.
        #[arbitrary(with = choices::small)]
        back: u64,
        /// The last value seen, before that.
        #[arbitrary(with = choices::small)]
        latest: u64,
    },
    /// The same, opened so many numbers after the end.
    AmidAhead {
        /// Where the stream was opened, after the end of the log.
        #[arbitrary(with = choices::small)]
        ahead: u64,
        /// The last value seen, before that.
        #[arbitrary(with = choices::small)]
        latest: u64,
    },
    /// A publisher's own id, which may be forgotten.
    Own(#[arbitrary(with = choices::id)] &'static str),
    /// Of another epoch.
    OtherEpoch,
    /// No id of any kind.
    Nonsense,
    /// Of a stream whose client is to stay away.
    StayAway,
}

/// An event to publish.
#[derive(Arbitrary, Clone, Debug)]
pub struct Letter {
    /// Whom it is for.
    pub to: To,
    /// Only for the granted.
    pub private: bool,
    /// Who does not want it.
    pub except: Option<Peer>,
    /// The publisher's own id, which may be bad.
    #[arbitrary(with = choices::any_id)]
    pub id: Option<&'static str>,
    /// How long its data is.
    pub size: Size,
    /// What is special about it.
    pub kind: Kind,
}

/// Whom a letter is for. Topics may be bad ones.
#[derive(Arbitrary, Clone, Debug)]
pub enum To {
    /// Topics.
    Topics(#[arbitrary(with = choices::any_topics)] Vec<&'static str>),
    /// A user in topics.
    UserInTopics(
        #[arbitrary(with = choices::user)] &'static str,
        #[arbitrary(with = choices::any_topics)] Vec<&'static str>,
    ),
    /// A user.
    User(#[arbitrary(with = choices::user)] &'static str),
    /// Everyone.
    Everyone,
    /// A connection.
    Peer(Peer),
}

/// How long the data of a letter is.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Size {
    /// So many bytes beside its number.
    Bytes(#[arbitrary(with = choices::small)] usize),
    /// So many parts in 256 of the most that the hub takes, or of 40 KB.
    Part(u8),
    /// One byte too many.
    TooLong,
}

/// What is special about a letter.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// It has a type.
    Typed,
    /// It has several lines and a `retry`.
    Lines,
    /// It has a type that the hub itself sends, by the number of the control event.
    Reserved(#[arbitrary(with = choices::small)] usize),
    /// It has no data.
    NoData,
}

impl Opening {
    /// How it is written.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        match self.websocket {
            true => Encoding::WebSocket,
            false => Encoding::EventStream,
        }
    }

    /// A stream of these topics that starts so, with nothing special.
    #[must_use]
    pub fn new(topics: &[&'static str], start: Start) -> Self {
        Self {
            user: None,
            tab: None,
            topics: topics.to_vec(),
            grants: Vec::new(),
            start,
            expires_in: None,
            lag_closes: None,
            comments: false,
            preamble: 0,
            websocket: false,
        }
    }
}

impl Letter {
    /// A small letter with nothing special.
    #[must_use]
    pub const fn new(to: To) -> Self {
        Self {
            to,
            private: false,
            except: None,
            id: None,
            size: Size::Bytes(0),
            kind: Kind::Plain,
        }
    }

    /// The same, to one topic.
    #[must_use]
    pub fn topic(topic: &'static str) -> Self {
        Self::new(To::Topics(vec![topic]))
    }
}

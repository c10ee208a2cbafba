//! Operations for proptest: how often each comes, and how each gets smaller.
//!
//! It does not know what is a mistake; bad names, ids and sizes are in the mix. What is simplest
//! stands first, so that a failing case shrinks towards it.

use super::{
    BAD_IDS, BAD_PATTERNS, BAD_TOPICS, IDS, Kind, Letter, Opening, Operation, PATTERNS, Peer, Size,
    Socket, Start, TABS, TOPICS, To, USERS,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// So many operations. Some hubs are given all numbers from outside.
pub fn operations(
    len: impl Into<proptest::collection::SizeRange>,
) -> BoxedStrategy<Vec<Operation>> {
    let outside = prop_oneof![3 => Just(false), 1 => Just(true)];
    (vec(operation(), len), outside)
        .prop_map(|(operations, outside)| {
            if !outside {
                return operations;
            }
            operations.into_iter().map(numbered_outside).collect()
        })
        .boxed()
}

fn numbered_outside(operation: Operation) -> Operation {
    match operation {
        Operation::Publish(letter) => Operation::Append {
            hole: 0,
            letters: vec![letter],
        },
        Operation::PublishAll(letters) => Operation::Append { hole: 0, letters },
        other => other,
    }
}

/// Any operation, those that move events more often than others.
pub fn operation() -> BoxedStrategy<Operation> {
    prop_oneof![
        40 => simple(),
        // Boxed operations are rare: nothing should come between a write and the hub's hearing of it.
        1 => (socket(), room(), simple()).prop_map(|(socket, room, between)| Operation::Write {
            socket,
            room,
            between: Some(Box::new(between)),
        }),
    ]
    .boxed()
}

fn simple() -> BoxedStrategy<Operation> {
    prop_oneof![
        6 => messages(),
        4 => streams(),
        7 => driving(),
        3 => time_and_ends(),
    ]
    .boxed()
}

fn messages() -> BoxedStrategy<Operation> {
    prop_oneof![
        14 => letter().prop_map(Operation::Publish),
        2 => vec(letter(), 0..4).prop_map(Operation::PublishAll),
        2 => (0..3_u64, vec(letter(), 0..3))
            .prop_map(|(hole, letters)| Operation::Append { hole, letters }),
        1 => (0..3_u64).prop_map(|ahead| Operation::Skip { ahead }),
        3 => (0..12_u64).prop_map(|ahead| Operation::Assigned { ahead }),
        1 => flood(),
    ]
    .boxed()
}

fn flood() -> BoxedStrategy<Operation> {
    let events = prop_oneof![12 => 2..20_usize, 2 => 60..300_usize, 1 => 900..1_300_usize];
    ([select(&TOPICS[..]), select(&TOPICS[..])], events)
        .prop_map(|(topics, events)| Operation::Flood { topics, events })
        .boxed()
}

fn streams() -> BoxedStrategy<Operation> {
    prop_oneof![
        10 => opening().prop_map(Operation::Open),
        // Many a reader is like the next, and stands where that stands.
        3 => Just(Operation::Open(Opening::new(&["a"], Start::Head))),
        3 => (peer(), pattern()).prop_map(|(peer, topic)| Operation::Subscribe { peer, topic }),
        2 => (peer(), pattern()).prop_map(|(peer, topic)| Operation::Unsubscribe { peer, topic }),
        2 => (peer(), expiry(), vec(pattern(), 0..3)).prop_map(|(peer, expires_in, grants)| {
            Operation::Renew { peer, expires_in, grants }
        }),
        2 => peer().prop_map(Operation::Gone),
        1 => peer().prop_map(Operation::Close),
    ]
    .boxed()
}

fn driving() -> BoxedStrategy<Operation> {
    let consume = (peer(), 0..50_usize);
    prop_oneof![
        24 => (socket(), room()).prop_map(|(socket, room)| Operation::Write {
            socket,
            room,
            between: None,
        }),
        8 => peer().prop_map(Operation::Writable),
        1 => peer().prop_map(Operation::Probe),
        6 => Just(Operation::Settle),
        4 => (1..4_usize).prop_map(|outputs| Operation::Poll { outputs }),
        2 => consume.prop_map(|(peer, taken)| Operation::ConsumeUnasked { peer, taken }),
    ]
    .boxed()
}

fn time_and_ends() -> BoxedStrategy<Operation> {
    let ms = prop_oneof![4 => 0..30_u64, 2 => 30..300_u64, 1 => 900..1_500_u64];
    prop_oneof![
        12 => Just(Operation::Sleep),
        8 => ms.prop_map(|ms| Operation::Advance { ms }),
        2 => (0..2_u64).prop_map(|early| Operation::AdvanceToExpiry { early }),
        4 => Just(Operation::Wake),
        2 => (-60..60_i64).prop_map(|by| Operation::SetUnix { by }),
        1 => (0..100_u64).prop_map(|over_ms| Operation::Drain { over_ms }),
    ]
    .boxed()
}

fn opening() -> BoxedStrategy<Opening> {
    let tab = prop_oneof![
        16 => Just(None),
        8 => select(&TABS[..]).prop_map(Some),
        1 => Just(Some("short")),
    ];
    let preamble = prop_oneof![30 => Just(0_usize), 5 => 1..60_usize, 1 => 4_090..4_100_usize];
    let lag = prop_oneof![6 => Just(None), 1 => any::<bool>().prop_map(Some)];
    (
        option::weighted(0.6, select(&USERS[..])),
        tab,
        vec(pattern(), 0..4),
        vec(pattern(), 0..3),
        start(),
        expiry(),
        (lag, any::<bool>(), preamble, proptest::bool::weighted(0.3)),
    )
        .prop_map(
            |(
                user,
                tab,
                topics,
                grants,
                start,
                expires_in,
                (lag_closes, comments, preamble, websocket),
            )| {
                Opening {
                    user,
                    tab,
                    topics,
                    grants,
                    start,
                    expires_in,
                    lag_closes,
                    comments,
                    preamble,
                    websocket,
                }
            },
        )
        .boxed()
}

fn start() -> BoxedStrategy<Start> {
    prop_oneof![
        6 => Just(Start::Head),
        8 => peer().prop_map(Start::Seen),
        5 => (0..12_u64).prop_map(Start::Back),
        2 => (200..1_200_u64).prop_map(Start::Back),
        3 => Just(Start::Earliest),
        4 => (1..10_u64).prop_map(Start::Ahead),
        2 => (0..6_u64, 0..6_u64).prop_map(|(back, latest)| Start::Amid { back, latest }),
        1 => (1..3_u64, 0..4_u64).prop_map(|(ahead, latest)| Start::AmidAhead { ahead, latest }),
        2 => select(&IDS[..]).prop_map(Start::Own),
        1 => Just(Start::OtherEpoch),
        1 => Just(Start::Nonsense),
        1 => Just(Start::StayAway),
    ]
    .boxed()
}

fn letter() -> BoxedStrategy<Letter> {
    let id = prop_oneof![
        12 => Just(None),
        6 => select(&IDS[..]).prop_map(Some),
        1 => select(&BAD_IDS[..]).prop_map(Some),
    ];
    let size = prop_oneof![
        20 => (0..20_usize).prop_map(Size::Bytes),
        10 => any::<u8>().prop_map(Size::Part),
        1 => Just(Size::TooLong),
    ];
    let kind = prop_oneof![
        40 => Just(Kind::Plain),
        5 => Just(Kind::Typed),
        5 => Just(Kind::Lines),
        1 => (0..5_usize).prop_map(Kind::Reserved),
        1 => Just(Kind::NoData),
    ];
    let private = prop_oneof![4 => Just(false), 1 => Just(true)];
    let except = option::weighted(0.15, peer());
    (to(), private, except, id, size, kind)
        .prop_map(|(to, private, except, id, size, kind)| Letter {
            to,
            private,
            except,
            id,
            size,
            kind,
        })
        .boxed()
}

fn to() -> BoxedStrategy<To> {
    let several = || vec(topic(), 0..4);
    prop_oneof![
        10 => topic().prop_map(|topic| To::Topics(vec![topic])),
        4 => several().prop_map(To::Topics),
        2 => (select(&USERS[..]), several()).prop_map(|(user, topics)| To::UserInTopics(user, topics)),
        2 => select(&USERS[..]).prop_map(To::User),
        2 => Just(To::Everyone),
        2 => peer().prop_map(To::Peer),
    ].boxed()
}

/// A few more often than others, so that readers and events meet.
fn topic() -> BoxedStrategy<&'static str> {
    prop_oneof![
        20 => select(&["a", "a/b", "latest/x"][..]),
        10 => select(&TOPICS[..]),
        1 => select(&BAD_TOPICS[..]),
    ]
    .boxed()
}

fn pattern() -> BoxedStrategy<&'static str> {
    prop_oneof![
        30 => select(&["a", "a/b", "latest/x", "**", "latest/*"][..]),
        10 => select(&TOPICS[..]),
        10 => select(&PATTERNS[..]),
        1 => select(&BAD_PATTERNS[..]),
    ]
    .boxed()
}

fn peer() -> BoxedStrategy<Peer> {
    prop_oneof![
        24 => (0..5_usize).prop_map(Peer::Open),
        4 => (0..3_usize).prop_map(Peer::Stale),
        1 => Just(Peer::Never),
        1 => Just(Peer::Foreign),
    ]
    .boxed()
}

fn socket() -> BoxedStrategy<Socket> {
    prop_oneof![
        10 => (0..4_usize).prop_map(Socket::Ready),
        1 => peer().prop_map(Socket::Any),
    ]
    .boxed()
}

fn room() -> BoxedStrategy<usize> {
    prop_oneof![
        8 => Just(usize::MAX),
        1 => Just(0_usize),
        6 => 0..60_usize,
        10 => 60..300_usize,
        2 => 300..60_000_usize,
    ]
    .boxed()
}

fn expiry() -> BoxedStrategy<Option<i64>> {
    prop_oneof![8 => Just(None), 3 => (1..200_i64).prop_map(Some), 1 => (-5..1_i64).prop_map(Some)]
        .boxed()
}

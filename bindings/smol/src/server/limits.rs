//! How much one user or one address may do, and how fast.
//!
//! It does not know requests. What one stream, event or log may be is the hub's to limit.

use super::error::ApiError;
use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What one user or one address may do.
///
/// The limits of an address hold for all but loopback ones: behind these stands a proxy of this
/// machine with all its clients, unless it is trusted to say who they are. An IPv6 address counts as
/// its network of 64 bits, which is what one client has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitOptions {
    /// Streams of one address, and as many other connections. Default 1,000: an office behind one
    /// address, with some tabs each.
    pub connections_per_address: usize,
    /// Streams that one address opens. Default 100 a second after 1,000: all that it may have come
    /// back at once after an outage. Polls that go on where another ended count by themselves, and wait
    /// for their turn.
    pub opens_per_address: Rate,
    /// Streams that one user opens. Default 10 a second after 100: as many as a user may have. Polls as
    /// above.
    pub opens_per_user: Rate,
    /// Events that one user publishes, or one address without a user. Default 100 a second after
    /// 1,000: people and their pages, but not a loop. Application servers have no such limit.
    pub publishes: Rate,
    /// Messages that one user sends on WebSockets, or one address without a user, whatever they say.
    /// Default 50 a second after 500: what people type, and what their pages say about it.
    #[cfg(feature = "websocket")]
    pub messages: Rate,
}

/// So many a second, after so many at once. With 0 a second there is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many a second in the long run.
    pub per_second: u32,
    /// How many at once.
    pub burst: u32,
}

impl Default for LimitOptions {
    fn default() -> Self {
        Self {
            connections_per_address: 1_000,
            opens_per_address: Rate::new(100, 1_000),
            opens_per_user: Rate::new(10, 100),
            publishes: Rate::new(100, 1_000),
            #[cfg(feature = "websocket")]
            messages: Rate::new(50, 500),
        }
    }
}

impl Rate {
    /// So many a second, after so many at once.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }

    fn quota(self) -> Option<Quota> {
        let per_second = NonZeroU32::new(self.per_second)?;
        let burst = NonZeroU32::new(self.burst).unwrap_or(NonZeroU32::MIN);
        Some(Quota::per_second(per_second).allow_burst(burst))
    }
}

/// The limits as they are kept.
pub(super) struct Limits<C: Clock = DefaultClock> {
    options: LimitOptions,
    connections: Addresses,
    streams: Addresses,
    opens_by_address: Limiter<IpAddr, C>,
    opens_by_user: Limiter<String, C>,
    polls_by_address: Limiter<IpAddr, C>,
    polls_by_user: Limiter<String, C>,
    publishes: Limiter<Publisher, C>,
    #[cfg(feature = "websocket")]
    messages: Limiter<Publisher, C>,
}

/// Who publishes, as far as it can be told apart.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Publisher {
    User(String),
    Address(IpAddr),
}

impl Limits {
    pub(super) fn new(options: LimitOptions) -> Self {
        Self::with_clock(options, DefaultClock::default())
    }

    /// Others, for the same connections.
    pub(super) fn with(&self, options: LimitOptions) -> Self {
        Self {
            connections: self.connections.clone(),
            streams: self.streams.clone(),
            ..Self::new(options)
        }
    }
}

impl<C: Clock + Clone> Limits<C> {
    fn with_clock(options: LimitOptions, clock: C) -> Self {
        Self {
            options,
            connections: Addresses::default(),
            streams: Addresses::default(),
            opens_by_address: Limiter::new(options.opens_per_address, clock.clone()),
            opens_by_user: Limiter::new(options.opens_per_user, clock.clone()),
            polls_by_address: Limiter::new(options.opens_per_address, clock.clone()),
            polls_by_user: Limiter::new(options.opens_per_user, clock.clone()),
            #[cfg(feature = "websocket")]
            messages: Limiter::new(options.messages, clock.clone()),
            publishes: Limiter::new(options.publishes, clock),
        }
    }

    /// A place for one more HTTP connection of an address.
    pub(super) fn connect(&self, address: IpAddr) -> Result<Place, ApiError> {
        self.take(&self.connections, address)
    }

    /// A place for one more stream of an address.
    pub(super) fn stream(&self, address: IpAddr) -> Result<Place, ApiError> {
        self.take(&self.streams, address)
    }

    fn take(&self, addresses: &Addresses, address: IpAddr) -> Result<Place, ApiError> {
        let limit = self.options.connections_per_address;
        addresses.take(address, limit).ok_or_else(|| {
            let message = format!("an address has at most {limit} connections");
            too_many("too_many_address_connections", message, 5)
        })
    }

    /// Whether an address may open one more stream now.
    pub(super) fn open_by_address(&self, address: IpAddr) -> Result<(), ApiError> {
        let Some(client) = client_of(address) else {
            return Ok(());
        };
        let admitted = self.opens_by_address.admit(&client, 1);
        admitted.map_err(|wait| opening_too_fast("address", self.options.opens_per_address, wait))
    }

    /// Whether one more poll of an address, and of a user, may go on now where another ended. Else how
    /// long it has to wait, at least, and what to say where it does not.
    pub(super) fn poll(
        &self,
        address: IpAddr,
        user: Option<&String>,
    ) -> Result<(), (Duration, ApiError)> {
        let LimitOptions {
            opens_per_address,
            opens_per_user,
            ..
        } = self.options;
        let late = |whose, rate, wait| (wait, opening_too_fast(whose, rate, wait));
        if let Some(user) = user {
            let admitted = self.polls_by_user.admit(user, 1);
            admitted.map_err(|wait| late("user", opens_per_user, wait))?;
        }
        let Some(client) = client_of(address) else {
            return Ok(());
        };
        let admitted = self.polls_by_address.admit(&client, 1);
        admitted.map_err(|wait| late("address", opens_per_address, wait))
    }

    /// Whether a user may open one more stream now.
    pub(super) fn open_by_user(&self, user: &String) -> Result<(), ApiError> {
        let admitted = self.opens_by_user.admit(user, 1);
        admitted.map_err(|wait| opening_too_fast("user", self.options.opens_per_user, wait))
    }

    /// Whether so many events may be published now.
    pub(super) fn publish(&self, publisher: &Publisher, events: usize) -> Result<(), ApiError> {
        if publisher.is_near() {
            return Ok(());
        }
        let count = u32::try_from(events).unwrap_or(u32::MAX);
        self.publishes.admit(publisher, count).map_err(|wait| {
            let Rate { per_second, burst } = self.options.publishes;
            let message = format!("at most {per_second} events a second, after {burst} at once");
            too_many("publishing_too_fast", message, seconds(wait))
        })
    }
}

#[cfg(feature = "websocket")]
impl<C: Clock + Clone> Limits<C> {
    /// Whether one more message may come now.
    pub(super) fn message(&self, publisher: &Publisher) -> Result<(), ApiError> {
        if publisher.is_near() {
            return Ok(());
        }
        self.messages.admit(publisher, 1).map_err(|wait| {
            let Rate { per_second, burst } = self.options.messages;
            let message = format!("at most {per_second} messages a second, after {burst} at once");
            too_many("messages_too_fast", message, seconds(wait))
        })
    }
}

impl Publisher {
    /// Whether it is an address that is not limited.
    fn is_near(&self) -> bool {
        matches!(self, Self::Address(address) if client_of(*address).is_none())
    }
}

fn opening_too_fast(whose: &str, rate: Rate, wait: Duration) -> ApiError {
    let Rate { per_second, burst } = rate;
    let message = format!(
        "the streams of one {whose} open at most {per_second} a second, after {burst} at once"
    );
    too_many("opening_too_fast", message, seconds(wait))
}

/// Whole seconds, at least one.
fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).max(1) as u64
}

fn too_many(code: &'static str, message: String, retry_after: u64) -> ApiError {
    ApiError {
        retry_after: Some(retry_after),
        ..ApiError::new(StatusCode::TOO_MANY_REQUESTS, code, message)
    }
}

/// What counts as one client of those that are limited; none for loopback addresses.
fn client_of(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & (u128::MAX << 64);
            Some(Ipv6Addr::from_bits(network).into())
        }
        v4 @ IpAddr::V4(_) => Some(v4),
    }
}

type Keyed<K, C> = RateLimiter<K, HashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// How many of something each key does a second.
struct Limiter<K: Hash + Eq + Clone, C: Clock> {
    /// None where there is no limit.
    limiter: Option<Keyed<K, C>>,
    clock: C,
    burst: u32,
    /// With so many keys, those that have all of their burst again are forgotten.
    sweep_at: Cell<usize>,
    swept: Cell<C::Instant>,
}

/// Keys that are remembered at most: a few MB. Beyond them nobody new is slowed down; so many
/// addresses at once are not held back by what each may do, and the limits in total remain.
const MOST_KEYS: usize = 65_536;

/// How often a full memory is gone through.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Keys that are never worth sweeping.
const FEW_KEYS: usize = 1_024;

impl<K: Hash + Eq + Clone, C: Clock> Limiter<K, C> {
    fn new(rate: Rate, clock: C) -> Self
    where
        C: Clone,
    {
        let quota = rate.quota();
        Self {
            limiter: quota.map(|quota| RateLimiter::hashmap_with_clock(quota, clock.clone())),
            burst: rate.burst.max(1),
            sweep_at: Cell::new(FEW_KEYS),
            swept: Cell::new(clock.now()),
            clock,
        }
    }

    /// Forgets the keys that have all of their burst again, if there is time for it: each has to be
    /// looked at. Says whether there is room for another.
    fn make_room(&self, limiter: &Keyed<K, C>) -> bool {
        let now = self.clock.now();
        let since: Duration = now.duration_since(self.swept.get()).into();
        if limiter.len() < MOST_KEYS || since >= SWEEP_EVERY {
            self.swept.set(now);
            limiter.retain_recent();
            let next = (2 * limiter.len()).clamp(FEW_KEYS, MOST_KEYS);
            self.sweep_at.set(next);
        }
        limiter.len() < MOST_KEYS
    }

    /// Counts so many more, or says after how long it may be tried again. More than a burst count as
    /// one burst.
    fn admit(&self, key: &K, count: u32) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        if limiter.len() >= self.sweep_at.get() && !self.make_room(limiter) {
            return Ok(());
        }
        let Some(count) = NonZeroU32::new(count.min(self.burst)) else {
            return Ok(());
        };
        match limiter.check_key_n(key, count) {
            Ok(Err(not_until)) => Err(not_until.wait_time_from(self.clock.now())),
            // It is never more than a burst.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

/// How many of something each address has.
#[derive(Clone, Default)]
pub(super) struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Addresses {
    fn take(&self, address: IpAddr, limit: usize) -> Option<Place> {
        let Some(client) = client_of(address) else {
            return Some(Place(None));
        };
        let mut addresses = self.lock();
        let count = addresses.entry(client).or_default();
        *count += 1;
        let taken = *count <= limit;
        drop(addresses);
        let place = Place(Some((self.clone(), client)));
        taken.then_some(place)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of those of an address, while it lives.
pub(super) struct Place(Option<(Addresses, IpAddr)>);

impl Drop for Place {
    fn drop(&mut self) {
        let Some((addresses, client)) = self.0.take() else {
            return;
        };
        let mut addresses = addresses.lock();
        if let Some(count) = addresses.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&client);
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    fn limits(options: LimitOptions) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let limits = Limits::with_clock(options, clock.clone());
        (limits, clock)
    }

    fn code(refused: Result<impl fmt::Debug, ApiError>) -> (&'static str, Option<u64>) {
        let error = refused.expect_err("it is refused");
        assert_eq!(error.status, StatusCode::TOO_MANY_REQUESTS);
        (error.code, error.retry_after)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_so_many_connections() {
        let (limits, _) = limits(LimitOptions {
            connections_per_address: 2,
            ..LimitOptions::default()
        });
        let far = address("192.0.2.1");
        let first = limits.connect(far).unwrap();
        let _second = limits.connect(far).unwrap();
        let refused = code(limits.connect(far));
        assert_eq!(refused, ("too_many_address_connections", Some(5)));
        let mapped = code(limits.connect(address("::ffff:192.0.2.1")));
        assert_eq!(mapped.0, "too_many_address_connections");
        let _other = limits.connect(address("192.0.2.2")).unwrap();
        drop(first);
        let _third = limits.connect(far).unwrap();
        let near: Vec<_> = (0..10)
            .map(|_| limits.connect(address("127.0.0.1")))
            .collect();
        assert!(near.iter().all(Result::is_ok), "loopback has no limit");
    }

    #[test]
    fn nothing_is_remembered_of_addresses_that_left() {
        let (limits, _) = limits(LimitOptions::default());
        let places: Vec<_> = (0..100)
            .map(|number| limits.connect(IpAddr::from([192, 0, 2, number])).unwrap())
            .collect();
        assert_eq!(limits.connections.lock().len(), 100);
        drop(places);
        assert!(limits.connections.lock().is_empty());
    }

    #[test]
    fn addresses_of_one_network_are_one_client() {
        let (limits, _) = limits(LimitOptions {
            connections_per_address: 1,
            ..LimitOptions::default()
        });
        let _first = limits.connect(address("2001:db8:0:1::1")).unwrap();
        assert!(limits.connect(address("2001:db8:0:1:ffff::2")).is_err());
        assert!(limits.connect(address("2001:db8:0:2::1")).is_ok());
    }

    #[test]
    fn a_user_opens_so_fast() {
        let (limits, clock) = limits(LimitOptions {
            opens_per_user: Rate::new(2, 3),
            ..LimitOptions::default()
        });
        let (ada, bob) = ("ada".to_owned(), "bob".to_owned());
        for _ in 0..3 {
            limits.open_by_user(&ada).unwrap();
        }
        assert_eq!(
            code(limits.open_by_user(&ada)),
            ("opening_too_fast", Some(1))
        );
        limits.open_by_user(&bob).unwrap();
        clock.advance(Duration::from_millis(500));
        limits.open_by_user(&ada).unwrap();
        assert!(limits.open_by_user(&ada).is_err());
    }

    #[test]
    fn publishes_count_by_event_and_a_large_batch_as_a_burst() {
        let (limits, clock) = limits(LimitOptions {
            publishes: Rate::new(10, 100),
            ..LimitOptions::default()
        });
        let ada = Publisher::User("ada".to_owned());
        limits.publish(&ada, 90).unwrap();
        assert_eq!(
            code(limits.publish(&ada, 20)),
            ("publishing_too_fast", Some(1))
        );
        limits.publish(&ada, 10).unwrap();
        assert_eq!(code(limits.publish(&ada, 1_000)).1, Some(10));
        clock.advance(Duration::from_secs(10));
        limits.publish(&ada, 1_000).unwrap();
        let near = Publisher::Address(address("::1"));
        limits.publish(&near, 1_000_000).unwrap();
        limits.publish(&near, 1_000_000).unwrap();
    }

    #[test]
    fn a_rate_of_nothing_is_none() {
        let (limits, _) = limits(LimitOptions {
            opens_per_address: Rate::new(0, 0),
            ..LimitOptions::default()
        });
        for _ in 0..10_000 {
            limits.open_by_address(address("192.0.2.1")).unwrap();
        }
    }

    #[test]
    fn so_many_clients_are_remembered_and_no_more() {
        let (limits, clock) = limits(LimitOptions::default());
        let client = |number: u32| IpAddr::from(number.to_be_bytes());
        for number in 0..100_000 {
            limits
                .open_by_address(client(0x0b00_0000 + number))
                .unwrap();
        }
        let remembered = |limits: &Limits<FakeRelativeClock>| {
            let limiter = limits.opens_by_address.limiter.as_ref();
            limiter.map_or(0, RateLimiter::len)
        };
        assert_eq!(remembered(&limits), MOST_KEYS);
        clock.advance(Duration::from_secs(11));
        limits.open_by_address(client(0x0b00_0000)).unwrap();
        assert_eq!(remembered(&limits), 1);
    }
}

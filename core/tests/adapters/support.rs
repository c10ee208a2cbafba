//! A clock that is set by hand, and readers that say what they hear.

use crate::runtimes::Runtime;
use futures::io::{self, AsyncRead};
use futures::stream::{StreamExt as _, TryStreamExt as _};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tidings_core::adapters::{
    ByteStream, DriverOptions, EventStream, HubDriver, HubHandle, ReadError, StreamOptions, Timer,
};
use tidings_core::{Audience, ClassOptions, Event, HubOptions, Message, Publish, Published};

/// The Unix time at which the clock of a test starts.
pub(crate) const UNIX_MS: u64 = 1_700_000_000_000;

/// A clock that stands still until it is advanced.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<Time>>);

#[derive(Default)]
struct Time {
    now_ms: u64,
    /// Who is to be woken, and when; nobody is a moment earlier.
    sleepers: Vec<(u64, Waker)>,
}

impl Clock {
    pub(crate) fn advance(&self, ms: u64) {
        let mut time = self.0.lock().expect("no test has failed with it");
        time.now_ms += ms;
        let now_ms = time.now_ms;
        let due = time.sleepers.extract_if(.., |(at_ms, _)| *at_ms <= now_ms);
        due.for_each(|(_, sleeper)| sleeper.wake());
    }
}

impl Timer for Clock {
    type Sleep = Sleep;

    fn now_ms(&self) -> u64 {
        self.0.lock().expect("no test has failed with it").now_ms
    }

    fn sleep_until(&self, at_ms: u64) -> Sleep {
        Sleep {
            clock: self.clone(),
            at_ms,
        }
    }

    fn unix_ms(&self) -> Option<u64> {
        Some(UNIX_MS + self.now_ms())
    }
}

pub(crate) struct Sleep {
    clock: Clock,
    at_ms: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut time = self.clock.0.lock().expect("no test has failed with it");
        if time.now_ms >= self.at_ms {
            return Poll::Ready(());
        }
        time.sleepers.push((self.at_ms, cx.waker().clone()));
        Poll::Pending
    }
}

/// Options with a known epoch.
pub(crate) fn options() -> DriverOptions {
    DriverOptions {
        hub: HubOptions {
            epoch: 7,
            ..HubOptions::default()
        },
        ..DriverOptions::default()
    }
}

/// Options of a hub that keeps so many events.
pub(crate) fn keeping(events: usize) -> DriverOptions {
    let mut options = options();
    options.hub.default_class = ClassOptions {
        events,
        ..ClassOptions::new(["**"])
    };
    options
}

/// A hub that nobody drives yet, and its clock.
pub(crate) fn idle(options: DriverOptions) -> (HubHandle, HubDriver<Clock>, Clock) {
    let clock = Clock::default();
    let (hub, driver) = HubHandle::new(options, clock.clone()).expect("the options are valid");
    (hub, driver, clock)
}

/// A hub with its driver on this executor, and its clock.
pub(crate) fn started(runtime: &impl Runtime, options: DriverOptions) -> (HubHandle, Clock) {
    let (hub, driver, clock) = idle(options);
    runtime.spawn(driver);
    (hub, clock)
}

/// An event for the topic `news`.
pub(crate) fn news(data: &str) -> Publish<'_> {
    Publish::to(Audience::Topic("news"), Event::message(data))
}

/// Events for the topic `news`, to be published together.
pub(crate) fn batch(hub: &HubHandle, data: impl IntoIterator<Item = usize>) -> Vec<Message> {
    let messages = data.into_iter().map(|number| {
        let message = hub.rules().message(&news(&number.to_string()));
        message.expect("the event is valid")
    });
    messages.collect()
}

pub(crate) async fn publish(hub: &HubHandle, data: &str) -> Published {
    hub.publish(&news(data)).await.expect("it is published")
}

pub(crate) async fn open(hub: &HubHandle, options: StreamOptions) -> ByteStream {
    hub.open(options).await.expect("it is opened")
}

/// The client of a stream. What a hub sends is read with the adapter for readers.
pub(crate) struct Reader {
    events: EventStream<Pin<Box<dyn AsyncRead + Send>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) event: String,
    pub(crate) data: String,
    pub(crate) id: String,
    pub(crate) retry_ms: Option<u64>,
}

impl Reader {
    pub(crate) fn new(body: ByteStream) -> Self {
        let bytes = body.map_err(io::Error::other).into_async_read();
        Self {
            events: EventStream::new(Box::pin(bytes)),
        }
    }

    /// A reader of the topic `news`, which has heard that it is connected.
    pub(crate) async fn of_news(hub: &HubHandle) -> Self {
        let mut reader = Self::new(open(hub, StreamOptions::topic("news")).await);
        assert_eq!(reader.next().await.event, "connected");
        reader
    }

    /// The next event of any kind; none at the end.
    pub(crate) async fn try_next(&mut self) -> Result<Option<Heard>, ReadError> {
        let event = self.events.next().await.transpose()?;
        Ok(event.map(|event| {
            let event = event.as_event();
            Heard {
                event: event.event().into_owned(),
                data: event.data().into_owned(),
                id: event.id().into_owned(),
                retry_ms: event.retry(),
            }
        }))
    }

    pub(crate) async fn next(&mut self) -> Heard {
        let heard = self.try_next().await.expect("the stream is not cut");
        heard.expect("the stream is open")
    }

    /// The data of the next so many events, all of the application.
    pub(crate) async fn data(&mut self, count: usize) -> Vec<String> {
        let mut data = Vec::new();
        while data.len() < count {
            let heard = self.next().await;
            assert_eq!(heard.event, "message", "{heard:?}");
            data.push(heard.data);
        }
        data
    }

    /// The last words of the hub, and the end after them.
    pub(crate) async fn bye(&mut self) -> Heard {
        let bye = self.next().await;
        assert_eq!(bye.event, "bye", "{bye:?}");
        assert_eq!(self.try_next().await.expect("it is not cut"), None);
        bye
    }
}

/// The members of a flat JSON object without commas in its values.
pub(crate) fn members(json: &str) -> BTreeMap<String, String> {
    let inner = json.trim_start_matches('{').trim_end_matches('}');
    let members = inner.split(',').filter_map(|member| member.split_once(':'));
    members
        .map(|(name, value)| (name.replace('"', ""), value.replace('"', "")))
        .collect()
}

/// Numbers as the data of events.
pub(crate) fn numbers(range: impl IntoIterator<Item = usize>) -> Vec<String> {
    range.into_iter().map(|number| number.to_string()).collect()
}

/// Polls once, with the waker of the task.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

/// Lets other tasks run.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

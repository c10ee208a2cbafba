//! `GET /poll`: what a stream would send, in answers that have an end, for places where streams do not
//! get through.
//!
//! It does not know the log: each poll is a stream that is opened after the cursor, and closed before
//! its answer is sent. What the answer leaves out, the next poll finds after the id that it comes with.

mod answer;

use super::body::check_empty;
use super::client::Client;
use super::connection::Turn;
use super::error::ApiError;
use super::events::{check_reader, parse_query};
use super::identity::Identity;
use super::open::Opener;
use super::sessions::{Asking, Transport};
use super::{Context, Counted};
use crate::body::StreamBody;
use crate::driver::milliseconds;
use crate::hub::random;
use crate::stream::StreamOptions;
use answer::Answer;
use futures::{FutureExt, StreamExt as _};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use hyper::{Request, Response};
use smol::Timer;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tracing::debug;

/// How long a poll waits for an event that says nothing else.
const WAIT: Duration = Duration::from_secs(25);

/// The longest: common proxies give up after 60 s.
const LONGEST_WAIT: Duration = Duration::from_secs(55);

/// What is taken from the log at a time, and so what an answer has, unless one event is larger: a
/// client that is behind catches up in few answers, and none of them is long in memory.
const ANSWER_BYTES: usize = 64 << 10;

/// The least time after which a poll that came too fast asks again for its turn.
const PACE: Duration = Duration::from_millis(50);

/// How long it waits for that, be it one that waits for no event.
const LEAST_PACE: Duration = Duration::from_secs(2);

pub(super) async fn poll(
    request: Request<Incoming>,
    context: &Context,
    client: &Client,
    identity: Identity,
    asking: &Asking,
) -> Result<Response<Full<Bytes>>, ApiError> {
    check_empty(&request)?;
    let (query, wait) = parse_poll(request.uri().query().unwrap_or_default())?;
    check_reader(context, &identity, &query)?;
    let opener = Opener {
        context,
        client,
        asking,
        identity,
        transport: Transport::Poll,
    };
    answer(opener, query, wait, request).await
}

/// Answers a request with what a stream of these options sends.
pub(super) async fn answer(
    opener: Opener<'_>,
    options: StreamOptions,
    wait: Duration,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, ApiError> {
    let (begun, context, address) = (Instant::now(), opener.context, opener.client.address);
    let options = StreamOptions {
        // Whatever is answered has a head of its own.
        head: Vec::new(),
        headers: HeaderMap::new(),
        ..opener.complete(options, &request)
    };
    // While it waits it keeps nothing of its request, and holds up no other.
    if let Some(turn) = request.extensions().get::<Turn>() {
        turn.give_back();
    }
    drop(request);
    let id = options.last_event_id.as_deref().unwrap_or_default();
    let until = if id.is_empty() {
        context.limits().open_by_address(address)?;
        if let Some(user) = &options.user {
            context.limits().open_by_user(user)?;
        }
        begun
    } else {
        let latest = begun + wait.max(LEAST_PACE);
        context.pace(address, options.user.as_ref(), latest).await?;
        begun + wait
    };
    let _place = context.limits().stream(address)?;
    let _waiting = context.metrics.open(opener.transport);
    let _owed = Counted::new(&context.owed);
    let (stream, _) = opener.open_within(options, |_, _| {}).await?;
    let connection = stream.connection();
    let mut body = stream.into_body_of(ANSWER_BYTES).await;
    let answer = context.take(&mut body, until).await;
    // The next poll of the tab finds the place free.
    context.hub.handle_closed(connection).await;
    let bytes = answer.ok_or_else(|| {
        let message = "the server is about to stop";
        ApiError::unavailable("draining", message)
    })?;
    let waited_ms = milliseconds(begun.elapsed());
    debug!(%connection, bytes = bytes.len(), waited_ms, "polled");
    let response = Response::builder()
        .header(CONTENT_TYPE, "text/event-stream")
        .header(CACHE_CONTROL, "no-store");
    Ok(response.body(Full::from(bytes)).unwrap_or_default())
}

impl Context {
    /// Waits for the turn of a poll that goes on where another ended: at a busy topic each of them is
    /// answered at once, so it is slowed down, not refused, and finds more to answer with.
    async fn pace(
        &self,
        address: IpAddr,
        user: Option<&String>,
        latest: Instant,
    ) -> Result<(), ApiError> {
        loop {
            let admitted = self.limits().poll(address, user);
            let Err((wait, refused)) = admitted else {
                return Ok(());
            };
            let wait = wait.max(PACE);
            // Those who wait together do not all ask again together.
            let spread = Duration::from_nanos(random() % wait.as_nanos().max(1) as u64);
            let at = Instant::now() + wait + spread;
            if at > latest || self.hub.is_draining() {
                return Err(refused);
            }
            Timer::at(at).await;
        }
    }

    /// Takes from a stream what there is, or what comes first until then, or where it stands. None where
    /// it was cut before it said so.
    async fn take(&self, body: &mut StreamBody, until: Instant) -> Option<Vec<u8>> {
        let mut answer = Answer::new(&self.options.driver.hub.control);
        let mut late = FutureExt::fuse(Timer::at(until));
        while !answer.is_due() {
            let next = futures::select_biased! {
                next = body.next().fuse() => next,
                _ = late => return self.take_rest(body, answer).await,
            };
            match next {
                Some(Ok(bytes)) => answer.push(&bytes),
                Some(Err(_)) | None => break,
            }
        }
        answer.finish()
    }

    /// Nothing more is waited for: goes on until something is due, or the stream stands at the end of
    /// the log, and says where that is.
    async fn take_rest(&self, body: &mut StreamBody, mut answer: Answer<'_>) -> Option<Vec<u8>> {
        let connection = body.connection();
        loop {
            let cursor = self.hub.caught_up(connection).await;
            match body.next().now_or_never() {
                Some(Some(Ok(bytes))) => answer.push(&bytes),
                Some(_) => return answer.finish(),
                // All before the cursor came before it was said.
                None => {
                    if let Some(cursor) = cursor {
                        answer.stand_at(cursor);
                        return answer.finish();
                    }
                }
            }
            if answer.is_due() {
                return answer.finish();
            }
        }
    }
}

/// Reads the query of a poll: that of a stream, and `wait`.
fn parse_poll(query: &str) -> Result<(StreamOptions, Duration), ApiError> {
    let (mut rest, mut wait) = (Vec::new(), None);
    for part in query.split('&') {
        match form_urlencoded::parse(part.as_bytes()).next() {
            Some((name, value)) if name == "wait" => {
                if wait.replace(parse_wait(&value)?).is_some() {
                    let message = "wait is given twice";
                    return Err(ApiError::bad("repeated_parameter", message));
                }
            }
            _ => rest.push(part),
        }
    }
    let options = parse_query(&rest.join("&")).map_err(|mut refused| {
        if refused.code == "unknown_parameter" {
            refused.message += "; and, for a poll, wait";
        }
        refused
    })?;
    Ok((options, wait.unwrap_or(WAIT)))
}

/// How long a poll waits that says so, or does not.
pub(super) fn wait(said: Option<&str>) -> Result<Duration, ApiError> {
    said.map_or(Ok(WAIT), parse_wait)
}

fn parse_wait(text: &str) -> Result<Duration, ApiError> {
    let seconds = text.parse().ok().filter(|_| !text.starts_with('+'));
    let wait = seconds.map(Duration::from_secs);
    wait.filter(|wait| *wait <= LONGEST_WAIT).ok_or_else(|| {
        let longest = LONGEST_WAIT.as_secs();
        let message = format!("wait is a whole number of seconds, at most {longest}");
        ApiError::bad("invalid_wait", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(query: &str) -> &'static str {
        parse_poll(query).expect_err("it is refused").code
    }

    #[test]
    fn a_poll_is_asked_for_as_a_stream_with_a_time_to_wait() {
        let (options, wait) = parse_poll("topic=a&wait=7&tab=t&topic=b%26c").unwrap();
        assert_eq!(options.topics, ["a", "b&c"]);
        assert_eq!(options.tab.as_deref(), Some("t"));
        assert_eq!(wait, Duration::from_secs(7));
        for (query, seconds) in [("", 25), ("wait=0", 0), ("wait=55", 55), ("w%61it=5", 5)] {
            assert_eq!(parse_poll(query).unwrap().1.as_secs(), seconds, "{query}");
        }
    }

    #[test]
    fn a_time_to_wait_is_a_small_whole_number() {
        for wait in ["", "-1", "+1", "1.5", "1s", "56", "99999999999999999999"] {
            assert_eq!(code(&format!("wait={wait}")), "invalid_wait", "{wait}");
        }
        assert_eq!(code("wait=1&topic=a&wait=1"), "repeated_parameter");
        assert_eq!(code("waits=1"), "unknown_parameter");
    }
}

//! `tidings publish`: one event, or each line of standard input as it comes.
//!
//! It does not know how events travel; it keeps what is not yet answered, and tries again.

use super::http::{Connection, Destination, HttpError, text};
use super::{fail, print, tell};
use async_channel::{Receiver, Sender};
use clap::{ArgGroup, Args};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use smol::future::or;
use smol::{LocalExecutor, Timer};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufRead as _, Read as _};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tidings_smol::tidings_core::Backoff;

#[derive(Args)]
#[command(
    after_help = EXAMPLES,
    group = ArgGroup::new("audience").required(true).multiple(true).args(["topic", "user", "everyone", "connection"])
)]
pub(super) struct Arguments {
    /// The data of the event [default: all of standard input]
    data: Option<String>,
    /// Publish each line of standard input as an event, as it comes
    #[arg(long, conflicts_with_all = ["data", "id"])]
    lines: bool,
    /// A topic (repeatable)
    #[arg(long)]
    topic: Vec<String>,
    /// A user; with topics, that user's streams among them
    #[arg(long)]
    user: Option<String>,
    /// Every stream
    #[arg(long, conflicts_with_all = ["topic", "user", "connection"])]
    everyone: bool,
    /// One stream, by its id
    #[arg(long, conflicts_with_all = ["topic", "user"])]
    connection: Option<String>,
    /// The type of the event
    #[arg(long)]
    event: Option<String>,
    /// An id of your own: published again, it is published once
    #[arg(long)]
    id: Option<String>,
    /// How long readers wait before they reconnect, in milliseconds
    #[arg(long, value_name = "MS")]
    retry: Option<u64>,
    /// Only for streams with a grant
    #[arg(long)]
    private: bool,
    #[command(flatten)]
    server: Destination,
    /// End with status 1 after trying for so long [default: with --lines never, else at once]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    give_up: Option<Duration>,
}

const EXAMPLES: &str = "\
With --lines nothing is lost in an outage: lines that were not answered are kept, and published
once when the server is back.

Examples:
  tidings publish --topic news 'hello'
  tidings publish --topic orders --event paid --id order-7 '{\"order\":7}'
  tidings publish --user ada 'only you see this'
  tail -F app.log | tidings publish --topic logs --lines";

/// Lines of one request at most: they are numbered and appended together.
const BATCH_LINES: usize = 100;

/// Bytes of lines in one request at most, unless one line alone is longer.
const BATCH_BYTES: usize = 128 << 10;

/// Lines that were read and wait for a request.
const WAITING_LINES: usize = 1_024;

/// The longest line: a server takes no longer event unless it is told to.
const LINE_BYTES: u64 = 1 << 20;

/// How long a server may take to answer before it is asked again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// One event, as the server takes it.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    topics: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    everyone: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    private: bool,
    data: &'a str,
}

/// Sends bodies until they are answered.
struct Publisher {
    connection: Connection,
    backoff: Backoff,
    /// How long one body is tried; none for ever.
    give_up: Option<Duration>,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let executor = Rc::new(LocalExecutor::new());
    let seed = RandomState::new().hash_one(0);
    let give_up = if arguments.lines {
        arguments.give_up
    } else {
        Some(arguments.give_up.unwrap_or_default())
    };
    let mut publisher = Publisher {
        connection: Connection::new(executor.clone(), arguments.server.clone()),
        backoff: Backoff::new(seed),
        give_up,
    };
    let published = executor.run(async {
        if arguments.lines {
            lines(&arguments, &mut publisher, seed).await
        } else {
            once(&arguments, &mut publisher).await
        }
    });
    match smol::block_on(published) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

/// Publishes one event, and prints the answer.
async fn once(arguments: &Arguments, publisher: &mut Publisher) -> Result<(), String> {
    let data = match &arguments.data {
        Some(data) => data.clone(),
        None => io::read_to_string(io::stdin()).map_err(|error| error.to_string())?,
    };
    let body = arguments.body(&data, arguments.id.clone());
    let json = serde_json::to_vec(&body).map_err(|error| error.to_string())?;
    print(publisher.send(json.into()).await?.trim_end());
    Ok(())
}

/// Publishes what comes on standard input, a line an event, several lines a request where they
/// come faster than requests are answered.
async fn lines(arguments: &Arguments, publisher: &mut Publisher, seed: u64) -> Result<(), String> {
    let (sender, receiver) = async_channel::bounded(WAITING_LINES);
    let reader = std::thread::spawn(move || read_lines(&sender));
    let mut published = 0_u64;
    while let Some(lines) = batch(&receiver).await {
        // Each line has an id, so that one whose answer was lost is not published twice.
        let bodies = lines
            .iter()
            .zip(published..)
            .map(|(line, number)| arguments.body(line, Some(format!("{seed:016x}-{number}"))));
        let json = serde_json::to_vec(&bodies.collect::<Vec<_>>());
        let json = json.map_err(|error| error.to_string())?;
        publisher.send(json.into()).await.map_err(|error| {
            format!(
                "line {} and what follows is not published: {error}",
                published + 1
            )
        })?;
        published += lines.len() as u64;
    }
    match reader.join() {
        Ok(read) => read.map_err(|error| format!("after line {published}: {error}")),
        Err(_) => Err("reading standard input failed".into()),
    }
}

/// Reads lines until the end, or until nobody takes them.
fn read_lines(lines: &Sender<String>) -> io::Result<()> {
    let mut input = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let read = input
            .by_ref()
            .take(LINE_BYTES + 1)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            line.pop_if(|last| *last == b'\r');
        } else if read as u64 > LINE_BYTES {
            return Err(io::Error::other(format!(
                "a line has more than {LINE_BYTES} bytes"
            )));
        }
        let line = String::from_utf8(line)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        if lines.send_blocking(line).is_err() {
            return Ok(());
        }
    }
}

/// The lines of the next request: one, and what else is there already.
async fn batch(lines: &Receiver<String>) -> Option<Vec<String>> {
    let mut batch = vec![lines.recv().await.ok()?];
    let mut bytes = batch[0].len();
    while batch.len() < BATCH_LINES && bytes < BATCH_BYTES {
        let Ok(line) = lines.try_recv() else { break };
        bytes += line.len();
        batch.push(line);
    }
    Some(batch)
}

impl Publisher {
    /// Sends a body until it is taken, and returns the answer.
    async fn send(&mut self, body: Bytes) -> Result<String, String> {
        let start = Instant::now();
        let mut complained = false;
        loop {
            let (problem, at_least) = match self.attempt(body.clone()).await {
                Ok(answer) => {
                    self.backoff.settle();
                    return Ok(answer);
                }
                Err(Failed::ForGood(problem)) => return Err(problem),
                Err(Failed::ForNow(problem, at_least)) => (problem, at_least),
            };
            let delay = Duration::from_millis(self.backoff.next_ms()).max(at_least);
            if self
                .give_up
                .is_some_and(|give_up| start.elapsed() + delay > give_up)
            {
                return Err(problem);
            }
            if !std::mem::replace(&mut complained, true) {
                tell(format_args!("{problem}; trying again"));
            }
            Timer::after(delay).await;
        }
    }

    async fn attempt(&mut self, body: Bytes) -> Result<String, Failed> {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/publish")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body));
        let request = request.map_err(|error| Failed::ForGood(error.to_string()))?;
        let exchange = async {
            let response = self.connection.send(request).await?;
            let (status, at_least) = (response.status(), retry_after(&response));
            Ok((status, at_least, text(response).await?))
        };
        let late = async {
            Timer::after(ANSWER_TIMEOUT).await;
            Err(io::Error::from(io::ErrorKind::TimedOut).into())
        };
        match or(exchange, late).await {
            Err(error) => {
                let error: HttpError = error;
                Err(Failed::ForNow(
                    format!("no answer: {error}"),
                    Duration::ZERO,
                ))
            }
            Ok((StatusCode::OK, _, answer)) => Ok(answer),
            Ok((status, at_least, answer)) => {
                let problem = format!("the server answered {status}: {}", answer.trim_end());
                let passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                if passing {
                    Err(Failed::ForNow(problem, at_least))
                } else {
                    Err(Failed::ForGood(problem))
                }
            }
        }
    }
}

/// Why a body was not taken.
enum Failed {
    ForGood(String),
    /// With the time that the server asks for.
    ForNow(String, Duration),
}

fn retry_after(response: &Response<Incoming>) -> Duration {
    let seconds = response.headers().get(RETRY_AFTER);
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

impl Arguments {
    fn body<'a>(&'a self, data: &'a str, id: Option<String>) -> Body<'a> {
        Body {
            topics: (!self.topic.is_empty()).then_some(&self.topic),
            user: self.user.as_deref(),
            everyone: self.everyone,
            connection: self.connection.as_deref(),
            event: self.event.as_deref(),
            id,
            retry: self.retry,
            private: self.private,
            data,
        }
    }
}

//! `tidings subscribe`: reads a stream, through outages, and prints what comes.
//!
//! It does not know when to reconnect, nor how a stream is read: the core's client does.

use super::decode::Line;
use super::http::{Connection, Destination, HttpError};
use super::{fail, tell};
use clap::Args;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use smol::future::or;
use smol::{LocalExecutor, Timer};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufWriter, Stdout, Write as _};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tidings_smol::tidings_core::{Client, ClientOptions, ClientOutput, Event, Response};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A topic or pattern (repeatable)
    #[arg(long)]
    topic: Vec<String>,
    /// The user to read as, where the server has no authentication
    #[arg(long)]
    user: Option<String>,
    /// A name for this reader: a newer one of the same name takes its place
    #[arg(long)]
    tab: Option<String>,
    /// Go on after this event; `earliest` for all that the server has
    #[arg(long, value_name = "ID")]
    last_event_id: Option<String>,
    /// Print {"event","data","id"} for every event, the server's own included
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Destination,
    /// End with status 1 after so many attempts in a row that failed [default: never]
    #[arg(long, value_name = "COUNT")]
    attempts: Option<u32>,
}

const EXAMPLES: &str = "\
Prints the data of each event, and on standard error what the server says of the stream itself:
that it is connected, that events were missed, that it is closed. After an outage it goes on where
it was.

Examples:
  tidings subscribe --topic logs
  tidings subscribe --topic 'rooms/*' --json | jq .
  tidings subscribe --topic orders --last-event-id earliest";

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let executor = Rc::new(LocalExecutor::new());
    let options = ClientOptions {
        resilient: true,
        max_attempts: arguments.attempts,
        ..ClientOptions::new(RandomState::new().hash_one(0))
    };
    let last_event_id = arguments.last_event_id.clone().unwrap_or_default();
    let client = match Client::resume(options, last_event_id.as_bytes()) {
        Ok(client) => client,
        Err(error) => return fail(error),
    };
    let reader = Reader {
        client,
        start: Instant::now(),
        connection: Connection::new(executor.clone(), arguments.server.clone()),
        body: None,
        out: BufWriter::new(io::stdout()),
        arguments,
    };
    match smol::block_on(executor.run(reader.read())) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

/// Does what the client says, and tells it what happened.
struct Reader {
    client: Client,
    start: Instant,
    connection: Connection,
    body: Option<Incoming>,
    out: BufWriter<Stdout>,
    arguments: Arguments,
}

/// What is waited for.
enum Happened {
    Time,
    Response(Result<hyper::Response<Incoming>, HttpError>),
    /// A piece of the stream; none at its end.
    Data(Option<Result<Bytes, hyper::Error>>),
}

impl Reader {
    /// Reads until the client gives up.
    async fn read(mut self) -> io::Result<()> {
        self.client.connect(self.now_ms());
        let mut request = None;
        loop {
            while let Some(output) = self.client.poll_output() {
                match output {
                    ClientOutput::Connect { last_event_id } => {
                        let header = last_event_id.map(std::borrow::Cow::into_owned);
                        request = Some(self.request(header)?);
                    }
                    ClientOutput::Disconnect(error) => {
                        tell(error);
                        self.body = None;
                        request = None;
                    }
                    ClientOutput::Failed(error) => return Err(io::Error::other(error)),
                    _ => {}
                }
            }
            let happened = self.wait(&mut request).await;
            self.handle(happened)?;
        }
    }

    /// Waits for the server, but no longer than the client wants to.
    async fn wait(&mut self, request: &mut Option<Request<Full<Bytes>>>) -> Happened {
        let deadline = self.client.poll_timeout();
        let start = self.start;
        let time = async {
            match deadline {
                Some(at_ms) => drop(Timer::at(start + Duration::from_millis(at_ms)).await),
                None => std::future::pending().await,
            }
            Happened::Time
        };
        let (connection, body) = (&mut self.connection, &mut self.body);
        let world = async {
            if let Some(request) = request.take() {
                return Happened::Response(connection.send(request).await);
            }
            let Some(body) = body else {
                return std::future::pending().await;
            };
            loop {
                match body.frame().await {
                    None => return Happened::Data(None),
                    Some(Err(error)) => return Happened::Data(Some(Err(error))),
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            return Happened::Data(Some(Ok(data)));
                        }
                    }
                }
            }
        };
        or(world, time).await
    }

    fn handle(&mut self, happened: Happened) -> io::Result<()> {
        let now = self.now_ms();
        match happened {
            Happened::Time => self.client.handle_timeout(now),
            Happened::Response(Ok(response)) => self.handle_response(now, response),
            Happened::Response(Err(error)) => {
                tell(format_args!("no answer: {error}; trying again"));
                self.client.handle_error(now);
            }
            Happened::Data(Some(Ok(data))) => {
                let mut input = &data[..];
                while let Some(event) = self.client.handle_data(now, &mut input) {
                    print(&mut self.out, &event, self.arguments.json)?;
                }
                self.out.flush()?;
            }
            Happened::Data(None) => {
                self.body = None;
                self.client.handle_end(now);
            }
            Happened::Data(Some(Err(error))) => {
                tell(format_args!(
                    "the stream broke: {error}; going on where it was"
                ));
                self.body = None;
                self.client.handle_error(now);
            }
        }
        Ok(())
    }

    fn handle_response(&mut self, now: u64, response: hyper::Response<Incoming>) {
        let header = |name| response.headers().get(name);
        let mut answer = Response::new(response.status().as_u16());
        if let Some(content_type) = header(CONTENT_TYPE) {
            answer = answer.with_content_type(content_type.as_bytes());
        }
        let seconds =
            header(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if let Some(seconds) = seconds {
            answer = answer.with_retry_after(seconds.saturating_mul(1_000));
        }
        self.client.handle_response(now, answer);
        self.body = Some(response.into_body());
    }

    fn request(&self, last_event_id: Option<String>) -> io::Result<Request<Full<Bytes>>> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for topic in &self.arguments.topic {
            query.append_pair("topic", topic);
        }
        for (name, value) in [("user", &self.arguments.user), ("tab", &self.arguments.tab)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let mut request = Request::builder()
            .uri(format!("/events?{}", query.finish()))
            .header(ACCEPT, "text/event-stream")
            .header(CACHE_CONTROL, "no-store");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id.into_bytes());
        }
        request.body(Full::default()).map_err(io::Error::other)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Prints an event: as JSON, or its data; what the server says of the stream goes to people.
fn print(out: &mut BufWriter<Stdout>, event: &Event<'_>, json: bool) -> io::Result<()> {
    let (name, data, id) = (event.event(), event.data(), event.id());
    if json {
        return Line::Event {
            event: &name,
            data: &data,
            id: &id,
        }
        .write(out);
    }
    match &*name {
        "heartbeat" => Ok(()),
        "connected" | "gap" | "reauth" | "bye" => {
            tell(format_args!("{name} {data}"));
            Ok(())
        }
        _ => {
            out.write_all(data.as_bytes())?;
            out.write_all(b"\n")
        }
    }
}

//! Settings that change again and again while the server is busy.
//!
//! It does not know what else can be changed.

use crate::support::guarded::now_s;
use crate::support::{
    CertificateFiles, File, Line, PATIENCE, Place, Program, eventually, received,
};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};
use tidings_smol::server::{Access, Algorithm, NewToken, SigningKey};
use tidings_smol::tidings_core::{DecodeOptions, Decoder};

const RELOADS: usize = 50;
const STREAMS: usize = 50;

/// One in so many streams is read only when so many events wait for it.
const SLOW: usize = 5;
const SLOW_EVENTS: usize = 200;

/// Events that are published between one reload and the next, and on one connection.
const EVENTS: usize = 20;

/// What is published at the end.
const LAST: &str = "last";

/// The key of the publisher, which stays.
const KEY: &str = "the-key-that-stays-while-others-come-and-go";

/// Ends publishing, also where a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A server whose settings have a number.
struct Trial {
    program: Program,
    address: SocketAddr,
    file: File,
    files: Option<CertificateFiles>,
    /// How new connections are made, whichever of two certificates is shown.
    place: Mutex<Place>,
    published: AtomicUsize,
    is_over: AtomicBool,
}

fn secret(number: usize) -> String {
    format!("the secret of the settings with the number {number}")
}

/// A token of this user that is signed with the secret of these settings.
fn token(user: &str, number: usize) -> String {
    let key = SigningKey::from_secret(Algorithm::Hs256, &secret(number)).expect("a key");
    let token = NewToken {
        user: Some(user.to_owned()),
        expires_s: Some(now_s() + 600),
        access: Access::reading(),
        ..NewToken::default()
    };
    key.sign(&token).expect("a token")
}

/// Tokens of these settings and of those before are good; limits go up and down.
fn settings(number: usize, files: Option<&CertificateFiles>) -> String {
    let tls = files.map_or_else(String::new, |files| {
        let options = files.options();
        let (cert, key) = (options.cert.display(), options.key.display());
        format!("[tls]\ncert = \"{cert}\"\nkey = \"{key}\"\n")
    });
    let keys = [number, number.saturating_sub(1)].map(|number| {
        let secret = secret(number);
        format!("[[auth.jwt.keys]]\nalgorithm = \"HS256\"\nsecret = \"{secret}\"\n")
    });
    let limits = if number.is_multiple_of(2) {
        (STREAMS, 10_000)
    } else {
        (2, 1_000)
    };
    format!(
        "listen = \"127.0.0.1:0\"\n[log]\nevents = 1000000\nbytes = \"256MiB\"\n\
         [limits]\nconnections_per_user = {}\nconnections = {}\ntopics_per_connection = {}\n\
         opens_per_user = {{ per_second = {number}, burst = {STREAMS} }}\n\
         [[auth.keys]]\nname = \"app\"\nkey = \"{KEY}\"\n\
         [[auth.keys]]\nname = \"other\"\nkey = \"{}\"\n{}{}{tls}",
        limits.0,
        limits.1,
        1 + number,
        secret(number).replace(' ', "-"),
        keys[0],
        if number > 0 { &keys[1] } else { "" },
    )
}

fn ask(method: &str, target: &str, token: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// A stream, whose head has come.
struct Reader {
    line: Line,
    decoder: Decoder,
}

impl Reader {
    /// Asks for a stream; none where the token is refused.
    fn on(mut line: Line, token: &str) -> Option<Self> {
        line.send(&ask("GET", "/events?topic=numbers", token, ""));
        let reply = line.reply(true).expect("a new connection is answered");
        let decoder = Decoder::new(DecodeOptions::default());
        match reply.status {
            200 => Some(Self { line, decoder }),
            401 => None,
            status => panic!("{status}: {}", reply.body.escape_ascii()),
        }
    }

    /// What has come, after one more read.
    fn read(&mut self) -> Vec<String> {
        assert!(!self.line.ended, "the stream is cut");
        self.line.read();
        let events = received(&mut self.decoder, &self.line.unread);
        self.line.unread.clear();
        let messages = events.into_iter().filter_map(|event| match &*event.event {
            "connected" | "heartbeat" => None,
            "message" => Some(event.data),
            other => panic!("it is told {other}: {}", event.data),
        });
        messages.collect()
    }
}

impl Trial {
    fn start(is_secure: bool) -> Self {
        let files = is_secure.then(CertificateFiles::new);
        let name = format!("reload-{is_secure}.toml");
        let file = File::new(&name, &settings(0, files.as_ref()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
        command.args(["serve", "--config", file.path()]);
        let program = Program::run(command);
        let line = program.wait_for_stdout("Tidings is listening on ");
        let (_, address) = line.rsplit_once("//").expect("it says where");
        let address = address.trim().parse().expect("an address");
        let certificates: Vec<_> = files
            .iter()
            .map(|files| files.certificate.clone())
            .collect();
        let place = Place::new(address, &certificates, "http/1.1");
        Self {
            program,
            address,
            file,
            files,
            place: Mutex::new(place),
            published: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    /// A new connection. While it is made, no other certificate is shown than it is made for.
    fn connect(&self) -> Line {
        let place = self.place.lock();
        let line = Line::connect(&place.unwrap_or_else(PoisonError::into_inner));
        assert!(!line.ended, "new connections work");
        line
    }

    fn published(&self) -> usize {
        self.published.load(Ordering::Acquire)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Publishes numbers as fast as they are taken, each few on a new connection.
    fn publish(&self) {
        let say = |line: &mut Line, data: &str| {
            let body = format!(r#"{{"topics":["numbers"],"data":"{data}"}}"#);
            line.send(&ask("POST", "/publish", KEY, &body));
            let reply = line.reply(true).expect("a publish is answered");
            assert_eq!(reply.status, 200, "{}", reply.body.escape_ascii());
        };
        while !self.is_over() {
            let mut line = self.connect();
            for _ in 0..EVENTS {
                let number = self.published();
                say(&mut line, &number.to_string());
                self.published.store(number + 1, Ordering::Release);
            }
        }
        say(&mut self.connect(), LAST);
    }

    /// Reads all numbers to the last, in order.
    fn read(&self, mut reader: Reader, is_slow: bool) {
        let mut next = 0;
        loop {
            while is_slow && !self.is_over() && self.published() < next + SLOW_EVENTS {
                sleep(Duration::from_millis(1));
            }
            for data in reader.read() {
                if data == LAST {
                    return assert_eq!(next, self.published(), "all have come");
                }
                assert_eq!(data, next.to_string(), "one is lost or comes twice");
                next += 1;
            }
        }
    }

    /// Waits until so many more are published.
    fn wait_for_more(&self, more: usize) {
        let (wanted, start) = (self.published() + more, Instant::now());
        while self.published() < wanted {
            assert!(start.elapsed() < PATIENCE, "nothing is published");
            sleep(Duration::from_millis(1));
        }
    }

    /// Has the settings with this number read, and sees that they are in force.
    fn reload(&self, number: usize, files: &mut Option<CertificateFiles>) {
        let mut shown = Vec::new();
        if let Some(files) = files {
            let old = files.certificate.clone();
            files.renew();
            shown = vec![old, files.certificate.clone()];
            *self.place.lock().expect("nobody panicked") =
                Place::new(self.address, &shown, "http/1.1");
        }
        self.file.write(&settings(number, files.as_ref()));
        self.program.signal(Signal::HUP);
        eventually("the settings are read", || {
            let lines = self.program.stderr();
            let read = lines
                .iter()
                .filter(|line| line.contains("the settings are read again"));
            (read.count() == number).then_some(()).ok_or("not yet")
        });
        // Those before have used up what limits allow a user.
        let user = format!("user {number}");
        let new = Place::new(self.address, &shown[shown.len().min(1)..], "http/1.1");
        assert!(
            Reader::on(Line::connect(&new), &token(&user, number)).is_some(),
            "the new key"
        );
        assert!(
            Reader::on(Line::connect(&new), &token(&user, number - 1)).is_some(),
            "the key before"
        );
        if number > 1 {
            assert!(
                Reader::on(Line::connect(&new), &token(&user, number - 2)).is_none(),
                "an old key"
            );
        }
        if let [old, _] = &*shown {
            let old = Place::new(self.address, std::slice::from_ref(old), "http/1.1");
            let mut line = Line::connect(&old);
            line.send(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
            assert!(line.reply(true).is_none(), "the old certificate is shown");
        }
    }
}

fn run(is_secure: bool) {
    let mut trial = Trial::start(is_secure);
    let mut files = trial.files.take();
    let readers: Vec<_> = (0..STREAMS)
        .map(|_| Reader::on(trial.connect(), &token("reader", 0)).expect("the token is good"))
        .collect();
    let start = Instant::now();
    scope(|threads| {
        let trial = &trial;
        let over = Over(&trial.is_over);
        threads.spawn(|| trial.publish());
        for (number, reader) in readers.into_iter().enumerate() {
            threads.spawn(move || trial.read(reader, number.is_multiple_of(SLOW)));
        }
        for number in 1..=RELOADS {
            trial.wait_for_more(EVENTS);
            trial.reload(number, &mut files);
        }
        trial.wait_for_more(EVENTS);
        drop(over);
    });
    let (published, time) = (trial.published(), start.elapsed());
    println!("{published} events and {RELOADS} reloads in {time:?}, TLS: {is_secure}");
    assert!(published >= RELOADS * EVENTS);
}

#[test]
fn no_event_is_lost_and_no_stream_is_cut() {
    run(false);
}

#[test]
fn no_event_is_lost_over_tls_and_new_certificates_are_shown_to_those_who_come() {
    run(true);
}

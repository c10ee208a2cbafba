//! A server with authentication, and clients that say what no client should.
//!
//! Whatever they say: it lives, accepts nothing that may not be, answers or ends in bounded time,
//! loses nothing of others, and is afterwards as it was before. `TIDINGS_SOAK=true` says a hundred
//! thousand requests instead of three thousand.

mod cases;
mod frames;
mod oracle;

use crate::support::{
    CertificateFiles, File, Line, Place, Program, Random, Reply, Transport, eventually, received,
};
use cases::Tokens;
use oracle::{Asked, KEY, Meant, SECRET};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::process::Command;
use std::time::Instant;
use tidings_smol::tidings_core::{DecodeOptions, Decoder};

/// After so many requests an event is published that everyone may hear.
const ROUND: usize = 25;

/// What a server may grow by, in KiB: buffers and tables that it needs once, as they are needed.
const MOST_GROWTH_KB: u64 = 6 << 10;

/// Clients that say half of something, and nothing after it.
const SILENT: usize = 8;

struct Trial {
    program: Program,
    place: Place,
    random: Random,
    tokens: Tokens,
    witness: Witness,
    /// A connection that requests in order are sent on while it lasts.
    kept: Option<Line>,
    number: usize,
    published: usize,
    accepted: usize,
    /// Of HTTP/2 it is only known whether it was 200 or a refusal, which counts as 400.
    statuses: BTreeMap<u16, usize>,
    _files: (File, Option<CertificateFiles>),
}

/// A reader of everything, with what it may get and must get.
struct Witness {
    line: Line,
    decoder: Decoder,
    heard: Vec<String>,
    may_come: HashMap<String, usize>,
    must_come: Vec<String>,
}

fn settings(files: Option<&CertificateFiles>) -> String {
    let tls = files.map_or_else(String::new, |files| {
        let options = files.options();
        let (cert, key) = (options.cert.display(), options.key.display());
        format!("[tls]\ncert = \"{cert}\"\nkey = \"{key}\"\n")
    });
    format!(
        "listen = \"127.0.0.1:0\"\n[log]\nevents = 500\nbytes = \"4MiB\"\n\
         [limits]\nhead_timeout = \"5s\"\nbody_timeout = \"5s\"\nconnections_per_user = 1000\n\
         opens_per_user = {{ per_second = 0, burst = 0 }}\n\
         publishes = {{ per_second = 0, burst = 0 }}\n\
         [auth]\ncookie = \"session\"\nquery = \"token\"\n\
         [[auth.jwt.keys]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n\
         [[auth.keys]]\nname = \"app\"\nkey = \"{KEY}\"\n{tls}"
    )
}

impl Trial {
    fn start(transport: Transport) -> Self {
        let files = transport.is_secure().then(CertificateFiles::new);
        let file = File::new(
            &format!("hostile-{transport:?}.toml"),
            &settings(files.as_ref()),
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
        command.args(["serve", "--config", file.path()]);
        let program = Program::run(command);
        let line = program.wait_for_stdout("Tidings is listening on ");
        let (_, address) = line.rsplit_once("//").expect("it says where");
        let address = address.trim().parse().expect("an address");
        let certificates = files.iter().map(|files| files.certificate.clone());
        let certificates: Vec<_> = certificates.collect();
        let place = |protocol| Place::new(address, &certificates, protocol);
        let mut tokens = Tokens::new();
        let (witness, connection) = Witness::open(&place("http/1.1"), &tokens.witness);
        tokens.foreign = connection;
        let protocol = if transport.is_http2() {
            "h2"
        } else {
            "http/1.1"
        };
        Self {
            program,
            place: place(protocol),
            random: Random::new(),
            tokens,
            witness,
            kept: None,
            number: 0,
            published: 0,
            accepted: 0,
            statuses: BTreeMap::new(),
            _files: (file, files),
        }
    }

    /// Says so many requests of HTTP/1.1.
    fn http1(&mut self, count: usize) {
        for _ in 0..count {
            self.number += 1;
            let (random, tokens) = (&mut self.random, &self.tokens);
            let (said, asked) = match random.below(20) {
                0..9 => {
                    let said = cases::bytes(&cases::changed(random, tokens, self.number));
                    (said, None)
                }
                9..16 => (cases::broken(random, tokens, self.number), None),
                _ => {
                    let (said, asked) = cases::crafted(random, tokens, self.number);
                    (said, Some(asked))
                }
            };
            self.say_http1(&said, asked);
            self.go_on();
        }
    }

    /// Says these bytes, which may be taken for no more than these requests, or what can be read in
    /// them.
    fn say_http1(&mut self, said: &[u8], asked: Option<Vec<Asked>>) {
        let is_crafted = asked.is_some();
        let (read, is_whole) = oracle::read(said);
        let has_body = read.first().is_none_or(|asked| asked.method != "HEAD");
        let is_one = !is_crafted && is_whole && read.len() == 1;
        let meant: Vec<_> = asked.unwrap_or(read).iter().map(Asked::may).collect();
        let mut line = match self.kept.take() {
            Some(line) if is_one => line,
            _ => Line::connect(&self.place),
        };
        line.send(said);
        if !is_whole {
            line.end_sending();
        }
        let first = line.reply(has_body);
        let is_stream = first.as_ref().is_some_and(|reply| reply.is_stream);
        // What is no HTTP is refused with a status alone, and nothing is heard after it.
        let is_bare = has_body && first.as_ref().is_some_and(Reply::is_bare);
        let mut replies = Vec::from_iter(first);
        if is_one && !is_bare && !is_stream && line.unread.is_empty() && !line.ended {
            self.kept = Some(line);
        } else if !is_stream {
            if !is_bare {
                line.end_sending();
            }
            while has_body && let Some(reply) = line.reply(true) {
                let is_last = reply.is_stream;
                replies.push(reply);
                if is_last {
                    break;
                }
            }
        }
        self.judge(said, &replies, &meant, is_one);
    }

    /// Nothing is accepted that may not be, and whoever is refused is told why: in JSON, or by the
    /// status alone where there was no request.
    fn judge(&mut self, said: &[u8], replies: &[Reply], meant: &[Option<Meant>], is_one: bool) {
        let shown = || format!("\nnumber {}: {}", self.number, said.escape_ascii());
        let good = replies
            .iter()
            .filter(|reply| reply.status / 100 == 2)
            .count();
        let may = meant.iter().flatten().count();
        assert!(good <= may, "{good} accepted, {may} may be:{}", shown());
        for reply in replies.iter().filter(|reply| reply.status / 100 != 2) {
            assert!(
                (400..=505).contains(&reply.status),
                "{}{}",
                reply.status,
                shown()
            );
            assert!(
                is_error(&reply.body) || reply.body.is_empty(),
                "{} for {:?}:{}",
                reply.status,
                reply.body.escape_ascii().to_string(),
                shown()
            );
        }
        let before = replies.split_last().map_or(&[][..], |(_, before)| before);
        let is_heard_after = before.iter().any(Reply::is_bare);
        assert!(!is_heard_after, "more after the last:{}", shown());
        self.accepted += good;
        for reply in replies {
            *self.statuses.entry(reply.status).or_default() += 1;
        }
        let is_new = replies.iter().all(|reply| !says_duplicate(&reply.body));
        for meant in meant.iter().flatten() {
            self.witness.expect(meant, is_one && good == 1 && is_new);
        }
    }

    /// Says so many requests of HTTP/2.
    fn http2(&mut self, count: usize) {
        let end = self.number + count;
        while self.number < end {
            let (random, tokens) = (&mut self.random, &self.tokens);
            let is_in_order = random.below(20) < 9;
            let (said, asked) = if is_in_order {
                let numbers = self.number..self.number + 3;
                let asked = numbers.map(|number| cases::changed(random, tokens, number));
                let asked: Vec<_> = asked.collect();
                (frames::requests(&asked), asked)
            } else if random.chance(2) {
                (frames::corrupted(random), Vec::new())
            } else {
                (frames::crafted(random, tokens), Vec::new())
            };
            let mut line = Line::connect(&self.place);
            line.send(&said);
            if !is_in_order {
                line.end_sending();
            }
            let answers = frames::answers(&mut line, &asked);
            self.judge_http2(&said, &asked, &answers);
            for _ in 0..asked.len().max(1) {
                self.number += 1;
                self.go_on();
            }
        }
    }

    fn judge_http2(
        &mut self,
        said: &[u8],
        asked: &[Asked],
        answers: &BTreeMap<u32, frames::Answer>,
    ) {
        let shown = || format!("\nnumber {}: {}", self.number, said.escape_ascii());
        for (stream, answer) in answers {
            let asked = asked.get(*stream as usize / 2);
            let is_good = answer.is_good == Some(true);
            let meant = asked.and_then(Asked::may);
            assert!(
                !is_good || meant.is_some(),
                "{stream} is accepted:{}",
                shown()
            );
            let is_bare =
                answer.is_good.is_none() || asked.is_none_or(|asked| asked.method == "HEAD");
            assert!(
                is_good || is_bare || is_error(&answer.body),
                "{stream} is refused without a reason, {}:{}",
                answer.body.escape_ascii(),
                shown()
            );
            self.accepted += usize::from(is_good);
            if answer.is_good.is_some() {
                *self
                    .statuses
                    .entry(if is_good { 200 } else { 400 })
                    .or_default() += 1;
            }
        }
        for (number, asked) in asked.iter().enumerate() {
            let answer = answers.get(&frames::stream(number));
            let is_good = answer.is_some_and(|answer| answer.is_good == Some(true));
            let is_new = answer.is_none_or(|answer| !says_duplicate(&answer.body));
            if let Some(meant) = asked.may() {
                self.witness.expect(&meant, is_good && is_new);
            }
        }
    }

    /// Now and then an event is published as it should be, and heard with all before it.
    fn go_on(&mut self) {
        if !self.number.is_multiple_of(ROUND) {
            return;
        }
        if self.number.is_multiple_of(100 * ROUND) {
            self.program.live_on();
        }
        self.published += 1;
        let data = format!("in order {}", self.published);
        let mut asked = cases::publish(&format!(r#"{{"topics":["order"],"data":"{data}"}}"#));
        let key = format!("Bearer {KEY}").into();
        asked.fields.push(("authorization".to_owned(), key));
        self.ask(&asked);
        self.witness.hear(&data);
    }

    /// Asks for something that must be granted.
    fn ask(&self, asked: &Asked) -> Vec<u8> {
        let mut line = Line::connect(&self.place);
        if self.is_http2() {
            line.send(&frames::requests(std::slice::from_ref(asked)));
            let answer = frames::answers(&mut line, std::slice::from_ref(asked)).remove(&1);
            let answer = answer.expect("it is answered");
            assert_eq!(answer.is_good, Some(true), "{}", answer.body.escape_ascii());
            return answer.body;
        }
        line.send(&cases::bytes(asked));
        let reply = line.reply(true).expect("it is answered");
        assert_eq!(reply.status, 200, "{}", reply.body.escape_ascii());
        reply.body
    }

    fn is_http2(&self) -> bool {
        self.place.is_http2
    }

    /// Streams that are open, as the server says.
    fn connections(&self) -> u64 {
        let mut asked = cases::get("/stats");
        let token = format!("Bearer {}", self.tokens.witness);
        asked
            .fields
            .push(("authorization".to_owned(), token.into()));
        let stats: serde_json::Value =
            serde_json::from_slice(&self.ask(&asked)).expect("statistics are JSON");
        stats["connections"].as_u64().expect("a number")
    }

    fn descriptors(&self) -> usize {
        let pid = self.program.pid().as_raw_nonzero();
        let open = fs::read_dir(format!("/proc/{pid}/fd"));
        open.expect("it lives").count()
    }

    fn resident_kb(&self) -> u64 {
        let pid = self.program.pid().as_raw_nonzero();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        size.expect("the kernel says how much is resident")
    }

    /// What it says of all this tells nobody a secret, and that nothing went wrong within.
    fn check_logs(&self) {
        let Tokens {
            witness, writer, ..
        } = &self.tokens;
        for line in self.program.stderr() {
            for hidden in [SECRET, KEY, witness, writer, "panicked", " ERROR "] {
                assert!(!line.contains(hidden), "{hidden:?} is in {line}");
            }
        }
    }

    /// Waits until nobody but the witness has a connection.
    fn settle(&mut self, descriptors: usize) {
        self.kept = None;
        eventually("all connections are closed", || {
            let seen = (self.connections(), self.descriptors());
            // The one that asks may be closed a little later.
            let done = seen.0 == 1 && seen.1 <= descriptors;
            done.then_some(())
                .ok_or(format!("{seen:?}, of {descriptors}"))
        });
    }
}

/// Whether a body says what is wrong, as all refusals of the server do.
fn is_error(body: &[u8]) -> bool {
    let json = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
    ["code", "message"].iter().all(|name| {
        let text = json["error"][name].as_str().unwrap_or_default();
        !text.is_empty()
    })
}

fn says_duplicate(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains("\"duplicate\":true")
}

impl Witness {
    /// Opens a stream of everything; hands out what it is called, too.
    fn open(place: &Place, token: &str) -> (Self, String) {
        let mut line = Line::connect(place);
        let mut asked = cases::get("/events?topic=**");
        let token = format!("Bearer {token}").into();
        asked.fields.push(("authorization".to_owned(), token));
        line.send(&cases::bytes(&asked));
        let reply = line.reply(true).expect("it is answered");
        assert!(reply.is_stream, "{}", reply.body.escape_ascii());
        let mut decoder = Decoder::new(DecodeOptions::default());
        let connected = loop {
            if let Some(first) = received(&mut decoder, &line.unread).pop() {
                break first;
            }
            line.unread.clear();
            line.read();
        };
        line.unread.clear();
        let connection = connected.json()["connection"].clone();
        let witness = Self {
            line,
            decoder,
            heard: Vec::new(),
            may_come: HashMap::new(),
            must_come: Vec::new(),
        };
        (
            witness,
            connection.as_str().expect("it has a name").to_owned(),
        )
    }

    fn expect(&mut self, meant: &Meant, is_accepted: bool) {
        for data in &meant.may_come {
            *self.may_come.entry(data.clone()).or_default() += 1;
        }
        if is_accepted {
            self.must_come.extend(meant.must_come.iter().cloned());
        }
    }

    /// Reads up to this event, and checks all before it.
    fn hear(&mut self, last: &str) {
        while !self.heard.iter().any(|data| data == last) {
            for event in received(&mut self.decoder, &self.line.unread) {
                match &*event.event {
                    "connected" | "heartbeat" => {}
                    "gap" | "bye" => panic!("it is told {event:?}"),
                    _ => self.heard.push(event.data),
                }
            }
            self.line.unread.clear();
            if !self.heard.iter().any(|data| data == last) {
                assert!(!self.line.ended, "the stream is cut before {last}");
                self.line.read();
            }
        }
        assert_eq!(
            self.heard.pop().as_deref(),
            Some(last),
            "nothing is after it"
        );
        for data in self.must_come.drain(..) {
            let found = self.heard.contains(&data);
            assert!(
                found,
                "{data:?} was accepted, and did not come: {:?}",
                self.heard
            );
        }
        for data in self.heard.drain(..) {
            let count = self.may_come.get_mut(&data).filter(|count| **count > 0);
            *count.unwrap_or_else(|| panic!("{data:?} may not come")) -= 1;
        }
        // What was refused does not come later.
        self.may_come.clear();
    }
}

fn run(transport: Transport) {
    let is_soak = std::env::var("TIDINGS_SOAK").is_ok_and(|said| said == "true");
    let count = if is_soak { 25_000 } else { 750 };
    let mut trial = Trial::start(transport);
    let descriptors = trial.descriptors();
    let say = if transport.is_http2() {
        Trial::http2
    } else {
        Trial::http1
    };
    // What a server needs once is there after the first.
    say(&mut trial, count / 5);
    trial.settle(descriptors);
    let before_kb = trial.resident_kb();
    let silent: Vec<_> = (0..SILENT)
        .map(|number| {
            let mut line = Line::connect(&trial.place);
            line.send(&b"GET /events HTTP/1.1\r\nhost: x"[..number]);
            line
        })
        .collect();
    let start = Instant::now();
    say(&mut trial, count - count / 5);
    let time = start.elapsed();
    for mut line in silent {
        while !line.ended {
            line.read();
        }
    }
    trial.settle(descriptors);
    let growth_kb = trial.resident_kb().saturating_sub(before_kb);
    println!(
        "{transport:?}: {} requests in {time:?}, {} accepted, {} of order heard, {growth_kb} KiB more; {:?}",
        trial.number, trial.accepted, trial.published, trial.statuses
    );
    assert!(
        growth_kb <= MOST_GROWTH_KB,
        "it has grown by {growth_kb} KiB"
    );
    assert!(trial.accepted > count / 100, "some are in order");
    trial.check_logs();
}

#[test]
fn nothing_in_http_1_1_harms_it() {
    run(Transport::Http1);
}

#[test]
fn nothing_in_http_1_1_over_tls_harms_it() {
    run(Transport::Http1OverTls);
}

#[test]
fn nothing_in_http_2_harms_it() {
    run(Transport::Http2);
}

#[test]
fn nothing_in_http_2_over_tls_harms_it() {
    run(Transport::Http2OverTls);
}

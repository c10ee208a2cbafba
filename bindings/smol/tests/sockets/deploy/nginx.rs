//! nginx in front of Tidings, with the file that is shipped: what people will have.
//!
//! It does not change that file but for ports.

use super::{Directory, has, read, run};
use crate::support::{Client, Program, Server, eventually, reserved_port};
use rustix::process::Signal;
use socket2::{Domain, Socket, Type};
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An nginx of the test's own, and the server behind it.
struct Proxied {
    server: Server,
    nginx: Child,
    address: SocketAddr,
    _directory: Directory,
}

impl Drop for Proxied {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.nginx);
        // It may have ended by itself; its workers end with it.
        let _ = rustix::process::kill_process(pid, Signal::TERM);
        let _ = self.nginx.wait();
    }
}

/// What a test wants of `http { … }` beside the file.
struct Around<'a> {
    name: &'a str,
    http: &'a str,
    heartbeat: &'a str,
}

impl Proxied {
    /// None where nginx is not installed.
    fn start(around: &Around<'_>) -> Option<Self> {
        if !has("nginx", true) {
            return None;
        }
        let server = Server::start(&[
            "--host",
            "events.example.com",
            "--trusted-proxy",
            "127.0.0.1",
            "--heartbeat",
            around.heartbeat,
            "--log-format",
            "json",
        ]);
        let address = SocketAddr::from(([127, 0, 0, 1], reserved_port()));
        let directory = Directory::new(around.name);
        let shipped = read("nginx.conf");
        for (what, times) in [("127.0.0.1:8080", 1), ("listen 80;", 1)] {
            assert_eq!(shipped.matches(what).count(), times, "{what}");
        }
        let site = shipped
            .replace("127.0.0.1:8080", &server.address.to_string())
            .replace("listen 80;", &format!("listen {address};"));
        directory.write("tidings.conf", &site);
        let here = directory.0.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|what| format!("{what}_temp_path {here}/{what};\n"))
            .collect();
        let main = format!(
            "daemon off;\nworker_processes 2;\npid {here}/pid;\nerror_log {here}/error.log;\n\
             events {{}}\nhttp {{\naccess_log off;\n{temporary}{}\ninclude {here}/tidings.conf;\n}}\n",
            around.http
        );
        let main = directory
            .write("nginx.conf", &main)
            .to_string_lossy()
            .into_owned();
        let log = format!("{here}/error.log");
        run(
            "nginx",
            &["-t", "-q", "-p", &here.to_string(), "-e", &log, "-c", &main],
        );
        let mut command = Command::new("sh");
        let script = "PATH=$PATH:/usr/sbin exec nginx \"$@\"";
        command
            .args(["-c", script, "nginx", "-p"])
            .arg(&directory.0);
        command.args(["-e", &log, "-c", &main]).stdin(Stdio::null());
        let nginx = command.spawn().expect("there is a shell");
        let proxied = Self {
            server,
            nginx,
            address,
            _directory: directory,
        };
        eventually("nginx listens", || {
            let connected = std::net::TcpStream::connect(address);
            connected.map_err(|error| {
                let said = fs::read_to_string(&log).unwrap_or_default();
                format!("{error}; {said}")
            })
        });
        Some(proxied)
    }

    fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Asks for a stream, as a browser would that takes compressed responses.
    fn stream(&self, mut client: Client, query: &str) -> Chunks {
        let headers = [
            "host: events.example.com",
            "accept: text/event-stream",
            "accept-encoding: gzip, br",
        ];
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        client.send(format!("GET /events?{query} HTTP/1.1\r\n{lines}\r\n"));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(!head.to_lowercase().contains("content-encoding"), "{head}");
        let text = String::from_utf8(client.take_unread());
        let text = text.expect("all is ASCII here");
        Chunks { client, text }
    }
}

/// What comes through the proxy, in chunks of HTTP/1.1: each is what nginx had at a time.
struct Chunks {
    client: Client,
    text: String,
}

impl Chunks {
    /// Reads until there is this text, and forgets all up to its end.
    fn until(&mut self, text: &str) {
        while !self.text.contains(text) {
            assert!(self.client.read(), "the stream ended: {:?}", self.text);
            let more = self.client.take_unread();
            self.text += std::str::from_utf8(&more).expect("all is ASCII here");
        }
        let end = self.text.find(text).expect("it is there") + text.len();
        self.text.drain(..end);
    }
}

#[test]
fn each_event_passes_at_once_and_as_it_is() {
    // A site around it that compresses and buffers whatever it can.
    let http = "gzip on;\ngzip_types *;\ngzip_proxied any;\nproxy_buffering on;\ntcp_nopush on;";
    let around = Around {
        name: "nginx-passes",
        http,
        heartbeat: "0",
    };
    let Some(proxied) = Proxied::start(&around) else {
        return;
    };
    let mut stream = proxied.stream(proxied.client(), "topic=a");
    stream.until("event: connected\n");
    // Each has come before the next is published.
    for number in 0..20 {
        let event = format!("{{\"topics\":[\"a\"],\"data\":\"number {number}\"}}");
        let published = proxied.client().request_with(
            "POST /publish HTTP/1.1",
            &[
                "host: events.example.com",
                "content-type: application/json",
                &format!("content-length: {}", event.len()),
            ],
            event.as_bytes(),
        );
        assert_eq!(published.status, 200, "{published:?}");
        stream.until(&format!("data: number {number}\n"));
    }
    // Whoever leaves the proxy leaves the server.
    proxied.server.wait_for_stat("connections", 1);
    drop(stream);
    proxied.server.wait_for_stat("connections", 0);
}

#[test]
fn connections_for_requests_are_kept() {
    let around = Around {
        name: "nginx-keeps",
        http: "",
        heartbeat: "0",
    };
    let Some(proxied) = Proxied::start(&around) else {
        return;
    };
    let mut client = proxied.client();
    for _ in 0..50 {
        let headers = ["host: events.example.com"];
        let response = client.request_with("GET /health/ready HTTP/1.1", &headers, b"");
        assert_eq!(response.status, 200, "{response:?}");
    }
    // Two workers, each of which keeps what it has opened; and the one that asks.
    let open = proxied.server.metrics().value("tidings_http_connections");
    assert!((2.0..=4.0).contains(&open), "{open}");
}

#[test]
fn a_quiet_stream_outlives_the_patience_of_the_proxy() {
    const PATIENCE_OF_NGINX: Duration = Duration::from_secs(2);
    let around = Around {
        name: "nginx-waits",
        http: "proxy_read_timeout 2s;\nproxy_send_timeout 2s;\nsend_timeout 2s;\nkeepalive_timeout 2s;",
        heartbeat: "500ms",
    };
    let Some(proxied) = Proxied::start(&around) else {
        return;
    };
    let mut stream = proxied.stream(proxied.client(), "topic=a");
    stream.until("event: connected\n");
    let start = Instant::now();
    while start.elapsed() < 2 * PATIENCE_OF_NGINX {
        stream.until("event: heartbeat\n");
    }
    proxied.server.say("a", "still there");
    stream.until("data: still there\n");
    let opened = proxied.server.stats()["opened"].clone();
    assert_eq!(opened, 1, "it is the same stream");
}

#[test]
fn the_server_knows_who_asks() {
    let around = Around {
        name: "nginx-says",
        http: "",
        heartbeat: "0",
    };
    let Some(proxied) = Proxied::start(&around) else {
        return;
    };
    let connect_from = |address: [u8; 4]| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
        let from = SocketAddr::from((address, 0));
        socket.bind(&from.into()).expect("all of 127/8 is here");
        socket
            .connect(&proxied.address.into())
            .expect("nginx listens");
        Client::of(socket.into(), proxied.address)
    };
    let mut stream = proxied.stream(connect_from([127, 0, 0, 2]), "topic=a");
    stream.until("event: connected\n");
    // What a client says of itself is not believed.
    let mut other = connect_from([127, 0, 0, 3]);
    other.send(
        "GET /events?topic=a HTTP/1.1\r\nhost: events.example.com\r\n\
         x-forwarded-for: 192.0.2.1\r\nforwarded: for=192.0.2.2\r\n\r\n",
    );
    assert!(other.head().starts_with("HTTP/1.1 200 "));
    for address in ["127.0.0.2", "127.0.0.3"] {
        is_logged(&proxied.server.program, address);
    }
    let said = proxied.server.program.describe();
    assert!(!said.contains("192.0.2."), "{said}");
}

fn is_logged(program: &Program, address: &str) {
    let line = program.wait_for_stderr(&format!("\"address\":\"{address}\""));
    assert!(line.contains("\"message\":\"connected\""), "{line}");
}

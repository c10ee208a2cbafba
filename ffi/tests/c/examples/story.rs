//! What every server of the examples is put through.
//!
//! It does not know which it is.

use super::reader::missed;
use super::server::{PATIENCE, Server, answer, post};
use crate::tools::{has, start};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::process::{Resource, getrlimit};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::process::Stdio;
use std::time::Instant;

/// Events, resume, a gap, more in a turn than the log holds, a new stream in place of an old one, and a
/// drain. The server keeps four events.
pub(crate) fn tell(mut server: Server) {
    let mut reader = server.read("/events?topic=news&topic=a%2fb%20c");
    let mut other = server.read("/events?topic=*&user=ann");
    let answer = server.publish("topic=news&event=greeting", "one\ntwo");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.ends_with("\"recipients\":2}\n"), "{answer:?}");
    for reader in [&mut reader, &mut other] {
        let event = reader.next();
        assert_eq!((&*event.event, &*event.data), ("greeting", "one\ntwo"));
        assert!(answer.body.contains(&event.id), "{answer:?}, not {event:?}");
    }
    assert_eq!(server.publish("topic=a/b+c", "3").status, 200);
    let third = reader.expect("3");

    resume(&server, &third);
    flood(&server);
    supersede(&server);

    // The last story left a log, of which these readers got what is for them.
    server.terminate();
    let mut last = None;
    while let Some(event) = reader.try_next() {
        last = Some(event);
    }
    let bye = last.expect("a bye");
    assert_eq!(bye.event, "bye", "{bye:?}");
    assert!(bye.data.contains("\"drain\""), "{bye:?}");
    drop(other);
    server.wait();
}

fn resume(server: &Server, last_event_id: &str) {
    for data in ["4", "5"] {
        assert_eq!(server.publish("topic=more", data).status, 200);
    }
    let mut reader = server
        .resume("/events?topic=more", last_event_id)
        .expect("a stream");
    reader.expect("4");
    let fifth = reader.expect("5");
    drop(reader);
    for data in ["6", "7", "8", "9", "10", "11"] {
        assert_eq!(server.publish("topic=more", data).status, 200);
    }
    let mut reader = server
        .resume("/events?topic=more", &fifth)
        .expect("a stream");
    assert_eq!(reader.expect_gap(), Some(2));
    for data in ["8", "9", "10", "11"] {
        reader.expect(data);
    }
    let mut reader = server
        .resume("/events?topic=more", "nonsense")
        .expect("a stream");
    assert_eq!(reader.expect_gap(), None);
}

/// Many requests at once, of which each is answered in turn, and none is refused for want of room.
fn flood(server: &Server) {
    let mut reader = server.read("/events?topic=flood");
    let mut publisher = server.connect();
    let requests: Vec<u8> = (0..20)
        .flat_map(|number| post("topic=flood", &number.to_string()))
        .collect();
    publisher.write_all(&requests).expect("it is sent");
    for number in 0..20 {
        let answer = answer(&mut publisher);
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
        reader.expect(&number.to_string());
    }
}

fn supersede(server: &Server) {
    let path = "/events?topic=tabs&tab=0123456789abcdef";
    let mut old = server.read(path);
    let mut new = server.read(path);
    let bye = old.next();
    assert_eq!(bye.event, "bye", "{bye:?}");
    assert!(old.try_next().is_none());
    assert_eq!(server.resume(path, &bye.id).err(), Some(204));
    assert_eq!(server.publish("topic=tabs", "1").status, 200);
    new.expect("1");
}

/// A reader that does not read is told what it missed. The server keeps a hundred events.
pub(crate) fn lag(mut server: Server) {
    const EVENTS: usize = 200;
    let mut stuck = server.read("/events?topic=large");
    // Else the system may take everything for it.
    set_socket_recv_buffer_size(&stuck.socket, 128 << 10).expect("a size");
    let mut live = server.read("/events?topic=large");
    let rest = "x".repeat(60_000);
    for number in 0..EVENTS {
        let data = format!("{number} {rest}");
        assert_eq!(server.publish("topic=large", &data).status, 200);
        live.expect(&data);
    }
    let (mut next, mut gaps) = (0, 0);
    while next < EVENTS {
        let event = stuck.next();
        if event.event == "gap" {
            gaps += 1;
            next += missed(&event).expect("a count");
        } else {
            assert!(
                event.data.starts_with(&format!("{next} ")),
                "not {next}: {}",
                &event.data[..9]
            );
            next += 1;
        }
    }
    assert!(gaps > 0, "the system took {EVENTS} large events");
    server.terminate();
    server.wait();
}

/// Two thousand readers, some of which vanish.
pub(crate) fn crowd(mut server: Server) {
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let readers = usize::try_from(files / 4).unwrap_or(usize::MAX).min(2_000);
    let mut readers: Vec<_> = (0..readers)
        .map(|_| server.read("/events?topic=news"))
        .collect();
    for data in ["1", "2", "3"] {
        let answer = server.publish("topic=news", data);
        let recipients = format!("\"recipients\":{}}}", readers.len());
        assert!(answer.body.contains(&recipients), "{answer:?}");
    }
    for reader in &mut readers {
        for data in ["1", "2", "3"] {
            reader.expect(data);
        }
    }
    with_curl(&server);
    let gone = readers.split_off(readers.len() / 2);
    drop(gone);
    wait_for_recipients(&server, readers.len());
    server.terminate();
    for mut reader in readers {
        while let Some(event) = reader.try_next() {
            assert!(["message", "bye"].contains(&&*event.event), "{event:?}");
        }
    }
    server.wait();
}

/// A reader that is nobody of ours, and is killed.
fn with_curl(server: &Server) {
    if !has("curl") {
        return;
    }
    let url = format!("http://{}/events?topic=curl", server.address);
    let mut curl = start("curl")
        .arg("-sN")
        .arg(url)
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl");
    let mut lines = BufReader::new(curl.stdout.take().expect("a pipe")).lines();
    let mut wait_for = |wanted: &str| lines.any(|line| line.expect("UTF-8") == wanted);
    assert!(wait_for("event: connected"));
    assert_eq!(server.publish("topic=curl", "for curl").status, 200);
    assert!(wait_for("data: for curl"));
    curl.kill().expect("it runs");
    curl.wait().expect("it was killed");
}

fn wait_for_recipients(server: &Server, wanted: usize) {
    let start = Instant::now();
    let wanted = format!("\"recipients\":{wanted}}}");
    while !server
        .publish("topic=news", "are you there")
        .body
        .contains(&wanted)
    {
        assert!(start.elapsed() < PATIENCE, "it does not see who is gone");
    }
}

/// Requests that are none, too long, or too slow.
pub(crate) fn refuse(mut server: Server) {
    let mut slow = server.connect();
    slow.write_all(b"GET /events?topic=news HTTP/1.1\r\n")
        .expect("it is sent");
    let long = "x".repeat(10_000);
    for (status, request) in [
        (404, "GET / HTTP/1.1\r\n\r\n".to_owned()),
        (
            404,
            "PUT /publish?topic=news HTTP/1.1\r\nContent-Length: 1\r\n\r\nx".to_owned(),
        ),
        (400, "GET /events?topc=news HTTP/1.1\r\n\r\n".to_owned()),
        (400, "GET /events?topic=%ff HTTP/1.1\r\n\r\n".to_owned()),
        (
            400,
            "POST /publish HTTP/1.1\r\nContent-Length: 1\r\n\r\nx".to_owned(),
        ),
        (400, "GET /events?topic=news HTTP/2\r\n\r\n".to_owned()),
        (400, "\u{16}\u{3}\u{1}\r\n\r\n".to_owned()),
        (
            400,
            "POST /publish?topic=a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"
                .to_owned(),
        ),
        (
            400,
            "POST /publish?topic=a HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_owned(),
        ),
        (
            400,
            "POST /publish?topic=a HTTP/1.1\r\nContent-Length : 1\r\n\r\nx".to_owned(),
        ),
        (
            400,
            "GET /events?topic=a HTTP/1.1\r\nA: b\r\n folded\r\n\r\n".to_owned(),
        ),
        (
            413,
            format!("POST /publish?topic=a HTTP/1.1\r\nContent-Length: 65537\r\n\r\n{long}"),
        ),
        (431, format!("GET /events?topic={long} HTTP/1.1\r\n")),
        (
            501,
            "POST /publish?topic=a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
        ),
    ] {
        let mut socket = server.connect();
        socket.write_all(request.as_bytes()).expect("it is sent");
        let answer = answer(&mut socket);
        assert_eq!(answer.status, status, "{request:?}: {answer:?}");
        let end = socket.read_to_end(&mut Vec::new());
        assert_eq!(end.expect("it is closed in order"), 0, "{request:?}");
    }
    in_pieces(&server);

    let end = slow.read_to_end(&mut Vec::new());
    let is_end = match &end {
        Ok(read) => *read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    };
    assert!(is_end, "{end:?}");
    server.terminate();
    server.wait();
}

/// A request that comes byte by byte is as good as any.
fn in_pieces(server: &Server) {
    let mut reader = server.read("/events?topic=news");
    let mut publisher = server.connect();
    for data in ["one", ""] {
        for byte in post("topic=news", data) {
            publisher.write_all(&[byte]).expect("it is sent");
        }
        assert_eq!(answer(&mut publisher).status, 200);
        reader.expect(data);
    }
}

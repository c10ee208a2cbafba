//! TLS: certificates and keys, handshakes that fail, and what is chosen in them.

use crate::support::{
    CertificateFiles, Client, Program, Site, Transport, Wire, block_on, connect, connector,
    handshake, patiently, run_to_end,
};
use futures_rustls::rustls::HandshakeKind;
use futures_rustls::rustls::pki_types::CertificateDer;
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tidings_smol::CloseReason;
use tidings_smol::server::{Server, ServerError, ServerOptions, Tls, TlsError, TlsOptions};

async fn wire(site: &Site) -> Wire {
    patiently(Wire::connect(Transport::Http2OverTls, site)).await
}

fn lives(site: &Site) {
    block_on(async {
        assert_eq!(wire(site).await.get("/health").await.status(), 200);
    });
}

fn certificate(site: &Site) -> CertificateDer<'static> {
    let files = site.files.as_ref().expect("it speaks TLS");
    files.certificate.clone()
}

#[test]
fn who_does_not_speak_tls_is_turned_away_and_the_server_lives() {
    let site = Site::start(true, |_| {});
    let half_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for said in [
        &b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        half_hello,
        &[0; 512],
        &[0xff; 512],
    ] {
        let mut client = Client::connect(site.address);
        client.send(said);
        client.end_sending();
        client.wait_for_end();
        let answer = client.take_unread();
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    lives(&site);
}

#[test]
fn a_handshake_that_does_not_come_on_is_cut() {
    let site = Site::start(true, |options| {
        options.http.head_timeout = Duration::from_millis(300);
    });
    for said in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut client = Client::connect(site.address);
        client.send(said);
        client.wait_for_end();
    }
    lives(&site);
}

#[test]
fn a_handshake_counts_as_a_connection() {
    let site = Site::start(true, |options| options.connections = Some(2));
    let mut begun = [0; 2].map(|_| Client::connect(site.address));
    for client in &mut begun {
        client.send(b"\x16\x03\x01");
    }
    let mut refused = Client::connect(site.address);
    refused.wait_for_end();
    assert!(
        refused.take_unread().is_empty(),
        "no word that TLS would not know"
    );
    drop(begun);
    // The places are free once the server has seen that.
    block_on(async {
        loop {
            let socket = connect(site.address).await;
            if handshake(socket, certificate(&site), &["h2"]).await.is_ok() {
                break;
            }
        }
    });
}

#[test]
fn the_protocol_is_chosen_in_the_handshake_and_http_1_1_without() {
    let site = Site::start(true, |_| {});
    block_on(async {
        for (offered, chosen) in [
            (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
            (&["http/1.1", "h2"], Some(b"h2")),
            (&["http/1.1"], Some(b"http/1.1")),
            (&[], None),
        ] {
            let socket = connect(site.address).await;
            let socket = handshake(socket, certificate(&site), offered).await;
            let socket = socket.expect("TLS");
            assert_eq!(socket.get_ref().1.alpn_protocol(), chosen, "{offered:?}");
        }
        let socket = connect(site.address).await;
        assert!(
            handshake(socket, certificate(&site), &["spdy/1"])
                .await
                .is_err()
        );
        let socket = connect(site.address).await;
        let mut socket = handshake(socket, certificate(&site), &[])
            .await
            .expect("TLS");
        let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        socket.write_all(request).await.expect("it is sent");
        let mut answer = String::new();
        socket
            .read_to_string(&mut answer)
            .await
            .expect("it ends in order");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    });
}

#[test]
fn what_a_client_says_on_its_stream_is_ignored_until_it_leaves() {
    let site = Site::start(true, |options| {
        options.http.head_timeout = Duration::from_millis(300);
    });
    let socket = block_on(async {
        let socket = connect(site.address).await;
        let mut socket = handshake(socket, certificate(&site), &["http/1.1"])
            .await
            .expect("TLS");
        let request = b"GET /events?topic=a HTTP/1.1\r\nhost: localhost\r\n\r\n";
        socket.write_all(request).await.expect("it is sent");
        socket
            .write_all(&vec![b'x'; 1 << 20])
            .await
            .expect("it is read");
        let mut came: Vec<u8> = Vec::new();
        let mut more = [0; 4_096];
        while !came.windows(12).any(|part| part == b"data: hello\n") {
            let read = socket.read(&mut more).await.expect("more");
            assert!(read > 0, "it ended");
            if came.is_empty() {
                site.say("a", "hello").await;
            }
            came.extend(&more[..read]);
        }
        socket
    });
    assert_eq!(site.stats().connections, 1);
    drop(socket);
    site.wait_for_closed(CloseReason::Gone, 1);
}

#[test]
fn whoever_comes_back_is_known() {
    let site = Site::start(true, |_| {});
    block_on(async {
        let connector = connector(certificate(&site), &["http/1.1"]);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let name = "localhost".try_into().expect("a name");
            let socket = connect(site.address).await;
            let mut socket = connector.connect(name, socket).await.expect("TLS");
            let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            socket.write_all(request).await.expect("it is sent");
            let mut answer = Vec::new();
            socket
                .read_to_end(&mut answer)
                .await
                .expect("it ends in order");
            assert_eq!(socket.get_ref().1.handshake_kind(), Some(expected));
        }
    });
}

#[test]
fn a_new_certificate_is_shown_to_new_connections_and_streams_go_on() {
    let mut site = Site::start(true, |_| {});
    let tls = site.tls.clone().expect("it speaks TLS");
    let old = certificate(&site);
    let (_wire, mut stream) = block_on(async {
        let mut wire = wire(&site).await;
        let stream = wire.stream("topic=a", "").await;
        (wire, stream)
    });
    site.files.as_mut().expect("it has files").renew();
    // Nothing has changed until it is read.
    block_on(async {
        let socket = connect(site.address).await;
        assert!(handshake(socket, old.clone(), &["h2"]).await.is_ok());
    });
    let options = site.files.as_ref().expect("it has files").options();
    tls.reload(&options).expect("it can be read");
    lives(&site);
    block_on(async {
        let socket = connect(site.address).await;
        assert!(handshake(socket, old, &["h2"]).await.is_err());
        stream.connected().await;
        site.say("a", "still here").await;
        assert_eq!(stream.message().await, "still here");
    });
    std::fs::write(&options.key, "nonsense").expect("it can be written");
    assert!(matches!(tls.reload(&options), Err(TlsError::NoKey(_))));
    lives(&site);
}

fn refusal(cert: &Path, key: &Path) -> String {
    let tls = TlsOptions {
        cert: cert.to_owned(),
        key: key.to_owned(),
    };
    let options = ServerOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: Some(tls.clone()),
        ..ServerOptions::default()
    };
    let error = Server::bind(options).expect_err("it is refused");
    assert!(matches!(error, ServerError::Tls(_)), "{error}");
    assert_eq!(
        Tls::load(&tls).expect_err("too").to_string(),
        error.to_string()
    );
    error.to_string()
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_is_wrong() {
    let (files, others) = (CertificateFiles::new(), CertificateFiles::new());
    let TlsOptions { cert, key } = files.options();
    let other = others.options().cert;
    let wrong = |name: &str, text: &str| {
        let path = others.options().key.with_file_name(name);
        std::fs::write(&path, text).expect("it can be written");
        path
    };
    let missing = key.with_file_name("missing.pem");
    let text = wrong("text.pem", "no PEM at all");
    let broken = wrong(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
    );
    let cut = wrong("cut.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n");
    let damaged = wrong(
        "damaged.pem",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted = wrong("encrypted.pem", encrypted);
    for (cert, key, says) in [
        (&missing, &key, "cannot read {missing.pem}: "),
        (&cert, &missing, "cannot read {missing.pem}: "),
        (&text, &key, "there is no certificate in {text.pem}"),
        (&key, &cert, "there is no certificate in {key.pem}"),
        (&broken, &key, "{broken.pem} is not PEM: "),
        (
            &cert,
            &text,
            "there is no private key in {text.pem}, or it is encrypted",
        ),
        (
            &cert,
            &cert,
            "there is no private key in {cert.pem}, or it is encrypted",
        ),
        (
            &cert,
            &encrypted,
            "there is no private key in {encrypted.pem}, or it is encrypted",
        ),
        (&cert, &cut, "{cut.pem} is not PEM: "),
        (&cert, &damaged, "the key in {damaged.pem} cannot be used: "),
        (
            &other,
            &key,
            "the key in {key.pem} is not that of the certificate in {cert.pem}",
        ),
    ] {
        let refusal = refusal(cert, key);
        for part in says.split(['{', '}']) {
            assert!(refusal.contains(part), "{refusal:?} has no {part:?}");
        }
    }
}

#[test]
fn the_program_speaks_tls_where_it_is_told_to_and_says_so() {
    let files = CertificateFiles::new();
    let TlsOptions { cert, key } = files.options();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--trusted-proxy",
        "10.0.0.0/8",
    ]);
    command
        .args(["--trusted-proxy", "::1", "--tls-key"])
        .arg(&key);
    command.env("TIDINGS_TLS_CERT", &cert);
    let program = Program::run(command);
    let line = program.wait_for_stdout("Tidings is listening on ");
    let (_, address) = line.split_once("https://").expect("it says where");
    let address = address.trim().parse().expect("an address");
    block_on(async {
        let socket = connect(address).await;
        let tls = handshake(socket, files.certificate.clone(), &["h2"]).await;
        assert_eq!(
            tls.expect("TLS").get_ref().1.alpn_protocol(),
            Some(&b"h2"[..])
        );
    });
}

#[test]
fn the_program_refuses_half_of_it_and_what_is_no_network() {
    let files = CertificateFiles::new();
    let TlsOptions { cert, key } = files.options();
    let (cert, key) = (cert.to_string_lossy(), key.to_string_lossy());
    for (arguments, says) in [
        (vec!["--tls-cert", &cert], "--tls-key"),
        (vec!["--tls-key", &key], "--tls-cert"),
        (
            vec!["--tls-cert", &key, "--tls-key", &key],
            "there is no certificate in",
        ),
        (
            vec!["--trusted-proxy", "10.0.0.0/33"],
            "neither an address nor a network",
        ),
        (
            vec!["--trusted-proxy", "proxy.example"],
            "neither an address nor a network",
        ),
    ] {
        let serve = [&["serve", "--listen", "127.0.0.1:0"], &*arguments].concat();
        let (status, _, error) = run_to_end(&serve, b"");
        assert!(!status.success(), "{arguments:?}");
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
}

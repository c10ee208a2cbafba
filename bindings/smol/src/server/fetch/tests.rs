//! What is asked of others, over real sockets.

use super::*;
use futures::future::join;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use smol::block_on;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

const PATIENCE: Duration = Duration::from_secs(60);

const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// Listens, hands each connection to `serve` on a thread of its own, and says at which URL.
fn listening(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, socket) in listener.incoming().enumerate() {
            let (serve, socket) = (serve.clone(), socket.unwrap());
            thread::spawn(move || serve(number, socket));
        }
    });
    format!("http://{address}")
}

/// Reads the head of a request; none where there is no further one.
fn head(socket: &mut impl Read) -> Option<String> {
    let mut head = String::new();
    let mut lines = BufReader::with_capacity(1, socket);
    while !head.ends_with("\r\n\r\n") {
        if lines.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

fn resource(url: &str) -> Resource {
    Resource::new(url, None, PATIENCE).unwrap()
}

fn get(resource: &Resource) -> Result<Response<Bytes>, FetchError> {
    block_on(resource.get(&[]))
}

#[test]
fn it_asks_with_the_headers_that_it_was_given() {
    let (said, heard) = async_channel::unbounded();
    let url = listening(move |_, mut socket| {
        said.try_send(head(&mut socket).unwrap()).unwrap();
        socket.write_all(FINE.as_bytes()).unwrap();
    });
    let resource = resource(&format!("{url}/a/b?c=d"));
    let headers = ["one", "two"].map(|value| {
        let value = HeaderValue::from_static(value);
        (HeaderName::from_static("cookie"), value)
    });
    let response = block_on(resource.get(&headers)).unwrap();
    assert_eq!(
        (response.status().as_u16(), &**response.body()),
        (200, &b"{}"[..])
    );
    let head = heard.recv_blocking().unwrap();
    assert!(head.starts_with("GET /a/b?c=d HTTP/1.1\r\n"), "{head}");
    let host = url.strip_prefix("http://").unwrap();
    for line in [
        &format!("host: {host}\r\n"),
        "cookie: one\r\n",
        "cookie: two\r\n",
    ] {
        assert_eq!(head.matches(line).count(), 1, "{line:?} in {head}");
    }
}

#[test]
fn a_connection_is_used_again() {
    let url = listening(|number, mut socket| {
        while head(&mut socket).is_some() {
            let body = number.to_string();
            let length = body.len();
            write!(
                socket,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    let resource = resource(&url);
    for _ in 0..3 {
        assert_eq!(&**get(&resource).unwrap().body(), b"0");
    }
    let both = block_on(join(resource.get(&[]), resource.get(&[])));
    let mut numbers = [both.0, both.1].map(|response| response.unwrap().into_body());
    numbers.sort();
    assert_eq!(numbers, ["0", "1"].map(Bytes::from));
}

#[test]
fn a_connection_that_was_ended_meanwhile_is_replaced() {
    // It ends in every way: without a word, in time, and after the next request has come.
    for ask_more in [false, true] {
        let url = listening(move |number, mut socket| {
            head(&mut socket).unwrap();
            let body = FINE.replace("{}", &format!("{number:02}"));
            socket.write_all(body.as_bytes()).unwrap();
            if ask_more {
                head(&mut socket);
            }
        });
        let resource = resource(&url);
        for number in 0..5 {
            assert_eq!(get(&resource).unwrap().body(), &format!("{number:02}"));
        }
    }
}

#[test]
fn what_is_no_answer_is_an_error() {
    for answer in [
        "",
        "HTTP/1.1 ",
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
    ] {
        let url = listening(move |_, mut socket| {
            head(&mut socket);
            socket.write_all(answer.as_bytes()).unwrap();
        });
        let Err(error) = get(&resource(&url)) else {
            panic!("{answer:?} is an answer");
        };
        assert!(matches!(error, FetchError::Http(_)), "{answer:?}: {error}");
    }
}

#[test]
fn an_answer_has_a_limit() {
    for (length, over) in [
        (format!("content-length: {}\r\n", ANSWER_BYTES), false),
        (format!("content-length: {}\r\n", ANSWER_BYTES + 1), true),
        (String::new(), true),
    ] {
        let url = listening(move |_, mut socket| {
            head(&mut socket);
            write!(socket, "HTTP/1.1 200 OK\r\n{length}\r\n").unwrap();
            let rounds = ANSWER_BYTES / 1_024 + usize::from(over);
            for _ in 0..rounds {
                if socket.write_all(&[b'x'; 1_024]).is_err() {
                    return;
                }
            }
        });
        match get(&resource(&url)) {
            Ok(response) => assert_eq!((response.body().len(), over), (ANSWER_BYTES, false)),
            Err(FetchError::TooLong) => assert!(over),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn it_is_asked_only_so_long() {
    // One says nothing, one goes on and on with its head, one with its body.
    for (begin, goes_on) in [("", ""), ("HTTP/1.1 200 OK\r\n", "a: b\r\n"), (FINE, "")] {
        let begin = begin.replace("content-length: 2", "content-length: 3");
        let url = listening(move |_, mut socket| {
            head(&mut socket);
            socket.write_all(begin.as_bytes()).unwrap();
            while goes_on.is_empty() || socket.write_all(goes_on.as_bytes()).is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let resource = Resource::new(&url, None, Duration::from_millis(300)).unwrap();
        let Err(FetchError::Late(_)) = get(&resource) else {
            panic!("there is an answer");
        };
    }
}

#[test]
fn a_redirection_is_not_followed() {
    let url = listening(|number, mut socket| {
        assert_eq!(number, 0);
        head(&mut socket);
        let answer = "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n";
        socket.write_all(answer.as_bytes()).unwrap();
    });
    assert_eq!(get(&resource(&url)).unwrap().status(), 302);
}

#[test]
fn nobody_there_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let Err(FetchError::Connect(_)) = get(&resource(&url)) else {
        panic!("somebody answers");
    };
}

#[test]
fn urls_that_cannot_be_asked_are_refused() {
    let file = Path::new("/no/such/file");
    for (url, ca_file, word) in [
        ("", None, "URL"),
        ("a b", None, "URL"),
        ("/path", None, "begins with"),
        ("ftp://a.example/", None, "http://"),
        ("http://", None, "URL"),
        ("http://user:secret@a.example/", None, "password"),
        ("http://a.example/", Some(file), "https"),
        ("https://a.example/", Some(file), "/no/such/file"),
        ("https://a_b!.example/", None, "certificate"),
    ] {
        let Err(message) = Resource::new(url, ca_file, PATIENCE) else {
            panic!("{url:?} can be asked");
        };
        assert!(message.contains(word), "{url:?}: {message}");
        assert!(!message.contains("secret"), "{message}");
    }
}

/// A certificate authority, and a server with a certificate for 127.0.0.1 by it.
fn certified() -> (tempfile::NamedTempFile, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let ca = params.self_signed(&key).unwrap();
    file.write_all(ca.pem().as_bytes()).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(futures_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = futures_rustls::rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            key.serialize_der().try_into().unwrap(),
        );
    let config = Arc::new(config.unwrap());
    let url = listening(move |_, mut socket| {
        let Ok(mut tls) = futures_rustls::rustls::ServerConnection::new(config.clone()) else {
            return;
        };
        let mut stream = futures_rustls::rustls::Stream::new(&mut tls, &mut socket);
        while head(&mut stream).is_some() {
            stream.write_all(FINE.as_bytes()).unwrap();
        }
    });
    (file, url.replace("http:", "https:"))
}

#[test]
fn over_https_it_asks_those_whom_a_listed_authority_certifies() {
    let (ca, url) = certified();
    let trusting = Resource::new(&url, Some(ca.path()), PATIENCE).unwrap();
    for _ in 0..2 {
        assert_eq!(&**get(&trusting).unwrap().body(), b"{}");
    }
    let (other, _) = certified();
    let wary = Resource::new(&url, Some(other.path()), PATIENCE).unwrap();
    let Err(FetchError::Connect(error)) = get(&wary) else {
        panic!("anyone is believed");
    };
    assert!(error.to_string().contains("certificate"), "{error}");
    // The certificate is for the address, and not for this name of it.
    let name = url.replace("127.0.0.1", "localhost");
    let misled = Resource::new(&name, Some(ca.path()), PATIENCE).unwrap();
    assert!(matches!(get(&misled), Err(FetchError::Connect(_))));
}

#[test]
fn a_file_without_authorities_is_refused() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (text, word) in [
        ("", "no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
            "cannot be read",
        ),
    ] {
        file.write_all(text.as_bytes()).unwrap();
        let refused = Resource::new("https://a.example", Some(file.path()), PATIENCE);
        let Err(message) = refused else {
            panic!("{text:?} is a list of authorities");
        };
        assert!(message.contains(word), "{message}");
    }
}

//! A client for every way to carry HTTP.
//!
//! It does not know what is asked for. The readers of streams take bytes only when they are polled,
//! and of HTTP/2 no more than a window that is small.

use super::body::BodyReader;
use super::site::Site;
use futures::future::Either;
use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use futures_rustls::rustls::crypto::aws_lc_rs::default_provider;
use futures_rustls::rustls::pki_types::{CertificateDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper::{Request, Response};
use smol::io::{AsyncRead, AsyncWrite};
use smol::{Async, Task};
use smol_hyper::rt::FuturesIo;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transport {
    Http1,
    Http1OverTls,
    Http2,
    Http2OverTls,
}

/// What the client takes of a stream that is not read.
pub(crate) const WINDOW: u32 = 64 << 10;

impl Transport {
    pub(crate) const ALL: [Self; 4] = [
        Self::Http1,
        Self::Http1OverTls,
        Self::Http2,
        Self::Http2OverTls,
    ];

    pub(crate) const fn is_secure(self) -> bool {
        matches!(self, Self::Http1OverTls | Self::Http2OverTls)
    }

    pub(crate) const fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Http2OverTls)
    }
}

/// One connection. Dropped, its socket is closed.
pub(crate) struct Wire {
    sender: Sender,
    host: String,
    _task: Task<()>,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

#[derive(Clone)]
struct Spawn;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawn {
    fn execute(&self, future: F) {
        smol::spawn(future).detach();
    }
}

impl Wire {
    pub(crate) async fn connect(transport: Transport, site: &Site) -> Self {
        let socket = Async::<TcpStream>::connect(site.address).await;
        let socket = socket.expect("the server takes a connection");
        let host = site.address.to_string();
        if !transport.is_secure() {
            return Self::on(transport, socket, host).await;
        }
        let files = site.files.as_ref().expect("the server speaks TLS");
        let protocol = if transport.is_http2() {
            "h2"
        } else {
            "http/1.1"
        };
        let socket = handshake(socket, files.certificate.clone(), &[protocol]).await;
        let socket = socket.expect("TLS");
        let chosen = socket.get_ref().1.alpn_protocol();
        assert_eq!(chosen, Some(protocol.as_bytes()));
        Self::on(transport, socket, host).await
    }

    async fn on<I>(transport: Transport, io: I, host: String) -> Self
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = FuturesIo::new(io);
        let (sender, task) = if transport.is_http2() {
            let mut http = http2::Builder::new(Spawn);
            http.initial_stream_window_size(WINDOW)
                .initial_connection_window_size(16 * WINDOW);
            let (sender, connection) = http.handshake(io).await.expect("HTTP/2");
            let task = smol::spawn(async { drop(connection.await) });
            (Sender::Http2(sender), task)
        } else {
            let (sender, connection) = http1::handshake(io).await.expect("HTTP/1.1");
            let task = smol::spawn(async { drop(connection.await) });
            (Sender::Http1(sender), task)
        };
        Self {
            sender,
            host,
            _task: task,
        }
    }

    pub(crate) async fn try_send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                let host = self.host.parse().expect("a header");
                request.headers_mut().insert("host", host);
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                let uri = format!("http://{}{}", self.host, request.uri());
                *request.uri_mut() = uri.parse().expect("a URI");
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Asks on a connection that is ready, to be answered whenever it is polled.
    pub(crate) fn ask(
        &mut self,
        target: &str,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + Send + use<> {
        let target = match &self.sender {
            Sender::Http1(_) => target.to_owned(),
            Sender::Http2(_) => format!("http://{}{target}", self.host),
        };
        let mut request = Request::get(target);
        if let Sender::Http1(_) = &self.sender {
            request = request.header("host", &self.host);
        }
        let request = request.body(Full::default()).expect("a request");
        match &mut self.sender {
            Sender::Http1(sender) => Either::Left(sender.send_request(request)),
            Sender::Http2(sender) => Either::Right(sender.send_request(request)),
        }
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.try_send(request).await.expect("a response")
    }

    pub(crate) async fn get(&mut self, target: &str) -> Response<Incoming> {
        let request = Request::get(target).body(Full::default());
        self.send(request.expect("a request")).await
    }

    /// Publishes JSON, and hands out the answer.
    pub(crate) async fn publish(&mut self, json: &str) -> serde_json::Value {
        let request = Request::post("/publish").header("content-type", "application/json");
        let request = request.body(Full::from(json.to_owned()));
        let response = self.send(request.expect("a request")).await;
        assert_eq!(response.status(), 200, "{response:?}");
        let body = response.into_body().collect().await.expect("a body");
        serde_json::from_slice(&body.to_bytes()).expect("JSON")
    }

    /// Opens a stream; an empty id is none.
    pub(crate) async fn stream(
        &mut self,
        query: &str,
        last_event_id: &str,
    ) -> BodyReader<Incoming> {
        let mut request = Request::get(format!("/events?{query}"));
        if !last_event_id.is_empty() {
            request = request.header("last-event-id", last_event_id);
        }
        let request = request.body(Full::default()).expect("a request");
        let response = self.send(request).await;
        assert_eq!(response.status(), 200, "{response:?}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let is_http2 = matches!(self.sender, Sender::Http2(_));
        assert_eq!(response.headers().contains_key("connection"), !is_http2);
        assert!(!response.headers().contains_key("transfer-encoding"));
        BodyReader::new(response.into_body())
    }
}

/// Speaks TLS with a server that shows this certificate.
pub(crate) async fn handshake(
    socket: Async<TcpStream>,
    certificate: CertificateDer<'static>,
    protocols: &[&str],
) -> io::Result<TlsStream<Async<TcpStream>>> {
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = connector(certificate, protocols);
    connector.connect(name, socket).await
}

/// A client that trusts this certificate, and remembers where it was.
pub(crate) fn connector(certificate: CertificateDer<'static>, protocols: &[&str]) -> TlsConnector {
    client_config(&[certificate], protocols).into()
}

/// The same for one that trusts several, and is no task.
pub(crate) fn client_config(
    certificates: &[CertificateDer<'static>],
    protocols: &[&str],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone()).expect("a certificate");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let protocols = protocols.iter().map(|name| name.as_bytes().to_vec());
    config.alpn_protocols = protocols.collect();
    Arc::new(config)
}

/// A socket without anything on it.
pub(crate) async fn connect(address: SocketAddr) -> Async<TcpStream> {
    let socket = Async::<TcpStream>::connect(address).await;
    socket.expect("the server takes a connection")
}

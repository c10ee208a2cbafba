//! From HTTP requests to streams: hyper reads the request, then lets go of the socket.
//!
//! It does not know which requests ask for a stream; a service says so. A stream that was taken
//! over has no HTTP buffers, no task and no timer: a socket and a slot in the hub are all it costs.

use crate::hub::NotOpened;
use crate::stream::{Stream, StreamOptions};
use hyper::body::{Body, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::{Request, Response, StatusCode};
use smol::Async;
use smol::io::AsyncWriteExt as _;
use smol_hyper::rt::{FuturesIo, SmolTimer};
use std::error::Error;
use std::future::{pending, poll_fn};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};
use tidings_core::OpenError;

/// What a service answers a request with.
#[derive(Debug)]
pub enum Answer<B> {
    /// An ordinary response.
    Response(Response<B>),
    /// The connection becomes this stream, and HTTP ends here. The request must not have a body.
    Stream(Stream),
}

/// Limits of one HTTP connection.
#[derive(Clone, Copy, Debug)]
pub struct HttpOptions {
    /// The time a client has to send the head of a request. Default 10 s.
    pub head_timeout: Duration,
    /// Bytes of the head of a request, at least 8,192. Default 64 KiB: many topics fit in a URL.
    pub head_bytes: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            head_bytes: 64 << 10,
        }
    }
}

/// Serves one HTTP/1.1 connection: requests are answered by `service`, until one of them is
/// answered with a stream, which takes the socket over.
///
/// # Errors
/// When the client breaks the protocol, or its socket fails.
pub async fn serve_connection<S, F, B>(
    socket: Async<TcpStream>,
    options: HttpOptions,
    service: S,
) -> hyper::Result<()>
where
    S: Fn(Request<Incoming>) -> F,
    F: Future<Output = Answer<B>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let taken: Arc<Mutex<Option<Stream>>> = Arc::default();
    let service = hyper::service::service_fn(|request| {
        let (taken, answer) = (taken.clone(), service(request));
        Box::pin(async move {
            match answer.await {
                Answer::Response(response) => Ok::<_, hyper::Error>(response),
                Answer::Stream(stream) => {
                    *taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
                    pending().await
                }
            }
        })
    });
    let mut http = http1::Builder::new();
    http.timer(SmolTimer::new())
        .header_read_timeout(options.head_timeout)
        .max_buf_size(options.head_bytes);
    let mut connection = Box::new(http.serve_connection(FuturesIo::new(socket), service));
    let stream = poll_fn(|cx| {
        let served = connection.poll_without_shutdown(cx);
        if let Some(stream) = taken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Poll::Ready(Ok(Some(stream)));
        }
        served.map_ok(|()| None)
    });
    let stream = stream.await?;
    let mut socket = connection.into_parts().io.into_inner();
    match stream {
        Some(stream) => {
            // Nothing was answered yet: hyper asks the service only after all before is flushed.
            if let Ok(socket) = socket.into_inner() {
                stream.attach(socket).await;
            }
        }
        // The other side may be gone already.
        None => drop(socket.close().await),
    }
    Ok(())
}

impl StreamOptions {
    /// Options for the answer to this request: the head of a stream, and the position that the
    /// client comes back with, if it does.
    #[must_use]
    pub fn for_request<B>(request: &Request<B>) -> Self {
        // Bytes that are no UTF-8 are no id of a hub; repaired they are none either.
        let id = request.headers().get("last-event-id");
        let id = id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        Self {
            last_event_id: id,
            head: stream_head(&HeaderMap::new()),
            ..Self::default()
        }
    }
}

impl NotOpened {
    /// The HTTP status that says so: 204 makes an `EventSource` stay away, 429 and 503 are for now.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Stopped | Self::Socket(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(refused) => match refused {
                OpenError::StayAway => StatusCode::NO_CONTENT,
                OpenError::Draining
                | OpenError::TooManyConnections { .. }
                | OpenError::SupersededTooSoon { .. } => StatusCode::SERVICE_UNAVAILABLE,
                OpenError::TooManyUserConnections { .. } => StatusCode::TOO_MANY_REQUESTS,
                OpenError::Expired => StatusCode::UNAUTHORIZED,
                _ => StatusCode::BAD_REQUEST,
            },
        }
    }

    /// For the header `Retry-After`: seconds after which to try again, where that may help.
    #[must_use]
    pub const fn retry_after(self) -> Option<u64> {
        match self {
            Self::Stopped | Self::Socket(_) => Some(1),
            Self::Refused(refused) => match refused {
                OpenError::Draining | OpenError::TooManyConnections { .. } => Some(1),
                OpenError::TooManyUserConnections { .. } => Some(5),
                OpenError::SupersededTooSoon { retry_ms } => Some(retry_ms.div_ceil(1_000)),
                _ => None,
            },
        }
    }
}

/// The head of a response that is a stream, with these headers beside its own.
///
/// It has neither a length nor chunks: the stream ends where the connection does (RFC 9112,
/// section 6.3).
///
/// ```
/// let head = tidings_smol::stream_head(&Default::default());
/// let head = String::from_utf8(head)?;
/// assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"));
/// assert!(head.ends_with("\r\n\r\n"));
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
#[must_use]
pub fn stream_head(headers: &HeaderMap) -> Vec<u8> {
    let mut head = b"HTTP/1.1 200 OK\r\n\
        content-type: text/event-stream\r\n\
        cache-control: no-cache, no-transform\r\n\
        x-accel-buffering: no\r\n\
        connection: close\r\n"
        .to_vec();
    let date = httpdate::fmt_http_date(SystemTime::now());
    let date = (
        HeaderName::from_static("date"),
        HeaderValue::try_from(date).ok(),
    );
    let date = date.1.iter().map(|value| (&date.0, value));
    for (name, value) in headers.iter().chain(date) {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

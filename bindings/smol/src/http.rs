//! From HTTP requests to streams: hyper reads the request, then lets go of the socket where it can.
//!
//! It does not know which requests ask for a stream; a service says so. A stream that was taken
//! over has no HTTP buffers, no task and no timer: a socket and a slot in the hub are all it costs.

mod head;
mod http1;

pub use head::stream_head;
pub(crate) use head::stream_headers;
pub(crate) use http1::serve_http1;

use crate::hub::NotOpened;
use crate::stream::Stream;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response, StatusCode};
use smol::Async;
use std::error::Error;
use std::net::TcpStream;
use std::time::Duration;
use tidings_core::OpenError;

/// What a service answers a request with.
#[derive(Debug)]
pub enum Answer<B> {
    /// An ordinary response.
    Response(Response<B>),
    /// This stream. Under HTTP/1.1 the connection becomes it, and HTTP ends here; the request must
    /// not have a body.
    Stream(Stream),
}

/// Limits of one HTTP connection.
#[derive(Clone, Copy, Debug)]
pub struct HttpOptions {
    /// The time a client has to send the head of a request, from the last response on. Default 10 s.
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
/// answered with a stream, which takes the socket over. For TLS, HTTP/2 and other libraries see
/// [`Stream::into_response`].
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
    let taken = serve_http1(socket, options, service).await?;
    // What came after the request is none of a stream's business.
    if let Some((stream, (socket, _))) = taken
        && let Ok(socket) = socket.into_inner()
    {
        stream.attach(socket).await;
    }
    Ok(())
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

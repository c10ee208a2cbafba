//! HTTP/1.1: requests, until one of them is answered with a stream.
//!
//! It does not know what carries the bytes, nor what becomes of the stream.

use super::{Answer, HttpOptions};
use crate::stream::Stream;
use hyper::Request;
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use smol::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use smol_hyper::rt::{FuturesIo, SmolTimer};
use std::error::Error;
use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

/// A stream, its connection, and what was read of that already.
pub(crate) type Taken<I> = (Stream, (I, Bytes));

/// Serves requests. Hands out the stream that one of them was answered with, and the connection, which
/// is for the stream alone from now on, with what was read of it already; none where it is closed.
pub(crate) async fn serve_http1<I, S, F, B>(
    io: I,
    options: HttpOptions,
    service: S,
) -> hyper::Result<Option<Taken<I>>>
where
    I: AsyncRead + AsyncWrite + Unpin,
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
    let mut connection = Box::new(http.serve_connection(FuturesIo::new(io), service));
    let stream = poll_fn(|cx| {
        let served = connection.poll_without_shutdown(cx);
        if let Some(stream) = taken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Poll::Ready(Ok(Some(stream)));
        }
        served.map_ok(|()| None)
    });
    let stream = stream.await?;
    let parts = connection.into_parts();
    let mut io = parts.io.into_inner();
    let Some(stream) = stream else {
        // The other side may be gone already.
        let _ = io.close().await;
        return Ok(None);
    };
    // Nothing was answered yet: hyper asks the service only after all before is flushed.
    Ok(Some((stream, (io, parts.read_buf))))
}

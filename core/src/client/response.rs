//! Owns the judgement on a response: whether an event stream follows.
//!
//! It does not know what a client does about it.

use super::output::ClientError;

/// What of an HTTP response decides whether an event stream follows.
///
/// Redirects are the driver's: this is the response at their end.
///
/// ```
/// use tidings_core::Response;
///
/// let response = Response::new(200).with_content_type(b"text/event-stream; charset=utf-8");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    status: u16,
    content_type: &'a [u8],
    retry_after_ms: Option<u64>,
}

impl<'a> Response<'a> {
    /// A response with this status and no other header that matters.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Response {
            status,
            content_type: &[],
            retry_after_ms: None,
        }
    }

    /// Sets the value of `Content-Type`; of several, with commas between them.
    #[must_use]
    pub const fn with_content_type(self, content_type: &'a [u8]) -> Self {
        Response {
            content_type,
            ..self
        }
    }

    /// Sets how long `Retry-After` asks to wait, in milliseconds. It counts if the response is an
    /// error after which the client tries again.
    #[must_use]
    pub const fn with_retry_after(self, ms: u64) -> Self {
        Response {
            retry_after_ms: Some(ms),
            ..self
        }
    }

    pub(super) fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after_ms
    }

    /// Section 9.2.3 of the standard: the status has to be 200, the type `text/event-stream`.
    pub(super) fn check(&self) -> Result<(), ClientError> {
        match self.status {
            200 if is_event_stream(self.content_type) => Ok(()),
            200 => Err(ClientError::ContentType),
            204 => Err(ClientError::NoContent),
            status => Err(ClientError::Status(status)),
        }
    }
}

/// Extracts the MIME type as the Fetch standard does: the last valid one of a list counts.
fn is_event_stream(content_type: &[u8]) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    content_type
        .split(|byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = quoted,
                b'"' => quoted = !quoted,
                _ => return *byte == b',' && !quoted,
            }
            false
        })
        .filter_map(essence)
        .filter(|essence| *essence != (b"*", b"*"))
        .last()
        .is_some_and(|(kind, subtype)| {
            kind.eq_ignore_ascii_case(b"text") && subtype.eq_ignore_ascii_case(b"event-stream")
        })
}

/// The type and subtype of a MIME type, parameters aside, if they are valid.
fn essence(mime_type: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = mime_type.iter().position(|byte| *byte == b';');
    let essence = mime_type[..end.unwrap_or(mime_type.len())].trim_ascii();
    let slash = essence.iter().position(|byte| *byte == b'/')?;
    let (kind, subtype) = (&essence[..slash], &essence[slash + 1..]);
    (is_token(kind) && is_token(subtype)).then_some((kind, subtype))
}

fn is_token(text: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_token)
}

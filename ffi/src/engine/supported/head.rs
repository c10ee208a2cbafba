//! The head of the HTTP response that a stream begins with, where the library writes it.
//!
//! It does not know the socket it goes to.

use super::refusal::Answered;
use crate::engine::tidings_header;
use crate::status::tidings_status::*;
use http::{HeaderMap, HeaderName, HeaderValue};

/// What the library itself writes, or what would say something else about the body than is true.
const RESERVED: [&str; 9] = [
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "transfer-encoding",
    "upgrade",
    "x-accel-buffering",
];

/// More than fit into a head.
const MOST: usize = 1_024;

/// The head with these headers beside the library's own. No name or value can end its line.
pub(crate) fn head(headers: &[tidings_header]) -> Answered<Vec<u8>> {
    if headers.len() > MOST {
        return Err(TIDINGS_ERR_PREAMBLE_TOO_LONG.into());
    }
    let mut map = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let name = HeaderName::from_bytes(header.name.bytes()?);
        let value = HeaderValue::from_bytes(header.value.bytes()?);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(TIDINGS_ERR_HEADER.into());
        };
        if RESERVED.contains(&name.as_str()) {
            return Err(TIDINGS_ERR_HEADER.into());
        }
        map.append(name, value);
    }
    Ok(tidings_smol::stream_head(&map))
}

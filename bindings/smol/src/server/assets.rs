//! Files that are part of the program: the console's, and the package for pages.
//!
//! It does not know what is in them. They are for everyone: what a page asks for needs rights.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use std::sync::LazyLock;

/// One file.
pub(super) struct Asset {
    /// Where it is.
    pub(super) path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All of them.
pub(super) static ASSETS: [Asset; 5] = [
    Asset {
        path: "/",
        kind: HTML,
        bytes: include_bytes!("../../console/index.html"),
    },
    Asset {
        path: "/browser/index.js",
        kind: SCRIPT,
        bytes: include_bytes!("../../console/vendor/tidings/index.js"),
    },
    Asset {
        path: "/browser/share.js",
        kind: SCRIPT,
        bytes: include_bytes!("../../console/vendor/tidings/share.js"),
    },
    Asset {
        path: "/browser/status.js",
        kind: SCRIPT,
        bytes: include_bytes!("../../console/vendor/tidings/status.js"),
    },
    Asset {
        path: "/browser/worker.js",
        kind: SCRIPT,
        bytes: include_bytes!("../../console/vendor/tidings/worker.js"),
    },
];

/// What each is known again by, in the same order.
static TAGS: LazyLock<Vec<HeaderValue>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| tag(asset.bytes)).collect());

/// A page talks to nobody but this server, and nobody shows it in a frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
     worker-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// Answers with the file of this number, unless the client has it.
pub(super) fn asset(number: usize, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let (asset, tag) = (&ASSETS[number], &TAGS[number]);
    let mut response = Response::new(Full::default());
    if has(headers, tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Full::from(asset.bytes);
        let kind = HeaderValue::from_static(asset.kind);
        response.headers_mut().insert(CONTENT_TYPE, kind);
        if asset.kind == HTML {
            let policy = POLICY;
            response
                .headers_mut()
                .insert(CONTENT_SECURITY_POLICY, policy);
        }
    }
    let headers = response.headers_mut();
    headers.insert(ETAG, tag.clone());
    // Another program may be at the same place tomorrow: it is asked each time whether it is the same.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A strong one (RFC 9110, section 8.8.3).
fn tag(bytes: &[u8]) -> HeaderValue {
    let digest = digest(&SHA256, bytes);
    let text = BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]);
    HeaderValue::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| HeaderValue::from_static("*"))
}

/// Whether the client has what this is the tag of (RFC 9110, section 13.1.2). None of ours has a comma.
fn has(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let said = headers.get_all(IF_NONE_MATCH).iter();
    let mut tags = said.flat_map(|said| said.as_bytes().split(|byte| *byte == b','));
    tags.any(|said| {
        let said = said.trim_ascii();
        said == b"*" || said.strip_prefix(b"W/").unwrap_or(said) == tag.as_bytes()
    })
}

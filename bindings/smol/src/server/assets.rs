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
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// A file of the directory of the console.
macro_rules! asset {
    ($path:literal, $kind:expr, $file:literal) => {
        Asset {
            path: $path,
            kind: $kind,
            bytes: include_bytes!(concat!("../../console/", $file)),
        }
    };
}

/// All of them.
pub(super) static ASSETS: [Asset; 29] = [
    asset!("/", HTML, "index.html"),
    asset!("/console/console.css", STYLE, "console.css"),
    asset!("/console/icon.svg", IMAGE, "icon.svg"),
    asset!("/console/api.js", SCRIPT, "api.js"),
    asset!("/console/chart.js", SCRIPT, "chart.js"),
    asset!("/console/connections.js", SCRIPT, "connections.js"),
    asset!("/console/dom.js", SCRIPT, "dom.js"),
    asset!("/console/feed.js", SCRIPT, "feed.js"),
    asset!("/console/format.js", SCRIPT, "format.js"),
    asset!("/console/json.js", SCRIPT, "json.js"),
    asset!("/console/live.js", SCRIPT, "live.js"),
    asset!("/console/main.js", SCRIPT, "main.js"),
    asset!("/console/notices.js", SCRIPT, "notices.js"),
    asset!("/console/overview.js", SCRIPT, "overview.js"),
    asset!("/console/pages.js", SCRIPT, "pages.js"),
    asset!("/console/poller.js", SCRIPT, "poller.js"),
    asset!("/console/publish.js", SCRIPT, "publish.js"),
    asset!("/console/samples.js", SCRIPT, "samples.js"),
    asset!("/console/session.js", SCRIPT, "session.js"),
    asset!("/console/tabs.js", SCRIPT, "tabs.js"),
    asset!("/console/theme.js", SCRIPT, "theme.js"),
    asset!("/console/topics.js", SCRIPT, "topics.js"),
    asset!("/console/who.js", SCRIPT, "who.js"),
    asset!(
        "/console/vendor/uplot/uPlot.iife.min.js",
        SCRIPT,
        "vendor/uplot/uPlot.iife.min.js"
    ),
    asset!(
        "/console/vendor/uplot/uPlot.min.css",
        STYLE,
        "vendor/uplot/uPlot.min.css"
    ),
    asset!("/browser/index.js", SCRIPT, "vendor/tidings/index.js"),
    asset!("/browser/share.js", SCRIPT, "vendor/tidings/share.js"),
    asset!("/browser/status.js", SCRIPT, "vendor/tidings/status.js"),
    asset!("/browser/worker.js", SCRIPT, "vendor/tidings/worker.js"),
];

/// What each is known again by, in the same order.
static TAGS: LazyLock<Vec<HeaderValue>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| tag(asset.bytes)).collect());

/// A page talks to nobody but this server, and nobody shows it in a frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; \
     connect-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'none'",
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

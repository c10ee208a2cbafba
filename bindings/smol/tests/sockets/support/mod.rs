//! What the tests are made of: programs, a raw HTTP client, streams, chance, patience.
//!
//! It does not know what is tested.

mod application;
mod body;
mod file;
pub(crate) mod guarded;
mod http;
mod line;
mod local;
mod managed;
mod openmetrics;
mod poll;
mod program;
mod proxy;
mod random;
mod server;
mod site;
#[cfg(feature = "websocket")]
mod socket;
mod stream;
mod transport;
mod wait;

pub(crate) use application::{Application, Asked, response};
pub(crate) use body::BodyReader;
pub(crate) use file::File;
pub(crate) use http::{Client, Response, header};
pub(crate) use line::{Line, Place, Reply};
pub(crate) use local::Local;
pub(crate) use managed::{Managed, admin, reader, token_of};
pub(crate) use openmetrics::Metrics;
pub(crate) use poll::Poller;
pub(crate) use program::{Program, run_to_end};
pub(crate) use proxy::Proxy;
pub(crate) use random::Random;
pub(crate) use server::{Server, reserved_port};
pub(crate) use site::{CertificateFiles, Site};
#[cfg(feature = "websocket")]
pub(crate) use socket::{Socket, upgrade};
pub(crate) use stream::{Received, Stream, received};
#[cfg(feature = "websocket")]
pub(crate) use transport::client_config;
pub(crate) use transport::{Transport, WINDOW, Wire, connect, connector, handshake};
pub(crate) use wait::{PATIENCE, block_on, eventually, patiently};

/// A `Retry-After` of at least so many seconds, spread over as many again.
#[track_caller]
pub(crate) fn assert_spread(header: Option<&str>, least: u64) {
    let seconds = header.and_then(|text| text.parse().ok());
    let is_spread = seconds.is_some_and(|seconds: u64| (least..=2 * least).contains(&seconds));
    assert!(is_spread, "{header:?} is from {least} to {}", 2 * least);
}

/// What the server refuses with.
pub(crate) fn error_code(response: &Response) -> String {
    let json = response.json();
    let error = json["error"].as_object();
    let error = error.unwrap_or_else(|| panic!("an error has a body that says so: {response:?}"));
    let message = error["message"].as_str().unwrap_or_default();
    assert!(
        !message.is_empty(),
        "an error says what is wrong: {response:?}"
    );
    assert_eq!(
        error.len(),
        2,
        "an error is a code and a message: {response:?}"
    );
    error["code"].as_str().unwrap_or_default().to_owned()
}

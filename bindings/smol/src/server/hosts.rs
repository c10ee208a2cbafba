//! By which names the server may be called.
//!
//! Without this check any page could make a name of its own point to this machine and read, with
//! the visitor's browser, what only loopback is meant to reach (DNS rebinding). It does not know
//! who asks.

use hyper::Request;
use hyper::header::HOST;
use hyper::http::uri::Authority;
use std::net::{IpAddr, SocketAddr};

pub(super) struct Hosts(Vec<String>);

impl Hosts {
    pub(super) fn new(hosts: &[String]) -> Self {
        Self(hosts.iter().map(|host| host.to_ascii_lowercase()).collect())
    }

    /// Whether the request calls the server by a loopback name, a listed one, or the very address
    /// it connected to.
    pub(super) fn allow<B>(&self, request: &Request<B>, local: Option<SocketAddr>) -> bool {
        let header = || request.headers().get(HOST)?.to_str().ok()?.parse().ok();
        let authority: Option<Authority> = request.uri().authority().cloned().or_else(header);
        let Some(authority) = authority else {
            return false;
        };
        let host = authority.host().to_ascii_lowercase();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse::<IpAddr>()
            && (address.is_loopback() || local.is_some_and(|local| local.ip() == address))
        {
            return true;
        }
        host == "localhost"
            || host.ends_with(".localhost")
            || self
                .0
                .iter()
                .any(|listed| *listed == host || listed.eq_ignore_ascii_case(authority.as_str()))
    }
}

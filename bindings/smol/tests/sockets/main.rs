//! The server, its command line and the library over real loopback sockets: one behaviour a test.
//!
//! It does not know the inside of any of them. What these tests wait for is always a condition; the
//! patience with which they wait is no promise about speed.

mod support;

mod admin;
mod adopt;
mod app;
mod assets;
mod auth;
mod bodies;
mod changes;
mod config;
mod cors;
mod decode;
mod delivery;
mod deploy;
mod drain;
mod events;
mod forward;
mod health;
mod heartbeat;
mod hostile;
mod hosts;
mod http;
mod http2;
mod identity;
mod isolation;
mod jwks;
mod library;
mod limits;
mod lines;
mod logs;
mod metrics;
mod panics;
mod poll;
mod posts;
mod publish;
mod refusals;
mod reload;
mod renewal;
mod revocation;
mod shards;
mod slow;
mod soft;
mod subscribe;
mod tabs;
mod tls;
mod tokens;
mod transports;
#[cfg(feature = "websocket")]
mod websocket;

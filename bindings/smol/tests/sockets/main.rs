//! The server, its command line and the library over real loopback sockets: one behaviour a test.
//!
//! It does not know the inside of any of them. What these tests wait for is always a condition; the
//! patience with which they wait is no promise about speed.

mod support;

mod drain;
mod events;
mod heartbeat;
mod hosts;
mod http;
mod limits;
mod publish;
mod refusals;
mod slow;
mod tabs;

//! `GET /ws`: streams on which clients can speak, too.
//!
//! It does not know how frames are made.

mod application;
mod endings;
mod handshakes;
mod limits;
mod many;
mod messages;
mod streams;
mod tokens;

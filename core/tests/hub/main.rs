//! What a hub does, seen through its public face: one behaviour a test, in virtual time.

mod audience;
mod changes;
mod closing;
mod deadlines;
mod latest;
mod opening;
mod patterns;
mod publishing;
mod resume;
mod slow;
mod support;
mod taking;
mod websocket;

//! What a fuzzer feeds: for each target a function from bytes to a verdict.
//!
//! It does not know where the bytes come from: libFuzzer makes them up, and the committed corpus is
//! replayed by a plain test.

pub mod c_abi;
pub mod client;
pub mod decode;
mod fields;
pub mod http;
pub mod hub;
mod reading;
pub mod roundtrip;
pub mod socket;
pub mod token;
pub mod world;

use crate::verdict::Verdict;

/// Checks one input. An error is the first thing that should not be.
pub type Check = fn(&[u8]) -> Verdict;

/// All targets, by name.
pub const TARGETS: [(&str, Check); 9] = [
    ("c_abi", c_abi::check),
    ("client", client::check),
    ("decode", decode::check),
    ("http", http::check),
    ("hub", hub::check),
    ("roundtrip", roundtrip::check),
    ("socket", socket::check),
    ("token", token::check),
    ("world", world::check),
];

/// Checks one input of the target of this name, as a fuzzer wants it.
///
/// # Panics
/// Where something should not be; and where there is no such target.
pub fn must_hold(target: &str, bytes: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, check) = found.expect("a target of this name");
    if let Err(fault) = check(bytes) {
        panic!("{target}: {fault}");
    }
}

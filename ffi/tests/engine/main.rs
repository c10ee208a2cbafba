//! The engine through its exports, over real sockets: one behaviour a test.
//!
//! It does not know the inside. What these tests wait for is always a condition; the patience with
//! which they wait is no promise about speed.

#![cfg(not(miri))]
#![expect(unsafe_code, reason = "the exports of a C ABI are unsafe")]

#[cfg(all(feature = "engine", any(target_os = "linux", target_os = "macos")))]
mod supported;

#[cfg(not(all(feature = "engine", any(target_os = "linux", target_os = "macos"))))]
mod unsupported;

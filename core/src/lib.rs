//! Server-Sent Events as pure state machines.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

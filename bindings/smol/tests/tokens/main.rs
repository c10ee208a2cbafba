//! Which tokens and keys the server takes: every kind of wrong one, and the right ones beside it.
//!
//! It does not know HTTP, nor where the tokens come from.

mod claims;
mod keys;
mod signatures;
mod support;

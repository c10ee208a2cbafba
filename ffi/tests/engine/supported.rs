//! What a build with an engine does.

mod adopt;
mod ends;
mod outputs;
#[cfg(feature = "test-hooks")]
mod panics;
mod publish;
mod threads;
mod world;

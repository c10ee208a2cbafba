//! What an environment has: each worker thread that loads the addon is one, and they share nothing.
//!
//! It does not know when functions are called.

use crate::client::Client;
use crate::decoder::Decoder;
#[cfg(any(target_os = "linux", target_os = "macos"))]
use crate::engine::Engine;
use crate::failure::{Failure, Outcome};
use crate::records::Records;
use crate::table::Table;
use napi_sys::napi_ref;

#[derive(Default)]
pub(crate) struct State {
    /// `TidingsError`, once it is known.
    pub(crate) error_class: Option<napi_ref>,
    pub(crate) handles: Table<Handle>,
    /// Reused from call to call.
    pub(crate) records: Records,
}

/// A handle of the C ABI.
pub(crate) enum Handle {
    Decoder(Decoder),
    Client(Client),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    Engine(Engine),
}

impl State {
    /// The decoder of this number, and the records to fill.
    #[inline]
    pub(crate) fn decoder(&mut self, number: f64) -> Outcome<(&mut Decoder, &mut Records)> {
        match self.handles.get(number)? {
            Handle::Decoder(decoder) => Ok((decoder, &mut self.records)),
            _ => Err(Failure::closed()),
        }
    }

    /// The client of this number, and the records to fill.
    #[inline]
    pub(crate) fn client(&mut self, number: f64) -> Outcome<(&mut Client, &mut Records)> {
        match self.handles.get(number)? {
            Handle::Client(client) => Ok((client, &mut self.records)),
            _ => Err(Failure::closed()),
        }
    }

    /// The engine of this number.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub(crate) fn engine(&mut self, number: f64) -> Outcome<&Engine> {
        match self.handles.get(number)? {
            Handle::Engine(engine) => Ok(engine),
            _ => Err(Failure::closed()),
        }
    }
}

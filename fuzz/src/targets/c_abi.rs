//! No sequence of calls through the C ABI makes it panic, or write anything when it fails.
//!
//! It does not know what the machines behind it ought to do; the other targets do.

#![expect(unsafe_code, reason = "what is called takes pointers, as C has it")]

mod client;
mod decoder;
mod hub;
mod memory;
mod values;

use crate::ensure;
use crate::verdict::Verdict;
use arbitrary::{Arbitrary, Unstructured};
use tidings::tidings_status::{self, *};

/// Calls an export.
macro_rules! call {
    ($export:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: a handle is null, or one that was made and not freed; other pointers are null, or lead
        // to as much as is said beside them, which lives through the call.
        unsafe { tidings::$export($($argument),*) }
    };
}
use call;

/// The handles of one kind that there may be at a time.
const HANDLES: usize = 3;

/// What is done.
#[derive(Arbitrary, Debug)]
enum Deed {
    Decoder(u8, Fault, decoder::Deed),
    Client(u8, Fault, client::Deed),
    Hub(u8, Fault, hub::Deed),
    Value(Fault, values::Deed),
    /// Time goes on.
    Wait(u16),
}

/// What is wrong with the pointers of a call: mostly nothing.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Fault(u8);

impl Fault {
    fn of<T>(self, number: u8, pointer: *mut T) -> *mut T {
        match self.0 == number {
            true => std::ptr::null_mut(),
            false => pointer,
        }
    }

    fn handle<T>(self, handle: *mut T) -> *mut T {
        self.of(1, handle)
    }

    fn out<T>(self, pointer: *mut T) -> *mut T {
        self.of(2, pointer)
    }

    fn second_out<T>(self, pointer: *mut T) -> *mut T {
        self.of(3, pointer)
    }

    fn input<T>(self, pointer: *const T) -> *const T {
        self.of(4, pointer.cast_mut())
    }
}

/// All that lives between calls.
struct World {
    now_ms: u64,
    decoders: [decoder::Owned; HANDLES],
    clients: [client::Owned; HANDLES],
    hubs: [hub::Owned; HANDLES],
    /// Every connection that was ever opened.
    connections: Vec<u64>,
}

impl World {
    /// With one handle of each kind, made with all defaults; the others are NULL.
    fn new() -> Verdict<Self> {
        let mut world = Self {
            now_ms: 0,
            decoders: Default::default(),
            clients: Default::default(),
            hubs: Default::default(),
            connections: Vec::new(),
        };
        world.decoders[0].make()?;
        world.clients[0].make()?;
        world.hubs[0].make()?;
        Ok(world)
    }

    fn does(&mut self, deed: &Deed) -> Verdict {
        let place = |which: &u8| usize::from(*which) % HANDLES;
        match deed {
            Deed::Decoder(which, fault, deed) => self.decoders[place(which)].does(*fault, deed),
            Deed::Client(which, fault, deed) => {
                self.clients[place(which)].does(*fault, self.now_ms, deed)
            }
            Deed::Hub(which, fault, deed) => {
                let hub = &mut self.hubs[place(which)];
                hub.does(*fault, self.now_ms, &mut self.connections, deed)
            }
            Deed::Value(fault, deed) => values::does(*fault, deed),
            Deed::Wait(ms) => {
                self.now_ms += u64::from(*ms);
                Ok(())
            }
        }
    }
}

/// Whether a call that nothing was asked of went as it may.
fn went(status: tidings_status) -> Verdict<bool> {
    let is_bug = matches!(
        status,
        TIDINGS_ERR_PANIC | TIDINGS_ERR_POISONED | TIDINGS_ERR_OTHER | TIDINGS_ERR_UNSUPPORTED
    );
    ensure!(!is_bug, "a call answered {status:?}");
    let (text, of_none) = (
        tidings::tidings_status_str(status as i32),
        tidings::tidings_status_str(i32::MAX),
    );
    ensure!(text != of_none, "{status:?} has no text");
    Ok(status == TIDINGS_OK)
}

/// Plays the calls that these bytes are.
///
/// # Errors
/// The first call that did what none may do.
pub fn check(bytes: &[u8]) -> Verdict {
    let mut world = World::new()?;
    let Ok(deeds) = Vec::<Deed>::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return Ok(());
    };
    for (number, deed) in deeds.iter().enumerate() {
        let verdict = world.does(deed);
        verdict.map_err(|fault| format!("call {number}, {deed:?}: {fault}"))?;
    }
    Ok(())
}

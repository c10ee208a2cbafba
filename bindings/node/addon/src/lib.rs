//! The native part of the npm package `tidings`: the C ABI for JavaScript.
//!
//! Calls cost more than bytes, and objects more than calls, so little crosses: numbers, texts, and
//! arrays that JavaScript has allocated. A handle of the C ABI is a number; a chunk of a stream is one
//! call, and comes back as an array of numbers and one string, of which JavaScript makes events.
//!
//! It does not know what JavaScript does with it: the functions are for the files in `../src`, which
//! check what people hand in. But none of them trusts its arguments.
//!
//! | file | owns |
//! |---|---|
//! | `js` | Node-API: arguments, results, errors, the state of an environment. All of Node's that is unsafe |
//! | `state`, `table` | what an environment has; handles by number |
//! | `failure` | why a call failed |
//! | `decoder`, `client`, `engine` | the machines of the C ABI |
//! | `records`, `text` | what was found in a chunk, packed |

#![expect(unsafe_code, reason = "both Node and the C ABI are called by pointers")]

mod client;
mod decoder;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod engine;
mod failure;
mod js;
mod records;
mod state;
mod table;
mod text;

use failure::Outcome;
use js::{Call, Export};
use napi_sys::{napi_env, napi_value};
use state::{Handle, State};
use tidings::tidings_str;

/// What the addon exports.
static EXPORTS: &[Export] = &[
    ("setup", setup),
    ("free", free),
    ("count", count),
    ("lastEventId", last_event_id),
    ("decoderNew", decoder::new),
    ("decoderDecode", decoder::decode),
    ("decoderReset", decoder::reset),
    ("decoderResume", decoder::resume),
    ("clientNew", client::new),
    ("clientTell", client::tell),
    ("clientResponse", client::response),
    ("clientData", client::data),
    ("clientPollTimeout", client::poll_timeout),
    ("clientPollOutput", client::poll_output),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("engineNew", engine::new),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("engineAdopt", engine::adopt),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("enginePost", engine::post),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("engineSubscribe", engine::subscribe),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("engineUnsubscribe", engine::unsubscribe),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("engineRenew", engine::renew),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("engineClose", engine::close),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("enginePoll", engine::poll),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("engineHold", engine::hold),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("engineDrain", engine::drain),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("engineCursor", engine::cursor),
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    ("engineStats", engine::stats),
];

/// Node calls this in each environment that loads the addon.
///
/// # Safety
/// For Node alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn napi_register_module_v1(env: napi_env, exports: napi_value) -> napi_value {
    #[cfg(windows)]
    // SAFETY: it looks up the symbols of the process it runs in, which is Node.
    unsafe {
        napi_sys::setup();
    }
    if js::set_state(env, Box::default()) {
        for export in EXPORTS {
            js::export(env, exports, export);
        }
    }
    exports
}

/// `(class)`: what is thrown, made with a code and a message.
fn setup(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let class = call.class(0)?;
    if let Some(old) = state.error_class.replace(class) {
        call.forget(old);
    }
    Ok(call.undefined())
}

/// `(handle)`: frees it, if it is one.
fn free(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    drop(state.handles.remove(call.number(0)?));
    Ok(call.undefined())
}

/// `()`: how many handles there are.
fn count(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    call.give_number(state.handles.count() as f64)
}

/// `(handle)`: the last event id of a decoder or a client.
fn last_event_id(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    match state.handles.get(call.number(0)?)? {
        Handle::Decoder(decoder) => decoder.last_event_id(call),
        Handle::Client(client) => client.last_event_id(call),
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        Handle::Engine(_) => Err(failure::Failure::closed()),
    }
}

/// The bytes of a text that the C ABI handed out.
///
/// # Safety
/// They are still there, for as long as the text is borrowed.
#[inline]
unsafe fn bytes(text: &tidings_str) -> &[u8] {
    if text.len == 0 {
        return &[];
    }
    // SAFETY: as the caller promises; one that is not empty has as many bytes as it says.
    unsafe { std::slice::from_raw_parts(text.data.cast(), text.len) }
}

//! Why a call failed: a status of the C ABI, or an argument that is none.
//!
//! It does not know how it is thrown.

use std::ffi::CStr;
use tidings::{tidings_status, tidings_status_str};

#[derive(Debug)]
pub(crate) struct Failure {
    code: String,
    message: String,
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A status, with the sentence of the handle that failed, or its own.
    #[cold]
    pub(crate) fn new(status: tidings_status, sentence: &[u8]) -> Self {
        let message = match sentence {
            [] => text_of(status as i32).into_owned(),
            _ => String::from_utf8_lossy(sentence).into_owned(),
        };
        Self {
            code: name_of(status),
            message,
        }
    }

    /// An argument is not what it has to be.
    #[cold]
    pub(crate) fn argument(index: usize, wanted: &str) -> Self {
        Self::from_parts(
            "invalid_argument",
            format!("argument {index} has to be {wanted}"),
        )
    }

    #[cold]
    pub(crate) fn detached(index: usize) -> Self {
        let message = format!("the memory of argument {index} has been given away");
        Self::from_parts("invalid_argument", message)
    }

    /// No handle of this kind has this number.
    #[cold]
    pub(crate) fn closed() -> Self {
        Self::from_parts("closed", "it is closed".to_owned())
    }

    /// Node refuses what it never should, as when it is about to end.
    #[cold]
    pub(crate) fn broken() -> Self {
        Self::from_parts("other", "Node cannot do it at this moment".to_owned())
    }

    #[cold]
    pub(crate) fn panic() -> Self {
        Self::new(tidings_status::TIDINGS_ERR_PANIC, &[])
    }

    fn from_parts(code: &str, message: String) -> Self {
        Self {
            code: code.to_owned(),
            message,
        }
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

/// The code of an error: `TIDINGS_ERR_EVENT_TOO_LARGE` is `event_too_large`.
pub(crate) fn name_of(status: tidings_status) -> String {
    let name = format!("{status:?}");
    let name = name.strip_prefix("TIDINGS_").unwrap_or(&name);
    name.strip_prefix("ERR_")
        .unwrap_or(name)
        .to_ascii_lowercase()
}

fn text_of(status: i32) -> std::borrow::Cow<'static, str> {
    // SAFETY: the text is static, and ends in a NUL.
    unsafe { CStr::from_ptr(tidings_status_str(status)) }.to_string_lossy()
}

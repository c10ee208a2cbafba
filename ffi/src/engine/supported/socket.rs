//! A descriptor that a host offers: whether a stream can run on it, and how it changes hands.
//!
//! It does not know what is sent.

use super::refusal::{Answered, Refusal};
use crate::status::tidings_status::*;
use socket2::{SockRef, Socket, Type};
use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

/// A connected stream socket of the host's.
///
/// The engine gets a copy of it, so that whatever becomes of that copy, a descriptor that was not
/// taken is still the host's, and open.
pub(crate) struct Offered(RawFd);

impl Offered {
    /// Looks at a descriptor, and leaves it as it is.
    pub(crate) fn check(descriptor: RawFd) -> Answered<(Self, Socket)> {
        if descriptor < 0 {
            return Err(TIDINGS_ERR_BAD_FD.into());
        }
        // SAFETY: it is handed to the system only, during this call, and the system refuses a number
        // that stands for nothing.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let socket = SockRef::from(&borrowed);
        match socket.r#type() {
            Ok(Type::STREAM) => {}
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => {
                return Err(TIDINGS_ERR_BAD_FD.into());
            }
            Ok(_) | Err(_) => return Err(TIDINGS_ERR_NOT_A_STREAM_SOCKET.into()),
        }
        if socket.peer_addr().is_err() {
            return Err(TIDINGS_ERR_NOT_CONNECTED.into());
        }
        let copy = borrowed.try_clone_to_owned().map_err(Refusal::System)?;
        Ok((Self(descriptor), copy.into()))
    }

    /// The engine has the copy: the host's own is closed.
    pub(crate) fn take(self) {
        // SAFETY: the host gives the descriptor away with a call that succeeds, and does not use it
        // any more.
        drop(unsafe { OwnedFd::from_raw_fd(self.0) });
    }
}

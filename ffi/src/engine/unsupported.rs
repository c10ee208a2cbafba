//! What answers where a build has no engine: without the feature `engine`, or on other systems.
//!
//! It does not know what the calls would do.

use super::*;

/// There is none.
pub(super) enum Engine {}

pub(super) fn free(_: *mut tidings_engine) {}

/// Functions with these arguments, all with the same answer.
macro_rules! unsupported {
    ($($call:ident($($argument:ty),*);)*) => {
        $(
            pub(super) fn $call($(_: $argument),*) -> tidings_status {
                TIDINGS_ERR_UNSUPPORTED
            }
        )*
    };
}

type This = *const tidings_engine;

unsupported! {
    new(*const tidings_engine_options, *mut *mut tidings_engine);
    start(This);
    adopt(This, c_int, *const tidings_adopt, *mut u64);
    publish(This, *const tidings_publish, *mut tidings_published);
    publish_all(This, *const tidings_publish, usize, *mut tidings_published);
    post(This, *const tidings_publish, u64, *mut tidings_published);
    post_all(This, *const tidings_publish, usize, u64, *mut tidings_published);
    subscribe(This, u64, tidings_str);
    unsubscribe(This, u64, tidings_str);
    renew(This, u64, u64, *const tidings_str, usize);
    close(This, u64);
    cursor(This, *mut tidings_cursor);
    stats(This, *mut tidings_stats);
    drain(This, u64);
    poll_output(This, *mut tidings_engine_output);
    fd(This, *mut c_int);
    error(This, *mut c_char, usize, *mut usize);
    error_retry_ms(This, *mut u64);
}

//! A build without an engine says so, whatever is asked of it.

use std::ptr::{null, null_mut};
use tidings::tidings_status::TIDINGS_ERR_UNSUPPORTED;
use tidings::*;

#[test]
fn every_call_says_that_there_is_no_engine() {
    let mut engine = null_mut();
    // SAFETY: null is an argument that every call has an answer for.
    let answers = unsafe {
        let absent = tidings_str::ABSENT;
        tidings_engine_free(null_mut());
        [
            tidings_engine_new(null(), &raw mut engine),
            tidings_engine_start(null()),
            tidings_engine_adopt(null(), 0, null(), null_mut()),
            tidings_engine_publish(null(), null(), null_mut()),
            tidings_engine_publish_all(null(), null(), 0, null_mut()),
            tidings_engine_post(null(), null(), 0, null_mut()),
            tidings_engine_post_all(null(), null(), 0, 0, null_mut()),
            tidings_engine_subscribe(null(), 0, absent),
            tidings_engine_unsubscribe(null(), 0, absent),
            tidings_engine_renew(null(), 0, 0, null(), 0),
            tidings_engine_close(null(), 0),
            tidings_engine_cursor(null(), null_mut()),
            tidings_engine_stats(null(), null_mut()),
            tidings_engine_drain(null(), 0),
            tidings_engine_poll_output(null(), null_mut()),
            tidings_engine_fd(null(), null_mut()),
            tidings_engine_error(null(), null_mut(), 0, null_mut()),
            tidings_engine_error_retry_ms(null(), null_mut()),
        ]
    };
    assert_eq!(answers, [TIDINGS_ERR_UNSUPPORTED; 18]);
    assert!(engine.is_null(), "nothing was written");
}

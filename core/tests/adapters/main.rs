//! The adapters, through their public face: every case on three executors, none of which the core
//! knows.

mod events;
mod hub;
mod limits;
mod runtimes;
mod support;

use runtimes::{OnFutures, OnSmol, OnTokio, Runtime};
use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Makes each case a test on each executor.
macro_rules! on_each_executor {
    ($($module:ident { $($case:ident)* })*) => {
        on_each_executor!(@on OnSmol on_smol { $($($module $case)*)* });
        on_each_executor!(@on OnTokio on_tokio { $($($module $case)*)* });
        on_each_executor!(@on OnFutures on_futures { $($($module $case)*)* });
    };
    (@on $runtime:ident $name:ident { $($module:ident $case:ident)* }) => {
        mod $name {
            use super::*;

            $(
                #[test]
                fn $case() {
                    in_time(|| {
                        let runtime = $runtime::new();
                        runtime.block_on($module::$case(&runtime));
                    });
                }
            )*
        }
    };
}

/// Whoever is not woken waits for ever: a case that hangs has failed. Each takes a blink.
fn in_time(case: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let case = thread::spawn(move || {
        case();
        // Whoever waited has given up, and failed.
        let _ = done.send(());
    });
    match ended.recv_timeout(Duration::from_secs(60)) {
        Err(RecvTimeoutError::Timeout) => panic!("somebody is not woken"),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {
            if let Err(panic) = case.join() {
                resume_unwind(panic);
            }
        }
    }
}

on_each_executor! {
    events {
        events_come_whole_from_any_chunks
        a_dropped_future_loses_nothing
        an_event_over_the_limit_ends_the_stream
        an_error_of_the_reader_comes_after_what_was_read
        items_have_retries_and_comments
        a_reconnect_goes_on_with_the_last_event_id
        a_reader_that_is_always_ready_lets_others_run
    }
    hub {
        every_reader_gets_every_event
        many_readers_on_tasks_of_their_own
        a_stream_goes_on_in_another_task
        a_reader_resumes_at_its_cursor
        a_quiet_stream_gets_a_heartbeat
        the_executor_has_the_timer
        the_wall_clock_ends_tokens
        subscriptions_change_while_a_stream_is_open
        a_stream_is_closed_with_a_bye
        a_dropped_stream_is_closed
        an_earlier_deadline_is_kept
        a_drain_ends_everything_in_order
        a_drain_lets_nothing_more_in
        a_hub_without_handles_is_drained
        a_stream_is_written_to_a_writer
    }
    limits {
        a_slow_reader_is_told_its_gap
        a_reader_has_one_chunk_at_a_time
        a_reader_that_never_reads_is_cut
        a_publisher_waits_for_the_queue
        a_publisher_waits_for_readers_that_keep_up
        a_drain_waits_for_what_has_no_room_yet
        whoever_waits_for_a_driver_that_is_gone_is_told
        whoever_asks_a_driver_that_is_drained_is_told
    }
}

//! A panic in an engine: it does not cross, and from then on every call says so.

use super::world::{Engine, PATIENCE, init, tcp};
use std::os::fd::AsRawFd as _;
use tidings::tidings_status::*;
use tidings::*;

fn expect_poisoned(engine: &Engine) {
    let (_client, server) = tcp();
    let adopt = init!(tidings_adopt { tag: 1 });
    let poisoned = Err(TIDINGS_ERR_POISONED);
    assert_eq!(
        engine.try_adopt(server.as_raw_fd(), &adopt),
        poisoned.map(|()| 0)
    );
    assert_eq!(engine.publish("a", "x").map(drop), poisoned);
    assert_eq!(engine.post("a", "x", 1).map(drop), poisoned);
    assert_eq!(engine.stats().map(drop), poisoned);
    assert_eq!(engine.cursor().map(drop), poisoned);
    assert_eq!(engine.fd().map(drop), poisoned);
    assert_eq!(engine.poll_output().map(drop), poisoned);
    assert_eq!(engine.subscribe(1, "a"), TIDINGS_ERR_POISONED);
    assert_eq!(engine.close(1), TIDINGS_ERR_POISONED);
    assert_eq!(engine.drain(60_000), TIDINGS_ERR_POISONED);
    // It can be asked what was wrong, and be freed.
    engine.error();
}

#[test]
fn a_panic_in_a_call_poisons() {
    let engine = Engine::start();
    let fd = engine.fd().expect("there is one");
    let (_reader, _) = engine.stream("a", 1);
    // SAFETY: the engine lives.
    let status = unsafe { tidings_test_panic_engine(engine.0) };
    assert_eq!(status, TIDINGS_ERR_PANIC);
    assert!(super::world::is_readable_within(fd, PATIENCE));
    expect_poisoned(&engine);
}

#[test]
fn a_panic_on_a_thread_poisons_and_leaves_nobody_waiting() {
    for shards in [1, 2] {
        let engine = Engine::start_with(&init!(tidings_engine_options { shards: shards }));
        let fd = engine.fd().expect("there is one");
        let (mut reader, _) = engine.stream("a", 1);
        std::thread::scope(|scope| {
            let publishing = scope.spawn(|| {
                loop {
                    if let Err(status) = engine.publish("b", "x") {
                        return status;
                    }
                }
            });
            // SAFETY: the engine lives.
            let status = unsafe { tidings_test_panic_engine_thread(engine.0) };
            assert_eq!(status, TIDINGS_ERR_POISONED);
            assert_eq!(publishing.join().ok(), Some(TIDINGS_ERR_POISONED));
        });
        assert!(super::world::is_readable_within(fd, PATIENCE));
        expect_poisoned(&engine);
        drop(engine);
        reader.end();
    }
}

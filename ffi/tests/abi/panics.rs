//! A panic does not cross: it poisons the handle, which can still be freed.

use super::*;
use tidings_status::*;

#[test]
fn without_a_handle_it_is_a_status() {
    assert_eq!(tidings_test_panic(), TIDINGS_ERR_PANIC);
}

#[test]
fn it_poisons_a_decoder() {
    let decoder = new(|place| unsafe { tidings_decoder_new(ptr::null(), place) });
    assert_eq!(
        unsafe { tidings_test_panic_decoder(decoder) },
        TIDINGS_ERR_PANIC
    );
    assert_eq!(
        unsafe { tidings_decoder_reset(decoder) },
        TIDINGS_ERR_POISONED
    );
    let mut id = of("untouched");
    let status = unsafe { tidings_decoder_last_event_id(decoder, &mut id) };
    assert_eq!((status, text(id)), (TIDINGS_ERR_POISONED, "untouched"));
    let why = text(get(|place| unsafe {
        tidings_decoder_error(decoder, place)
    }));
    assert!(why.contains("panicked"), "{why}");
    unsafe { tidings_decoder_free(decoder) };
}

#[test]
fn it_poisons_a_hub() {
    let hub = new(|place| unsafe { tidings_hub_new(ptr::null(), place) });
    assert_eq!(unsafe { tidings_test_panic_hub(hub) }, TIDINGS_ERR_PANIC);
    assert_eq!(
        unsafe { tidings_hub_handle_timeout(hub, 0) },
        TIDINGS_ERR_POISONED
    );
    let mut at = 7;
    let status = unsafe { tidings_hub_poll_timeout(hub, &mut at) };
    assert_eq!((status, at), (TIDINGS_ERR_POISONED, 7));
    unsafe { tidings_hub_free(hub) };
}

#[test]
fn it_poisons_a_client() {
    let client = new(|place| unsafe { tidings_client_new(ptr::null(), place) });
    assert_eq!(
        unsafe { tidings_test_panic_client(client) },
        TIDINGS_ERR_PANIC
    );
    assert_eq!(
        unsafe { tidings_client_connect(client, 0) },
        TIDINGS_ERR_POISONED
    );
    unsafe { tidings_client_free(client) };
}

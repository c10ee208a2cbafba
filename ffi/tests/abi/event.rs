//! Events, frames and comments.

use super::*;
use tidings_status::*;

fn encoded(event: &tidings_event) -> String {
    let len = get(|len| unsafe { tidings_event_encoded_len(event, len) });
    let mut buffer = vec![0; len];
    let written = get(|place| unsafe {
        tidings_event_encode(event, buffer.as_mut_ptr().cast(), buffer.len(), place)
    });
    assert_eq!(written, len);
    let frame = new(|frame| unsafe { tidings_frame_new(event, frame) });
    let bytes = get(|place| unsafe { tidings_frame_bytes(frame, place) });
    assert_eq!(super::bytes(bytes), buffer);
    unsafe { tidings_frame_free(frame) };
    String::from_utf8(buffer).expect("UTF-8")
}

#[test]
fn an_event_has_what_is_set() {
    assert_eq!(encoded(&zero()), "\n");
    assert_eq!(encoded(&message("")), "data: \n\n");
    let event = tidings_event {
        id: of("7"),
        event: of("temperature"),
        retry_ms: 0,
        flags: TIDINGS_EVENT_RETRY,
        ..message("21.5 °C\r\nand falling")
    };
    let all = "id: 7\nevent: temperature\nretry: 0\ndata: 21.5 °C\ndata: and falling\n\n";
    assert_eq!(encoded(&event), all);
    let empty_id = tidings_event {
        id: of(""),
        ..message("x")
    };
    assert_eq!(encoded(&empty_id), "id: \ndata: x\n\n");
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let bad = |set: &dyn Fn(&mut tidings_event)| {
        let mut event = message("x");
        set(&mut event);
        let status = unsafe { tidings_event_check(&event) };
        let mut len = 99;
        let mut frame = ptr::null_mut();
        assert_eq!(
            unsafe { tidings_event_encoded_len(&event, &mut len) },
            status
        );
        assert_eq!(unsafe { tidings_frame_new(&event, &mut frame) }, status);
        assert!(len == 99 && frame.is_null());
        status
    };
    assert_eq!(
        bad(&|event| event.id = of("a\nb")),
        TIDINGS_ERR_ID_LINE_BREAK
    );
    assert_eq!(bad(&|event| event.id = of("a\0b")), TIDINGS_ERR_ID_NUL);
    assert_eq!(
        bad(&|event| event.event = of("a\rb")),
        TIDINGS_ERR_EVENT_LINE_BREAK
    );
    let wrong = tidings_str::of(b"\xff");
    assert_eq!(bad(&|event| event.id = wrong), TIDINGS_ERR_UTF8);
    assert_eq!(bad(&|event| event.event = wrong), TIDINGS_ERR_UTF8);
    assert_eq!(bad(&|event| event.data = wrong), TIDINGS_ERR_UTF8);
    assert_eq!(bad(&|event| event.flags = 2), TIDINGS_ERR_INVALID);
    assert_eq!(bad(&|event| event.reserved = 1), TIDINGS_ERR_INVALID);
    assert_eq!(
        bad(&|event| event.data.data = ptr::null()),
        TIDINGS_ERR_NULL
    );
    assert_eq!(
        bad(&|event| event.data.len = usize::MAX),
        TIDINGS_ERR_LENGTH
    );
}

#[test]
fn a_comment_has_a_line_for_each_of_its_text() {
    let text = of("still\nhere");
    let len = get(|len| unsafe { tidings_comment_encoded_len(text, len) });
    let mut buffer = vec![0_u8; len];
    let write = |buffer: &mut [u8], len: &mut usize| unsafe {
        tidings_comment_encode(text, buffer.as_mut_ptr().cast(), buffer.len(), len)
    };
    let mut written = 99;
    assert_eq!(write(&mut buffer[1..], &mut written), TIDINGS_ERR_BUFFER);
    assert_eq!(written, 99);
    assert_eq!(write(&mut buffer, &mut written), TIDINGS_OK);
    assert_eq!(
        (buffer.as_slice(), written),
        (&b": still\n: here\n"[..], len)
    );
}

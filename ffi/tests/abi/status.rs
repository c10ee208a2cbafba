//! Numbers and texts that belong to no handle.

use super::*;
use std::ffi::CStr;

#[test]
fn every_number_of_the_header_has_a_text_of_its_own() {
    let header = include_str!("../../include/tidings.h");
    let numbers = header.lines().filter_map(|line| {
        let constant = line.trim().strip_suffix(',')?;
        let (name, number) = constant.split_once(" = ")?;
        let is_status = name == "TIDINGS_OK" || name.starts_with("TIDINGS_ERR_");
        is_status.then(|| number.parse::<i32>().expect("a number"))
    });
    let texts = numbers.map(|number| unsafe { CStr::from_ptr(tidings_status_str(number)) });
    let mut texts: Vec<_> = texts.collect();
    texts.push(unsafe { CStr::from_ptr(tidings_status_str(1)) });
    let all = texts.len();
    texts.sort();
    texts.dedup();
    assert!(all > 50 && texts.len() == all, "{texts:?}");
}

#[test]
fn every_number_of_the_header_has_its_name() {
    let name = |number| unsafe { CStr::from_ptr(tidings_status_name(number)) }.to_str();
    let header = include_str!("../../include/tidings.h");
    let mut all = 0;
    for line in header.lines() {
        let constant = line.trim().strip_suffix(',');
        let Some((said, number)) = constant.and_then(|constant| constant.split_once(" = ")) else {
            continue;
        };
        if said == "TIDINGS_OK" || said.starts_with("TIDINGS_ERR_") {
            assert_eq!(name(number.parse().expect("a number")), Ok(said));
            all += 1;
        }
    }
    assert!(all > 50);
    for number in [1, i32::MIN, i32::MAX] {
        assert_eq!(name(number), Ok("unknown"));
    }
}

#[test]
fn versions_are_those_of_the_manifest() {
    let version = unsafe { CStr::from_ptr(tidings_version()) };
    assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    assert_eq!(tidings_abi_version(), TIDINGS_ABI_VERSION);
}

#[test]
fn cursors_have_texts() {
    for (written, latest) in [("5f3a~7", None), ("0~18446744073709551615~3", Some(3))] {
        let cursor: tidings_cursor =
            get(|place| unsafe { tidings_cursor_parse(of(written), place) });
        assert_eq!((cursor.has_latest == 1).then_some(cursor.latest), latest);
        let mut buffer = [1; TIDINGS_CURSOR_BYTES];
        let len = get(|len| unsafe {
            tidings_cursor_format(&cursor, buffer.as_mut_ptr(), buffer.len(), len)
        });
        let read = unsafe { CStr::from_ptr(buffer.as_ptr()) };
        assert_eq!((read.to_str(), len), (Ok(written), written.len()));
    }
    let longest = tidings_cursor {
        epoch: u64::MAX,
        sequence: u64::MAX,
        latest: u64::MAX,
        has_latest: 1,
        reserved: 0,
    };
    let mut buffer = [0; TIDINGS_CURSOR_BYTES];
    get(|len| unsafe { tidings_cursor_format(&longest, buffer.as_mut_ptr(), buffer.len(), len) });
}

#[test]
fn a_short_buffer_is_left_alone() {
    let mut buffer = [7; TIDINGS_CONNECTION_BYTES];
    let mut len = 99;
    let id = u64::MAX;
    let status =
        unsafe { tidings_connection_format(id, buffer.as_mut_ptr(), buffer.len() - 1, &mut len) };
    assert_eq!(status, tidings_status::TIDINGS_ERR_BUFFER);
    assert_eq!((buffer, len), ([7; TIDINGS_CONNECTION_BYTES], 99));

    get(|len| unsafe { tidings_connection_format(id, buffer.as_mut_ptr(), buffer.len(), len) });
    let written = unsafe { CStr::from_ptr(buffer.as_ptr()) }
        .to_str()
        .expect("ASCII");
    assert_eq!(written, "ffffffffffffffff");
    let back = get(|place| unsafe { tidings_connection_parse(of(written), place) });
    assert_eq!(back, id);
}

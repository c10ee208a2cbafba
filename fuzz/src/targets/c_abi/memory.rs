//! Memory for calls: rooms that show whether they were written to, structs of any size, texts of any kind.
//!
//! It does not know the calls.

use super::went;
use crate::ensure;
use crate::verdict::Verdict;
use arbitrary::Arbitrary;
use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr;
use tidings::{tidings_status, tidings_str};

/// What callers of another version may have beyond what this one knows.
const TAIL: usize = 64;

/// A struct or array that is valid whatever bytes it holds: of numbers and pointers.
///
/// # Safety
/// It is.
pub(super) unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($type:ty)*) => {
        $(
            // SAFETY: the header declares it as numbers and pointers.
            unsafe impl Plain for $type {}
        )*
    };
}

plain! {
    u32 u64 usize tidings_str [tidings_str; 64] [c_char; 256]
    *mut tidings::tidings_decoder *mut tidings::tidings_client *mut tidings::tidings_hub
    *mut tidings::tidings_frame tidings::tidings_item [tidings::tidings_item; 16]
    tidings::tidings_cursor tidings::tidings_published [tidings::tidings_published; 4]
    tidings::tidings_output tidings::tidings_client_output tidings::tidings_stats
    tidings::tidings_class_stats tidings::tidings_event
    tidings::tidings_decoder_options tidings::tidings_client_options tidings::tidings_hub_options
    tidings::tidings_class_options tidings::tidings_response tidings::tidings_open
    tidings::tidings_publish
}

/// A struct with all zeros.
pub(super) fn zeroed<T: Plain>() -> T {
    // SAFETY: zeros are valid for it.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// The size that a struct says it has: mostly the right one.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Size {
    Right,
    AlsoRight,
    Less(u8),
    /// As much more, with a byte at the end that should be zero.
    More(u8, u8),
    Any(u32),
}

#[repr(C)]
struct Grown<T> {
    value: MaybeUninit<T>,
    tail: [u8; TAIL],
}

/// A place that a call reads or writes, in memory of its own.
pub(super) struct Room<T>(Box<Grown<T>>);

impl<T: Plain> Room<T> {
    /// For what a call writes: full of a pattern.
    pub(super) fn new() -> Self {
        let mut room = Self(Box::new(Grown {
            value: MaybeUninit::uninit(),
            tail: [0xa5; TAIL],
        }));
        // SAFETY: the place is there, for as many bytes.
        unsafe { ptr::write_bytes(room.0.value.as_mut_ptr(), 0xa5, 1) };
        room
    }

    /// For a struct that says its size.
    pub(super) fn sized(size: Size) -> Self {
        let mut room = Self::new();
        room.say(size);
        room
    }

    /// A struct to be read that says its size.
    pub(super) fn holding(value: T, size: Size) -> Self {
        let (value, tail) = (MaybeUninit::new(value), [0; TAIL]);
        let mut room = Self(Box::new(Grown { value, tail }));
        room.say(size);
        room
    }

    fn say(&mut self, size: Size) {
        let right = size_of::<T>();
        let says = match size {
            Size::Right | Size::AlsoRight => right,
            Size::Less(by) => right - 1 - usize::from(by) % right,
            Size::More(by, last) => {
                let by = 1 + usize::from(by) % TAIL;
                self.0.tail[by - 1] = last;
                right + by
            }
            // What is less than the tail would be read or written beyond the end of the room.
            Size::Any(any) => (any as usize).saturating_add(1 << 20),
        };
        let says = u32::try_from(says).unwrap_or(u32::MAX);
        // SAFETY: such a struct begins with a number of this kind.
        unsafe { self.0.value.as_mut_ptr().cast::<u32>().write(says) };
    }

    pub(super) fn place(&mut self) -> *mut T {
        // What is behind the value belongs to the place too.
        ptr::from_mut(&mut *self.0).cast()
    }

    /// What a call wrote, or the caller. All of it is initialised: it began as a pattern.
    pub(super) fn get(&self) -> T {
        // SAFETY: initialised, and valid whatever it is.
        unsafe { self.0.value.assume_init() }
    }

    fn bytes(&self) -> Vec<u8> {
        let first = ptr::from_ref(&*self.0).cast::<u8>();
        let len = size_of::<T>() + TAIL;
        // SAFETY: inside the room, all of which was written before.
        (0..len).map(|at| unsafe { first.add(at).read() }).collect()
    }
}

/// Makes a call that writes to a room, only if it succeeds: what it wrote then.
pub(super) fn wrote<T: Plain>(
    mut room: Room<T>,
    call: impl FnOnce(*mut T) -> tidings_status,
) -> Verdict<Option<T>> {
    let before = room.bytes();
    let done = went(call(room.place()))?;
    ensure!(done || room.bytes() == before, "it failed, and wrote");
    Ok(done.then(|| room.get()))
}

/// Makes a call that writes to two rooms, only if it succeeds.
pub(super) fn wrote_both<T: Plain, U: Plain>(
    call: impl FnOnce(*mut T, *mut U) -> tidings_status,
) -> Verdict<Option<(T, U)>> {
    let mut second = Room::new();
    let before = second.bytes();
    let first = wrote(Room::new(), |first| call(first, second.place()))?;
    let is_untouched = first.is_some() || second.bytes() == before;
    ensure!(is_untouched, "it failed, and wrote");
    Ok(first.map(|first| (first, second.get())))
}

/// Reads every byte of what was handed out.
pub(super) fn touch(text: tidings_str) -> Verdict<usize> {
    ensure!(!text.data.is_null() || text.len == 0, "NULL, with bytes");
    for at in 0..text.len {
        // SAFETY: that these bytes are there is what is being tried.
        std::hint::black_box(unsafe { text.data.add(at).read_volatile() });
    }
    Ok(text.len)
}

/// A text or bytes to hand in.
#[derive(Arbitrary, Debug)]
pub(super) enum Text {
    Absent,
    Empty,
    Usual(u8),
    AlsoUsual(u8),
    Bytes(Vec<u8>),
    /// NULL, with a length.
    Nowhere(u8),
    TooLong,
}

/// Names, patterns and ids that mean something.
const USUAL: [&str; 16] = [
    "news",
    "rooms/7",
    "rooms/*",
    "**",
    "ada",
    "bob",
    "a tab of sixteen bytes",
    "1~0",
    "1~1",
    "1~3",
    "earliest",
    "text/event-stream",
    "heartbeat",
    "bad//topic",
    "two\nlines",
    "4",
];

impl Text {
    /// Borrowed: it lives as long as this.
    pub(super) fn raw(&self) -> tidings_str {
        let of = |bytes: &[u8]| tidings_str {
            data: bytes.as_ptr().cast(),
            len: bytes.len(),
        };
        match self {
            Self::Absent => zeroed(),
            Self::Empty => of(b""),
            Self::Usual(which) | Self::AlsoUsual(which) => {
                of(USUAL[usize::from(*which) % USUAL.len()].as_bytes())
            }
            Self::Bytes(bytes) => of(bytes),
            Self::Nowhere(len) => tidings_str {
                data: ptr::null(),
                len: usize::from(*len),
            },
            Self::TooLong => tidings_str {
                data: c"x".as_ptr(),
                len: usize::MAX,
            },
        }
    }

    pub(super) fn all(texts: &[Self]) -> Vec<tidings_str> {
        texts.iter().map(Self::raw).collect()
    }
}

/// A number of an option: the default, off, little or much.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Number {
    Default,
    AlsoDefault,
    Off,
    Little(u8),
    Any(u64),
}

impl Number {
    pub(super) fn raw(self) -> u64 {
        match self {
            Self::Default | Self::AlsoDefault => 0,
            Self::Off => tidings::TIDINGS_OFF,
            Self::Little(number) => number.into(),
            Self::Any(number) => number,
        }
    }
}

/// An event to publish or to encode.
#[derive(Arbitrary, Debug)]
pub(super) struct Event {
    id: Text,
    event: Text,
    data: Text,
    retry_ms: u16,
    flags: u8,
    reserved: bool,
}

impl Event {
    /// One with data alone.
    pub(super) fn of(data: Vec<u8>) -> Self {
        Self {
            id: Text::Absent,
            event: Text::Absent,
            data: Text::Bytes(data),
            retry_ms: 0,
            flags: 0,
            reserved: false,
        }
    }

    pub(super) fn raw(&self) -> tidings::tidings_event {
        tidings::tidings_event {
            id: self.id.raw(),
            event: self.event.raw(),
            data: self.data.raw(),
            retry_ms: self.retry_ms.into(),
            flags: u32::from(self.flags) % 3,
            reserved: u32::from(self.reserved && self.flags > 200),
        }
    }
}

//! Where one frame of a stream ends and the next begins (RFC 6455, section 5.2), so that something else
//! can be said between them.
//!
//! It does not know what is in the frames, but for the code of the last. They are a server's: not masked.

/// The place in a stream of frames.
#[derive(Clone, Default, Debug)]
pub(super) struct Frames {
    /// The header of the frame, as far as it is known.
    header: [u8; 10],
    header_len: u8,
    /// Bytes of the payload before this place.
    payload: u64,
    /// What the frame says if it is the one that closes.
    code: [u8; 2],
}

/// The opcode of a frame that closes.
const CLOSE: u8 = 8;

impl Frames {
    /// Whether a frame begins here.
    pub(super) const fn is_between(&self) -> bool {
        self.header_len == 0
    }

    /// Goes on by these bytes.
    pub(super) fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.step(bytes);
            bytes = &bytes[taken..];
        }
    }

    /// How many of the bytes that come next belong to the frame that has begun.
    pub(super) fn rest(&self, bytes: &[u8]) -> usize {
        self.clone().step(bytes)
    }

    /// The code of the frame that closed, where one has: the last.
    pub(super) fn close_code(&self) -> Option<u16> {
        let code = u16::from_be_bytes(self.code);
        (self.is_between() && code > 0).then_some(code)
    }

    /// Goes on to the end of the frame at most.
    fn step(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        for byte in bytes {
            if self.length().is_some() {
                break;
            }
            self.header[usize::from(self.header_len)] = *byte;
            self.header_len += 1;
            taken += 1;
        }
        let Some(length) = self.length() else {
            return taken;
        };
        let bytes = &bytes[taken..];
        let left = usize::try_from(length - self.payload).unwrap_or(usize::MAX);
        let part = &bytes[..left.min(bytes.len())];
        if self.header[0] & 0xf == CLOSE {
            let begin = usize::try_from(self.payload).unwrap_or(usize::MAX);
            for (place, byte) in self.code.iter_mut().skip(begin).zip(part) {
                *place = *byte;
            }
        }
        self.payload += part.len() as u64;
        if self.payload == length {
            (self.header_len, self.payload) = (0, 0);
        }
        taken + part.len()
    }

    /// The length of the payload; none while the header is not known.
    fn length(&self) -> Option<u64> {
        let header = &self.header[..usize::from(self.header_len)];
        let (_, rest) = header.split_first()?;
        let (short, long) = rest.split_first()?;
        match short & 0x7f {
            126 => Some(u16::from_be_bytes(long.try_into().ok()?).into()),
            127 => Some(u64::from_be_bytes(long.try_into().ok()?)),
            short => Some(short.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            len @ 0..126 => frame.push(len as u8),
            len @ 126..65_536 => {
                frame.push(126);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend(payload);
        frame
    }

    #[test]
    fn the_code_of_the_frame_that_closes_is_known_when_it_is_whole() {
        let mut frames = Frames::default();
        frames.advance(&frame(1, b"{}"));
        assert_eq!(frames.close_code(), None);
        let close = frame(8, b"\x03\xe9come back");
        let (last, most) = close.split_last().expect("bytes");
        frames.advance(most);
        assert_eq!(frames.close_code(), None);
        frames.advance(&[*last]);
        assert_eq!(frames.close_code(), Some(1001));
    }

    proptest! {
        /// However the bytes come, a frame begins exactly where one does.
        #[test]
        fn frames_begin_where_they_do(
            lengths in prop::collection::vec(prop_oneof![0..200_usize, Just(125), Just(126), 65_530..65_540_usize], 1..6),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let (mut bytes, mut ends) = (Vec::new(), vec![0]);
            for length in lengths {
                bytes.extend(frame(1, &vec![b'x'; length]));
                ends.push(bytes.len());
            }
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.push(bytes.len());
            cuts.sort_unstable();
            let (mut frames, mut at) = (Frames::default(), 0);
            for cut in cuts {
                let end = *ends.iter().find(|end| **end > at).unwrap_or(&bytes.len());
                prop_assert_eq!(frames.rest(&bytes[at..cut]), end.min(cut) - at);
                frames.advance(&bytes[at..cut]);
                at = cut;
                prop_assert_eq!(frames.is_between(), ends.contains(&at));
            }
        }
    }
}

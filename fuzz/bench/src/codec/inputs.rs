//! What is decoded and encoded: the shapes that event streams have in practice.
//!
//! It does not know who reads them.

use tidings_core::Event;

/// A stream, and how it is cut.
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) chunk_bytes: usize,
    pub(crate) stream: Vec<u8>,
}

/// What one TCP segment carries on an Ethernet.
const SEGMENT: usize = 1_460;

/// Small enough for the nearest caches, as what has just been received is.
const STREAM_BYTES: usize = 120_000;

/// The seven streams for which there are marks.
pub(crate) fn streams() -> [Input; 7] {
    [
        Input::new("LLM deltas, 1460-byte chunks", SEGMENT, |_, token| {
            delta(token)
        }),
        Input::new("LLM deltas, 16-byte chunks", 16, |_, token| delta(token)),
        Input::new("16-byte events", SEGMENT, |number, _| {
            format!("data: {number:08}\n\n")
        }),
        Input::new("id, type, 2 data lines", SEGMENT, |number, token| {
            format!(
                "id: {number}\nevent: update\ndata: the first line,{token}\ndata: and one more\n\n"
            )
        }),
        Input::new("40 KB events", SEGMENT, |number, _| {
            format!(
                "data: {}\n\n",
                format!("{number:08} and so on; ").repeat(1_970)
            )
        }),
        Input::new("keep-alive comments", SEGMENT, |number, _| {
            // Each decoder has something to hand out, or it could skip everything.
            if number % 1_000 == 0 {
                format!("data: {number}\n\n")
            } else {
                ": keep-alive\n\n".to_owned()
            }
        }),
        Input::new("CRLF, 3 fields", SEGMENT, |number, token| {
            format!("id: {number}\r\nevent: update\r\ndata: {{\"value\":\"{token}\"}}\r\n\r\n")
        }),
    ]
}

impl Input {
    fn new(
        name: &'static str,
        chunk_bytes: usize,
        event: impl Fn(usize, &'static str) -> String,
    ) -> Self {
        let mut stream = Vec::new();
        for number in 1_000.. {
            if stream.len() >= STREAM_BYTES {
                break;
            }
            stream.extend(event(number, TOKENS[number % TOKENS.len()]).into_bytes());
        }
        Self {
            name,
            chunk_bytes,
            stream,
        }
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.stream.chunks(self.chunk_bytes)
    }
}

const TOKENS: [&str; 8] = [
    " the", " stream", " of", " tokens", ",", " naïve", " resumes", ".",
];

/// What completions of the common chat interface look like, one token each.
fn delta(token: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-A1b2C3d4E5f6G7h8\",\"object\":\"chat.completion.chunk\",\
         \"created\":1764000000,\"model\":\"some-model-2026\",\"choices\":[{{\"index\":0,\
         \"delta\":{{\"content\":\"{token}\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
    )
}

/// An event to encode.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: String,
}

pub(crate) fn samples() -> [Sample; 3] {
    let some = |text: &str| Some(text.to_owned());
    let json = r#"{"kind":"order","number":58123,"state":"shipped","by":"truck","eta":"09:40"}"#;
    let data = delta(" stream");
    [
        Sample {
            name: "107 bytes: id, type, data",
            id: some("58123"),
            event: some("order"),
            data: json.to_owned(),
        },
        Sample {
            name: "an LLM delta: data",
            id: None,
            event: None,
            data: data["data: ".len()..].trim_end().to_owned(),
        },
        Sample {
            name: "4 KB in 50 lines: id, data",
            id: some("58124"),
            event: None,
            data: [json; 50].join("\n"),
        },
    ]
}

impl Sample {
    /// The sample as an event.
    ///
    /// # Panics
    /// Never: samples can be encoded.
    pub(crate) fn as_event(&self) -> Event<'_> {
        let mut event = Event::message(&self.data);
        if let Some(id) = &self.id {
            event = event.with_id(id).expect("an id without a line break");
        }
        if let Some(name) = &self.event {
            event = event.with_event(name).expect("a type without a line break");
        }
        event
    }
}

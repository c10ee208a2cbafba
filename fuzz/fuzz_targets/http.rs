#![no_main]
#![doc = "Feeds `tidings_fuzz::targets::http`."]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidings_fuzz::targets::must_hold("http", bytes));

#![no_main]
#![doc = "Feeds `tidings_fuzz::targets::socket`."]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidings_fuzz::targets::must_hold("socket", bytes));

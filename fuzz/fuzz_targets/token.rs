#![no_main]
#![doc = "Feeds `tidings_fuzz::targets::token`."]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidings_fuzz::targets::must_hold("token", bytes));

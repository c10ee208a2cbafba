#![no_main]
#![doc = "Feeds `tidings_fuzz::targets::c_abi`."]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidings_fuzz::targets::must_hold("c_abi", bytes));

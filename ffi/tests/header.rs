//! The header: that it is what the sources say, and that it says what the manifest says.
//!
//! `make header` writes it anew.

use std::path::Path;
use std::{env, fs};

/// The header as it has to be.
fn generate() -> String {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config =
        cbindgen::Config::from_file(package.join("cbindgen.toml")).expect("cbindgen.toml");
    let number = |part: &str| part.parse::<u32>().expect("a number");
    config.after_includes = Some(format!(
        "\n/** The version of the library that this header came with. */\n\
         #define TIDINGS_VERSION \"{}\"\n\
         #define TIDINGS_VERSION_MAJOR {}\n\
         #define TIDINGS_VERSION_MINOR {}\n\
         #define TIDINGS_VERSION_PATCH {}",
        env!("CARGO_PKG_VERSION"),
        number(env!("CARGO_PKG_VERSION_MAJOR")),
        number(env!("CARGO_PKG_VERSION_MINOR")),
        number(env!("CARGO_PKG_VERSION_PATCH")),
    ));
    let mut header = Vec::new();
    cbindgen::Builder::new()
        .with_src(package.join("src/lib.rs"))
        .with_config(config)
        .generate()
        .expect("the sources can be read")
        .write(&mut header);
    String::from_utf8(header).expect("UTF-8")
}

#[test]
fn is_what_the_sources_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/tidings.h");
    let header = generate();
    if env::var_os("TIDINGS_BLESS").is_some() {
        fs::write(&path, &header).expect("the header can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        header == committed,
        "include/tidings.h is not what the sources say: `make header` writes it anew"
    );
}

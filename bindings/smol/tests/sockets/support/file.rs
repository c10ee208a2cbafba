//! Files for programs that a test runs.
//!
//! It does not know what is in them.

use std::fs;
use std::path::PathBuf;

/// A file that is gone with the test.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tidings-{}-{name}", std::process::id()));
        let file = Self(path);
        file.write(text);
        file
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(&self.0, text).expect("a file can be written");
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("the path is text")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // Another clean-up may have been here before.
        let _ = fs::remove_file(&self.0);
    }
}

//! A copy of the last commit, below the target folder: the checkout is left alone.
//!
//! It does not know what is changed in it.

use crate::table::{Catch, Row};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A core that takes longer has no end.
const MOST: Duration = Duration::from_secs(240);

pub(crate) struct Copy {
    commit: String,
    folder: PathBuf,
    built: PathBuf,
}

impl Copy {
    pub(crate) fn of(commit: &str) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |target| root.join(target));
        let folder = target.join("faults/copy");
        // There may be none to take away.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        // All files are as new as can be, so that nothing built of an earlier fault is taken.
        let unpack = "git rev-parse $1 && git archive $1 | tar -x -m -C \"$2\"";
        let unpacked = Command::new("sh")
            .args(["-c", unpack, "sh", commit])
            .arg(&folder)
            .current_dir(&root)
            .output();
        let unpacked = unpacked.map_err(|error| error.to_string())?;
        if !unpacked.status.success() {
            return Err(format!("{commit} cannot be copied"));
        }
        let commit = String::from_utf8_lossy(&unpacked.stdout);
        Ok(Self {
            commit: commit.trim().to_owned(),
            folder,
            built: target.join("faults/built"),
        })
    }

    /// Where what is caught in this commit is kept.
    pub(crate) fn results(&self) -> PathBuf {
        self.built.with_file_name(format!("caught-{}", self.commit))
    }

    pub(crate) fn read(&self, file: &str) -> Result<String, String> {
        fs::read_to_string(self.folder.join(file)).map_err(|error| format!("{file}: {error}"))
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> Result<(), String> {
        fs::write(self.folder.join(file), text).map_err(|error| format!("{file}: {error}"))
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = Command::new("cargo");
        cargo
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &self.built)
            .env("CARGO_PROFILE_DEV_DEBUG", "0");
        cargo
    }

    /// Builds the trial, and holds it; what it caught.
    pub(crate) fn try_out(&self) -> Result<Vec<Catch>, String> {
        let build = [
            "build",
            "-q",
            "--locked",
            "-p",
            "tidings-fuzz",
            "--example",
            "trial",
        ];
        let built = self.cargo(&build).output();
        let built = built.map_err(|error| error.to_string())?;
        if !built.status.success() {
            let errors = String::from_utf8_lossy(&built.stderr);
            return Err(format!("it does not build: {errors}"));
        }
        self.hold(&[])
    }

    /// Tries all checks, then more of each, then the core's own tests, until something is caught.
    pub(crate) fn judge(&self) -> Result<Row, String> {
        let mut catches = self.try_out()?;
        if catches.is_empty() {
            catches = self.hold(&["first"])?;
        }
        if catches.is_empty() {
            let tests = ["test", "-q", "--locked", "-p", "tidings-core", "--tests"];
            let tested = self.cargo(&tests).output();
            if !tested.map_err(|error| error.to_string())?.status.success() {
                catches.push(Catch::by("core's tests"));
            }
        }
        Ok(Row { catches })
    }

    fn hold(&self, arguments: &[&str]) -> Result<Vec<Catch>, String> {
        let mut trial = Command::new(self.built.join("debug/examples/trial"))
            .args(arguments)
            .current_dir(&self.folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let ended = loop {
            if let Some(status) = trial.try_wait().map_err(|error| error.to_string())? {
                break Some(status);
            }
            if begun.elapsed() > MOST {
                trial.kill().map_err(|error| error.to_string())?;
                trial.wait().map_err(|error| error.to_string())?;
                break None;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut said = String::new();
        if let Some(mut stdout) = trial.stdout.take() {
            stdout
                .read_to_string(&mut said)
                .map_err(|error| error.to_string())?;
        }
        let mut catches: Vec<Catch> = said.lines().filter_map(Catch::read).collect();
        if ended.is_none_or(|status| status.code().is_none()) {
            catches.push(Catch::by("a trial that does not end well"));
        }
        Ok(catches)
    }
}

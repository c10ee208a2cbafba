//! The files for running Tidings: what they name is there, and the programs that read them take them.
//!
//! A program that is not installed is noted as skipped, in the file that `TIDINGS_SKIPPED` names too;
//! with `CI=true` those that are cheap to install have to be there.

mod nginx;

use crate::support::Server;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn file(name: &str) -> PathBuf {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    deploy.join(name)
}

fn read(name: &str) -> String {
    let file = file(name);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A directory of a test's own, which goes with it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("it can be made");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("it can be written");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left lies below target/.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether a program is there; if not, that is noted.
fn has(program: &str, is_needed: bool) -> bool {
    let mut look = Command::new("sh");
    look.args(["-c", "PATH=$PATH:/usr/sbin command -v \"$0\"", program]);
    if look.output().is_ok_and(|found| found.status.success()) {
        return true;
    }
    let in_ci = std::env::var("CI").as_deref() == Ok("true");
    assert!(!(is_needed && in_ci), "{program} is missing");
    let line = format!("tests of proxies and deployment: install {program}\n");
    eprint!("skipped: {line}");
    if let Some(file) = std::env::var_os("TIDINGS_SKIPPED")
        && !fs::read_to_string(&file).is_ok_and(|skipped| skipped.contains(&line))
    {
        let file = OpenOptions::new().append(true).create(true).open(file);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.expect("what is skipped can be noted");
    }
    false
}

/// Runs a program, which must be content.
fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("sh");
    let script = "PATH=$PATH:/usr/sbin exec \"$0\" \"$@\"";
    command.args(["-c", script, program]).args(arguments);
    let output = command.output().expect("there is a shell");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

/// The names of metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_of_name(c));
    words.filter(|word| word.starts_with("tidings_")).collect()
}

/// All texts in JSON.
fn texts<'a>(json: &'a Value, found: &mut Vec<&'a str>) {
    match json {
        Value::String(text) => found.push(text),
        Value::Array(array) => array.iter().for_each(|one| texts(one, found)),
        Value::Object(object) => object.values().for_each(|one| texts(one, found)),
        _ => {}
    }
}

/// Whether a name is that of a family, or of one of its samples.
fn is_of(name: &str, family: &str) -> bool {
    let suffix = name.strip_prefix(family);
    suffix.is_some_and(|suffix| {
        ["", "_total", "_info", "_bucket", "_count", "_sum"].contains(&suffix)
    })
}

#[test]
fn the_board_and_the_manual_have_every_metric_and_no_other() {
    let server = Server::start(&[]);
    let metrics = server.metrics();
    let board: Value = serde_json::from_str(&read("grafana.json")).expect("it is JSON");
    let mut found = Vec::new();
    texts(&board, &mut found);
    let (board, manual) = (found.join("\n"), read("README.md"));
    for (text, what) in [(&*board, "the board"), (&*manual, "the manual")] {
        let names = names(text);
        for name in &names {
            let known = metrics.families.keys().any(|family| is_of(name, family));
            assert!(known, "{what} has {name}, which is no metric");
        }
        for family in metrics.families.keys() {
            let shown = names.iter().any(|name| is_of(name, family));
            assert!(shown, "{what} has not {family}");
        }
    }
}

#[test]
fn every_panel_of_the_board_asks_for_something() {
    let board: Value = serde_json::from_str(&read("grafana.json")).expect("it is JSON");
    let panels = board["panels"].as_array().expect("there are panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(
            ids.insert(panel["id"].as_u64()),
            "{panel} has an id of its own"
        );
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().expect("it has targets");
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let expr = target["expr"].as_str().expect("it asks for something");
            let count = |c| expr.matches(c).count();
            assert_eq!((count('('), count('{')), (count(')'), count('}')), "{expr}");
            assert!(expr.contains("tidings_"), "{expr}");
        }
    }
}

#[test]
fn haproxy_takes_its_file() {
    if has("haproxy", true) {
        let path = file("haproxy.cfg");
        run("haproxy", &["-c", "-f", &path.to_string_lossy()]);
    }
}

#[test]
fn caddy_takes_its_file() {
    if has("caddy", false) {
        let path = file("Caddyfile").to_string_lossy().into_owned();
        run(
            "caddy",
            &["validate", "--adapter", "caddyfile", "--config", &path],
        );
    }
}

#[test]
fn systemd_takes_its_file() {
    if has("systemd-analyze", false) {
        let directory = Directory::new("systemd");
        let program = env!("CARGO_BIN_EXE_tidings");
        let unit = read("tidings.service").replace("/usr/local/bin/tidings", program);
        let unit = directory.write("tidings.service", &unit);
        let said = run(
            "systemd-analyze",
            &["verify", "--man=no", &unit.to_string_lossy()],
        );
        // What it does not know it says, and goes on.
        assert!(!said.contains("tidings.service"), "{said}");
    }
}

/// The proxies and the unit start the program with flags that there are.
#[test]
fn flags_that_are_named_exist() {
    let help = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["serve", "--help"])
        .output()
        .expect("it has help");
    let help = String::from_utf8(help.stdout).expect("it is text");
    for name in [
        "nginx.conf",
        "Caddyfile",
        "haproxy.cfg",
        "tidings.service",
        "Dockerfile",
        "README.md",
    ] {
        let text = read(name);
        let own = text.split(|c: char| c.is_whitespace() || "`\"(),.;:".contains(c));
        for flag in own.filter(|word| word.starts_with("--")) {
            let of_others = [
                "--release",
                "--locked",
                "--bin",
                "--ulimit",
                "--mount=type=cache",
                "--from=build",
            ];
            let known =
                help.contains(flag) || of_others.iter().any(|other| flag.starts_with(other));
            assert!(known, "{name} names {flag}");
        }
    }
}

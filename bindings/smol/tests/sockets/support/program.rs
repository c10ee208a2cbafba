//! The program `tidings` as a child, with all that it prints.
//!
//! It does not know which command it runs. A child never outlives its test, even one that panics.

use super::wait::eventually;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
    watchdog: Option<Watchdog>,
}

/// Ends a child after a time, for a test that waits for it in a read or a write. Dropped, it is off.
struct Watchdog {
    _off: mpsc::Sender<()>,
}

/// Longer than any test takes that waits with patience.
const LIFETIME: Duration = Duration::from_secs(300);

/// Lines that a failure shows.
const LAST_LINES: usize = 50;

/// What was printed so far.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Printed>>);

#[derive(Default)]
struct Printed {
    lines: Vec<String>,
    ended: bool,
}

impl Program {
    /// Runs `tidings` with these arguments.
    pub(crate) fn start<S: AsRef<str>>(arguments: &[S]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
        command.args(arguments.iter().map(AsRef::as_ref));
        Self::run(command)
    }

    /// Runs any command, which should end up as `tidings`.
    pub(crate) fn run(mut command: Command) -> Self {
        Self::run_with(&mut command, &[])
    }

    /// Runs a command with these variables in its environment, and none of those that say where a
    /// server is and who asks.
    pub(crate) fn run_with(command: &mut Command, variables: &[(&str, &str)]) -> Self {
        let mut child = command
            .env_remove("TIDINGS_LISTEN")
            .env_remove("TIDINGS_LOG")
            .env_remove("TIDINGS_SERVER")
            .env_remove("TIDINGS_TOKEN")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = Lines::read(child.stdout.take().expect("it is piped"));
        let stderr = Lines::read(child.stderr.take().expect("it is piped"));
        Self {
            stdin: child.stdin.take(),
            watchdog: Some(Watchdog::start(Pid::from_child(&child))),
            child,
            stdout,
            stderr,
        }
    }

    /// Writes to its standard input; false where it reads no more.
    pub(crate) fn write(&mut self, text: impl AsRef<[u8]>) -> bool {
        let stdin = self.stdin.as_mut().expect("its input is open");
        stdin
            .write_all(text.as_ref())
            .and_then(|()| stdin.flush())
            .is_ok()
    }

    /// Ends its standard input.
    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn stdout(&self) -> Vec<String> {
        self.stdout.lines()
    }

    pub(crate) fn stderr(&self) -> Vec<String> {
        self.stderr.lines()
    }

    /// Waits for a line on standard output with this text in it.
    pub(crate) fn wait_for_stdout(&self, text: &str) -> String {
        self.wait_for(text, &self.stdout)
    }

    /// Waits for a line on standard error with this text in it.
    pub(crate) fn wait_for_stderr(&self, text: &str) -> String {
        self.wait_for(text, &self.stderr)
    }

    fn wait_for(&self, text: &str, lines: &Lines) -> String {
        eventually(&format!("a line with {text:?}"), || {
            let found = lines.lines().into_iter().find(|line| line.contains(text));
            found.ok_or_else(|| self.describe())
        })
    }

    pub(crate) fn describe(&self) -> String {
        let [stdout, stderr] = [self.stdout(), self.stderr()].map(|mut lines| {
            lines.drain(..lines.len().saturating_sub(LAST_LINES));
            lines
        });
        format!("standard output {stdout:?}, standard error {stderr:?}")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it can be signalled");
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until it ends by itself, and has printed all.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = eventually("the program ends", || {
            let status = self.child.try_wait().expect("it can be waited for");
            status.ok_or_else(|| self.describe())
        });
        self.watchdog = None;
        eventually("its output ends", || {
            let ended = self.stdout.has_ended() && self.stderr.has_ended();
            ended.then_some(()).ok_or_else(|| self.describe())
        });
        status
    }

    /// Says that its test goes on for longer than others.
    pub(crate) fn live_on(&mut self) {
        self.watchdog = Some(Watchdog::start(self.pid()));
    }

    /// Ends it as an outage would.
    pub(crate) fn kill(&mut self) {
        self.watchdog = None;
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().expect("it can be waited for");
    }
}

impl Watchdog {
    fn start(child: Pid) -> Self {
        let (off, ended) = mpsc::channel();
        std::thread::spawn(move || {
            if ended.recv_timeout(LIFETIME) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("a program is ended after {LIFETIME:?}");
                // It may have ended in this moment; whoever waits for it sees that.
                let _ = kill_process(child, Signal::KILL);
            }
        });
        Self { _off: off }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the program printed: {}", self.describe());
        }
    }
}

impl Lines {
    fn read(input: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let printed = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(input).lines() {
                let line = line.unwrap_or_else(|error| format!("<{error}>"));
                printed.lock(|printed| printed.lines.push(line));
            }
            printed.lock(|printed| printed.ended = true);
        });
        lines
    }

    fn lines(&self) -> Vec<String> {
        self.lock(|printed| printed.lines.clone())
    }

    fn has_ended(&self) -> bool {
        self.lock(|printed| printed.ended)
    }

    fn lock<T>(&self, look: impl FnOnce(&mut Printed) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs `tidings` to its end with this input, and hands out status, standard output and error.
pub(crate) fn run_to_end(arguments: &[&str], input: &[u8]) -> (ExitStatus, String, String) {
    let mut program = Program::start(arguments);
    program.write(input);
    program.end_input();
    let status = program.wait();
    let text = |lines: Vec<String>| lines.iter().map(|line| format!("{line}\n")).collect();
    (status, text(program.stdout()), text(program.stderr()))
}

//! Servers in processes of their own: started, looked at, and ended whatever happens.
//!
//! It does not know what they are asked.

use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};
use std::env::current_exe;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take to say where it listens, or to answer a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that runs; it ends with this.
pub(crate) struct Server {
    child: Child,
    /// Open as long as the server may write to it.
    _stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

/// What the server of Tidings counts itself.
pub(crate) struct Stats(serde_json::Value);

impl Server {
    /// `tidings serve` with these arguments, as it was built beside this program.
    pub(crate) fn tidings(arguments: &[&str]) -> io::Result<Self> {
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        // Its log is written as always, and read by nobody: two lines for each stream.
        let mut command = dependent(&tidings()?)?;
        command.stderr(Stdio::null());
        Self::start(command.args(serve).args(arguments))
    }

    /// The same, with no more than so many open files.
    pub(crate) fn tidings_with_files(files: u32, arguments: &[&str]) -> io::Result<Self> {
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        let script = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
        Self::start(
            dependent(Path::new("sh"))?
                .stderr(Stdio::null())
                .args(["-c", &script])
                .arg(tidings()?)
                .args(serve)
                .args(arguments),
        )
    }

    /// The example server in C, compiled against the shared library as people install it.
    pub(crate) fn c_epoll() -> io::Result<Self> {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bindings/c/examples");
        let program = current_exe()?.with_file_name("epoll_server");
        let libraries = installed("lib")?;
        let mut rpath = OsString::from("-Wl,-rpath,");
        rpath.push(&libraries);
        let compiled = Command::new("cc")
            .args(["-std=c11", "-O2", "-I"])
            .arg(installed("include")?)
            .arg(examples.join("epoll_server.c"))
            .arg("-L")
            .arg(libraries)
            .arg(rpath)
            .args(["-ltidings", "-o"])
            .arg(&program)
            .status()?;
        if !compiled.success() {
            return Err(io::Error::other("the example server was not compiled"));
        }
        Self::start(dependent(&program)?.arg("0"))
    }

    /// The floor: this program, as a bare server of this kind.
    pub(crate) fn floor(kind: &str) -> io::Result<Self> {
        Self::start(dependent(&current_exe()?)?.args(["floor", kind]))
    }

    fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut server = Self {
            child,
            _stdout: BufReader::new(stdout),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let mut line = String::new();
        server._stdout.read_line(&mut line)?;
        let address = line.trim().rsplit("//").next().unwrap_or_default();
        server.address = address
            .parse()
            .map_err(|_| io::Error::other(format!("no address in {line:?}")))?;
        Ok(server)
    }

    /// Processor time that all its threads have used, in nanoseconds.
    ///
    /// The scheduler's own count is exact whenever the threads sleep, which is when this is asked;
    /// the kernel's work on behalf of the process is part of it.
    pub(crate) fn cpu_ns(&self) -> io::Result<u64> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let used = text.split(' ').next().and_then(|text| text.parse().ok());
            sum += used.unwrap_or(0);
        }
        Ok(sum)
    }

    /// Resident memory, in KiB.
    pub(crate) fn resident_kb(&self) -> io::Result<u64> {
        self.kernel_kb("smaps_rollup", "Rss:")
    }

    /// The most that was resident at any time, in KiB.
    pub(crate) fn peak_resident_kb(&self) -> io::Result<u64> {
        self.kernel_kb("status", "VmHWM:")
    }

    fn kernel_kb(&self, file: &str, name: &str) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok())
            .ok_or_else(|| io::Error::other("the kernel does not say how much is resident"))
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    pub(crate) fn stats(&self) -> io::Result<Stats> {
        let mut socket = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let host = self.address;
        write!(
            socket,
            "GET /stats HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        socket.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(io::Error::other(format!("/stats was answered {head:?}")));
        }
        Ok(Stats(serde_json::from_str(body)?))
    }

    /// Waits until the server counts so many streams.
    pub(crate) fn wait_for_connections(&self, wanted: u64) -> io::Result<()> {
        let start = Instant::now();
        loop {
            let connections = self.stats()?.count("connections");
            if connections == wanted {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                let problem = format!("the server counts {connections} streams, not {wanted}");
                return Err(io::Error::other(problem));
            }
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stats {
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap_or(u64::MAX)
    }

    /// The last number of the log.
    pub(crate) fn head(&self) -> u64 {
        let cursor = self.text("cursor");
        let head = cursor.split('~').nth(1);
        head.and_then(|head| head.parse().ok()).unwrap_or(u64::MAX)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.0[name].as_str().unwrap_or_default().to_owned()
    }
}

/// A program that ends when this one does, however that ends.
pub(crate) fn dependent(program: &Path) -> io::Result<Command> {
    let mut command = Command::new(current_exe()?);
    command.arg("exec").arg(program);
    Ok(command)
}

/// Becomes another program, which ends with the parent.
pub(crate) fn exec(program: &[String]) -> io::Error {
    let Some((name, arguments)) = program.split_first() else {
        return io::ErrorKind::InvalidInput.into();
    };
    match set_parent_process_death_signal(Some(Signal::KILL)) {
        Ok(()) => Command::new(name).args(arguments).exec(),
        Err(error) => error.into(),
    }
}

/// Lets this process open as many files as it may.
pub(crate) fn raise_file_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    )?)
}

/// Where the server of Tidings is.
pub(crate) fn tidings() -> io::Result<PathBuf> {
    beside("tidings", "tidings-smol")
}

/// A file or directory of the C library, as `make bench-library` installs it.
pub(crate) fn installed(name: &str) -> io::Result<PathBuf> {
    let path = current_exe()?
        .with_file_name("../bench/installed")
        .join(name);
    path.canonicalize().map_err(|error| {
        let problem = format!("{}: {error}: make bench-library", path.display());
        io::Error::new(error.kind(), problem)
    })
}

/// A file of another package, built beside this program.
fn beside(name: &str, package: &str) -> io::Result<PathBuf> {
    let path = current_exe()?.with_file_name(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(io::Error::other(format!(
        "{} is not there: cargo build --release -p {package}",
        path.display()
    )))
}

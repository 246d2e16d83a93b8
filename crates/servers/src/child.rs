//! A server as a child process that does not outlive its owner.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;
use tokio::time;

/// How long a server may take to become ready. A choice: machines that run tests are busy.
const STARTUP: Duration = Duration::from_secs(60);
/// How long a server may take to stop before it is killed. A choice, as [`STARTUP`].
const SHUTDOWN: Duration = Duration::from_secs(30);
/// How often to check whether a server is ready. A choice: cheap, and hardly delays a test.
const POLL: Duration = Duration::from_millis(10);
/// How many lines of a server's log an error quotes. A choice.
const LOG_LINES: usize = 20;

/// A running server process.
pub(crate) struct Child {
    pid: Pid,
    log: PathBuf,
    /// The signal that ends the process at once.
    abrupt: Signal,
    /// The exit status, once the process has ended.
    ended: watch::Receiver<Option<ExitStatus>>,
    /// The thread that started the process and waits for its end.
    waiter: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts `command` in its own process group, and appends its output to the file `log`. `abrupt` is the signal that
    /// ends it at once, as a crash would.
    pub(crate) fn spawn(mut command: Command, log: PathBuf, abrupt: Signal) -> Result<Self> {
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot open {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let program = command.get_program().to_owned();
        let (started_sender, started) = mpsc::channel();
        let (ended_sender, ended) = watch::channel(None);
        // The parent death signal is sent when the *thread* that started the child ends. That thread must live as long
        // as the child, unlike threads of an async runtime and of tests.
        let waiter = thread::Builder::new().name("server".into()).spawn(move || {
            let (started, child) = match command.spawn() {
                Ok(child) => (Ok(child.id()), Some(child)),
                Err(error) => (Err(error), None),
            };
            let received = started_sender.send(started).is_ok();
            debug_assert!(received, "the starting thread waits for this");
            if let Some(mut child) = child {
                ended_sender.send_replace(child.wait().ok());
            }
        })?;
        let id = started.recv().context("the thread of the server ended")?;
        let id = id.with_context(|| format!("cannot start {}", program.display()))?;
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).context("a process id is not positive")?;
        Ok(Self { pid, log, abrupt, ended, waiter: Some(waiter) })
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Polls `ready` until it returns true.
    ///
    /// # Errors
    /// If the server ends before, or is not ready after [`STARTUP`]. The error quotes the end of its log.
    pub(crate) async fn until_ready(&mut self, mut ready: impl AsyncFnMut() -> bool) -> Result<()> {
        let deadline = time::Instant::now() + STARTUP;
        loop {
            let is_ready = ready().await;
            // Checked after `ready`: another server on the same port may have answered for one that could not start.
            if self.has_ended() {
                bail!("the server ended before it was ready; the end of its log:\n{}", self.end_of_log());
            }
            if is_ready {
                return Ok(());
            }
            if time::Instant::now() > deadline {
                bail!("the server is not ready after {STARTUP:?}; the end of its log:\n{}", self.end_of_log());
            }
            time::sleep(POLL).await;
        }
    }

    /// Asks the server to stop by `signal`, and waits until it has ended. Kills it after [`SHUTDOWN`].
    pub(crate) async fn stop(&mut self, signal: Signal) {
        self.signal(signal);
        if time::timeout(SHUTDOWN, self.wait()).await.is_err() {
            tracing::warn!(log = %self.log.display(), "a server did not stop in time and is killed");
            self.kill().await;
        }
    }

    /// Ends the server at once, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.signal(self.abrupt);
        self.wait().await;
    }

    async fn wait(&mut self) {
        // An error means that the waiting thread has ended, and with it the process.
        drop(self.ended.wait_for(Option::is_some).await);
    }

    fn has_ended(&self) -> bool {
        self.ended.borrow().is_some() || self.ended.has_changed().is_err()
    }

    fn signal(&self, signal: Signal) {
        if self.has_ended() {
            return;
        }
        // A stopped process handles signals other than SIGKILL only after SIGCONT.
        for sent in [signal, Signal::CONT] {
            if let Err(error) = kill_process(self.pid, sent) {
                tracing::debug!(%error, "a server had ended before it was signaled");
            }
        }
    }

    fn end_of_log(&self) -> String {
        end_of(&self.log)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(self.abrupt);
        // The folder can only be deleted after the process has ended, which is soon after the abrupt signal.
        if let Some(waiter) = self.waiter.take()
            && waiter.join().is_err()
        {
            tracing::warn!("the thread that waits for a server panicked");
        }
    }
}

/// Whether a server's log says that its port was in use.
pub(crate) fn lost_its_port(log: &Path) -> bool {
    fs::read_to_string(log).is_ok_and(|text| text.to_lowercase().contains("address already in use"))
}

/// Returns the last [`LOG_LINES`] lines of a log.
fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let (_, end) = lines.split_at(lines.len().saturating_sub(LOG_LINES));
    end.join("\n")
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs::Permissions;
    use std::io::{BufRead, BufReader, Read};
    use std::net::{SocketAddr, TcpStream};
    use std::os::unix::fs::PermissionsExt;

    use crate::{Nats, Postgres};

    use super::*;

    const ROLE: &str = "SERVERS_TEST_PARENT";
    const TEST: &str = "child::tests::children_end_with_a_killed_parent";

    /// The process that the test kills: the same test, run in a process of its own.
    async fn be_the_parent() {
        // The servers are started on a thread that ends at once, which must not end them.
        let start = thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { (Nats::start().await.unwrap(), Postgres::start().await.unwrap()) })
        });
        let (nats, postgres) = start.join().unwrap();
        for address in [nats.address(), postgres.address()] {
            println!("\nserver={address}");
        }
        std::future::pending::<()>().await;
    }

    #[tokio::test]
    async fn children_end_with_a_killed_parent() {
        if env::var_os(ROLE).is_some() {
            return be_the_parent().await;
        }
        if executables_are_not_bound() {
            return;
        }
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
        let mut parent = Command::new(env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env(ROLE, "1")
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
        let addresses = lines.filter_map(|line| line.unwrap().strip_prefix("server=")?.parse::<SocketAddr>().ok());
        let mut clients: Vec<TcpStream> =
            addresses.take(2).map(|address| TcpStream::connect(address).unwrap()).collect();
        assert_eq!(clients.len(), 2);

        parent.kill().unwrap();
        parent.wait().unwrap();

        // A connection ends only when its server has ended.
        for client in &mut clients {
            drop(client.read_to_end(&mut Vec::new()));
        }
    }

    fn executables_are_not_bound() -> bool {
        crate::executables::bound_to_parent(Path::new("true"), "KILL").get_program() == "true"
    }

    #[test]
    fn only_the_end_of_a_log_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        assert_eq!(end_of(&log), "");
        fs::write(&log, (0..100).map(|line| format!("line {line}\n")).collect::<String>()).unwrap();
        assert!(end_of(&log).starts_with("line 80\n"));
        assert!(!lost_its_port(&log));
        fs::write(&log, "bind: Address already in use").unwrap();
        assert!(lost_its_port(&log));
    }

    #[test]
    fn the_error_names_a_missing_program() {
        let folder = tempfile::tempdir().unwrap();
        let outcome = Child::spawn(Command::new("/no/such/program"), folder.path().join("log"), Signal::KILL);
        assert!(format!("{:#}", outcome.err().unwrap()).contains("/no/such/program"));
    }
}

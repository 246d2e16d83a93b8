//! A server as a child process that cannot outlive its owner.

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

/// Generous, since machines of tests are busy.
const STARTUP: Duration = Duration::from_secs(60);
const SHUTDOWN: Duration = Duration::from_secs(30);
/// Long enough to be cheap, short enough not to be felt.
const POLL: Duration = Duration::from_millis(10);
const LOG_LINES: usize = 20;

pub(crate) struct Child {
    pid: Pid,
    log: PathBuf,
    abrupt: Signal,
    ended: watch::Receiver<Option<ExitStatus>>,
    waiter: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts `command` in a process group of its own; what it prints is appended to the file `log`.
    /// `abrupt` is the signal that ends it at once, as a crash would.
    pub(crate) fn spawn(mut command: Command, log: PathBuf, abrupt: Signal) -> Result<Self> {
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot open {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let program = command.get_program().to_owned();
        let (started_sender, started) = mpsc::channel();
        let (ended_sender, ended) = watch::channel(None);
        // "The parent died" means the thread that started the child, so that thread must live as long as the child:
        // those of an async runtime and of tests do not.
        let waiter = thread::Builder::new().name("server".into()).spawn(move || {
            let (announced, child) = match command.spawn() {
                Ok(child) => (Ok(child.id()), Some(child)),
                Err(error) => (Err(error), None),
            };
            let heard = started_sender.send(announced).is_ok();
            debug_assert!(heard, "the starter waits below");
            if let Some(mut child) = child {
                ended_sender.send_replace(child.wait().ok());
            }
        })?;
        let id = started.recv().context("the thread of the server ended")?;
        let id = id.with_context(|| format!("cannot start {}", program.display()))?;
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).context("a process id is not positive")?;
        Ok(Self { pid, log, abrupt, ended, waiter: Some(waiter) })
    }

    /// The process id.
    pub(crate) fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits until `ready` says so; an error with the end of the log if the child ends first, or after a minute.
    pub(crate) async fn until_ready(&mut self, mut ready: impl AsyncFnMut() -> bool) -> Result<()> {
        let deadline = time::Instant::now() + STARTUP;
        loop {
            let is_ready = ready().await;
            // Asked second: another server may have answered in the place of one that could not start.
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

    /// Asks the child to end by `signal`, and waits; one that takes longer than half a minute is killed.
    pub(crate) async fn stop(&mut self, signal: Signal) {
        self.signal(signal);
        if time::timeout(SHUTDOWN, self.wait()).await.is_err() {
            tracing::warn!(log = %self.log.display(), "a server did not stop in time and is killed");
            self.kill().await;
        }
    }

    /// Ends the child at once, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.signal(self.abrupt);
        self.wait().await;
    }

    async fn wait(&mut self) {
        // An error says that the sender is gone, and with it the child.
        drop(self.ended.wait_for(Option::is_some).await);
    }

    fn has_ended(&self) -> bool {
        self.ended.borrow().is_some() || self.ended.has_changed().is_err()
    }

    fn signal(&self, signal: Signal) {
        if self.has_ended() {
            return;
        }
        // A child that was paused would not hear anything but SIGKILL.
        for sent in [signal, Signal::CONT] {
            if let Err(error) = kill_process(self.pid, sent) {
                tracing::debug!(%error, "a server was gone before it was asked to go");
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
        // Waited for, so that its folder can be deleted; the abrupt signal leaves nothing to wait for long.
        if let Some(waiter) = self.waiter.take()
            && waiter.join().is_err()
        {
            tracing::warn!("the thread that waits for a server panicked");
        }
    }
}

/// Whether a server that wrote this log found its port taken.
pub(crate) fn lost_its_port(log: &Path) -> bool {
    fs::read_to_string(log).is_ok_and(|text| text.to_lowercase().contains("address already in use"))
}

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

    /// The parent to be killed: this test again, in a process of its own.
    async fn be_the_parent() {
        // Started on a thread that ends at once, which must not end the servers.
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

        // Each ends only with its server, and would otherwise be kept open.
        for client in &mut clients {
            drop(client.read_to_end(&mut Vec::new()));
        }
    }

    fn executables_are_not_bound() -> bool {
        crate::executables::bound_to_parent(Path::new("true"), "KILL").get_program() == "true"
    }

    #[test]
    fn only_the_end_of_a_log_is_told() {
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
    fn a_missing_program_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let outcome = Child::spawn(Command::new("/no/such/program"), folder.path().join("log"), Signal::KILL);
        assert!(format!("{:#}", outcome.err().unwrap()).contains("/no/such/program"));
    }
}

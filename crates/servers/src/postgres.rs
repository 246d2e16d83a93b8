//! A Postgres server as a child process.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::child::{Child, lost_its_port};
use crate::{executables, port};

/// How often to start a server that finds its port in use. A choice.
const ATTEMPTS: u32 = 5;

/// Options of a server.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    /// The folder of the data, created if it is missing and never deleted; `None`: a temporary folder.
    pub data: Option<PathBuf>,
    /// Whether a commit survives a crash of the machine. `false` is faster, and commits still survive
    /// [`Postgres::kill`].
    pub durable: bool,
}

/// A Postgres server on 127.0.0.1, with the superuser `postgres`, who needs no password. Dropping it kills the server.
///
/// Postgres refuses to run as root. Started by root, it runs as `nobody`, who must be able to reach the executables and
/// the folder of temporary files.
pub struct Postgres {
    // Declared first, so that it is dropped before the folder that it writes to.
    child: Option<Child>,
    folder: TempDir,
    executables: PathBuf,
    account: Option<Account>,
    options: PostgresOptions,
    address: SocketAddr,
}

impl Postgres {
    /// Initializes a data folder, starts a server, and waits until it accepts connections.
    ///
    /// # Errors
    /// If Postgres is not installed or does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(PostgresOptions::default()).await
    }

    /// As [`Postgres::start`], with options.
    ///
    /// # Errors
    /// If Postgres is not installed or does not start.
    pub async fn start_with(options: PostgresOptions) -> Result<Self> {
        let mut server = Self::prepare(options)?;
        server.initialize().await?;
        let mut attempt = 1;
        loop {
            match server.launch().await {
                Err(_) if attempt < ATTEMPTS && lost_its_port(&server.log()) => {
                    attempt += 1;
                    server.address = port::free()?;
                }
                outcome => return outcome.map(|()| server),
            }
        }
    }

    /// Returns `postgres://postgres@127.0.0.1:PORT/postgres`, which stays the same after a restart.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Returns the URL of another database of this server, which need not exist yet.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.address)
    }

    /// Returns the address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the path of a program that is installed with the server, such as `pg_dump`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.executables.join(name)
    }

    /// Stops the server in order, if it runs: disconnects clients and writes all data. The data stays.
    pub async fn stop(&mut self) {
        if let Some(child) = &mut self.child {
            // SIGINT is Postgres' fast shutdown; SIGTERM would wait until all clients have disconnected.
            child.stop(Signal::INT).await;
        }
        self.child = None;
    }

    /// Ends the server at once, if it runs, without writing anything. The data stays, and the next start recovers it.
    pub async fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().await;
        }
        self.child = None;
    }

    /// Starts the server again on the same port and data, after stopping it if it runs.
    ///
    /// # Errors
    /// If the server does not start.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await;
        self.launch().await
    }

    fn prepare(options: PostgresOptions) -> Result<Self> {
        let folder = TempDir::with_prefix("orgwatch-postgres-")?;
        let account = if geteuid().is_root() { Some(Account::read("nobody")?) } else { None };
        let executables = executables::postgres()?;
        let server = Self { child: None, folder, executables, account, options, address: port::free()? };
        let data = server.data();
        fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
        if let Some(account) = server.account {
            for owned in [server.folder.path(), &data] {
                chown(owned, Some(account.user), Some(account.group))
                    .with_context(|| format!("cannot give {} to nobody", owned.display()))?;
            }
        }
        Ok(server)
    }

    async fn initialize(&self) -> Result<()> {
        if self.data().join("PG_VERSION").is_file() {
            return Ok(());
        }
        let program = self.executables.join("initdb");
        let mut command = Command::new(&program);
        command.arg("--pgdata").arg(self.data());
        command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        if !self.options.durable {
            command.arg("--no-sync");
        }
        self.demote(&mut command);
        let output = tokio::process::Command::from(command).kill_on_drop(true).output().await;
        let output = output.with_context(|| self.not_started(&program))?;
        if !output.status.success() {
            bail!("{} failed: {}", program.display(), String::from_utf8_lossy(&output.stderr).trim_end());
        }
        Ok(())
    }

    async fn launch(&mut self) -> Result<()> {
        let program = self.executables.join("postgres");
        // SIGQUIT is Postgres' immediate shutdown: as abrupt for the data as SIGKILL, but it ends the child processes
        // and frees shared memory.
        let mut command = executables::bound_to_parent(&program, "QUIT");
        command.arg("-D").arg(self.data()).args(["-p", &self.address.port().to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"] {
            command.args(["-c", setting]);
        }
        if !self.options.durable {
            for setting in ["fsync=off", "synchronous_commit=off", "full_page_writes=off"] {
                command.args(["-c", setting]);
            }
        }
        self.demote(&mut command);
        let child = Child::spawn(command, self.log(), Signal::QUIT).with_context(|| self.not_started(&program))?;
        let lock_file = LockFile { path: self.data().join("postmaster.pid"), server: child.id() };
        let child = self.child.insert(child);
        let outcome = child.until_ready(async || lock_file.is_ready()).await;
        if outcome.is_err() {
            self.child = None;
        }
        outcome.context("cannot start postgres")
    }

    /// Makes the command run in the server's folder and, if this process is root's, as `nobody`.
    fn demote(&self, command: &mut Command) {
        // That account may not be allowed to enter the current directory.
        command.current_dir(self.folder.path());
        if let Some(account) = self.account {
            command.uid(account.user).gid(account.group);
        }
    }

    fn not_started(&self, program: &Path) -> String {
        let hint = if self.account.is_some() { " as nobody, who must be able to reach it" } else { "" };
        format!("cannot run {}{hint}", program.display())
    }

    fn data(&self) -> PathBuf {
        self.options.data.clone().unwrap_or_else(|| self.folder.path().join("data"))
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }
}

/// The file `postmaster.pid`, in which a server records its status.
struct LockFile {
    path: PathBuf,
    /// The server's process id.
    server: i32,
}

impl LockFile {
    /// Whether this server accepts connections. The first line is the process id, after a crash that of the crashed
    /// server; the eighth line is the status (`LOCK_FILE_LINE_PM_STATUS` in Postgres' `miscadmin.h`).
    fn is_ready(&self) -> bool {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        lines.next() == Some(&self.server.to_string()) && lines.nth(6) == Some("ready")
    }
}

/// The ids of an account of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account {
    user: u32,
    group: u32,
}

impl Account {
    fn read(name: &str) -> Result<Self> {
        let users = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        Self::find(&users, name).with_context(|| format!("no user {name} in /etc/passwd, and postgres refuses root"))
    }

    fn find(users: &str, name: &str) -> Option<Self> {
        users.lines().find_map(|line| match *line.split(':').collect::<Vec<_>>() {
            [user, _, id, group, ..] if user == name => {
                Some(Self { user: id.parse().ok()?, group: group.parse().ok()? })
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    /// Sends Postgres' `SSLRequest`, and returns the first byte of the answer: `N` from a server without TLS.
    async fn answer(server: &Postgres) -> u8 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.unwrap();
        stream.read_u8().await.unwrap()
    }

    #[tokio::test]
    async fn restarts_on_the_same_port_after_stop_and_kill() {
        let mut server = Postgres::start().await.unwrap();
        let url = server.url();
        assert_eq!(answer(&server).await, b'N');

        // A connected client does not delay a stop.
        let client = TcpStream::connect(server.address()).await.unwrap();
        server.stop().await;
        drop(client);
        TcpStream::connect(server.address()).await.unwrap_err();
        server.restart().await.unwrap();
        assert_eq!(answer(&server).await, b'N');

        server.kill().await;
        TcpStream::connect(server.address()).await.unwrap_err();
        server.restart().await.unwrap();
        assert_eq!(answer(&server).await, b'N');
        assert_eq!(server.url(), url);
        assert_eq!(server.url_of("orgwatch"), format!("postgres://postgres@{}/orgwatch", server.address()));
        let log = fs::read_to_string(server.log()).unwrap();
        assert!(log.contains("database system was not properly shut down"), "{log}");
    }

    #[tokio::test]
    async fn drop_kills_the_server_and_deletes_its_folder_but_not_given_data() {
        let kept = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let options = PostgresOptions { data: Some(kept.path().join("cluster")), durable: true };
        let server = Postgres::start_with(options.clone()).await.unwrap();
        let (address, folder) = (server.address(), server.folder.path().to_path_buf());
        drop(server);
        TcpStream::connect(address).await.unwrap_err();
        assert!(!folder.exists());

        let again = Postgres::start_with(options).await.unwrap();
        assert_eq!(answer(&again).await, b'N');
    }

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let users = "root:x:0:0::/root:/bin/sh\nnobody2:x:7:8::/:\nnobody:x:65534:65533:nobody:/:/usr/sbin/nologin\n";
        assert_eq!(Account::find(users, "nobody"), Some(Account { user: 65534, group: 65533 }));
        assert_eq!(Account::find(users, "body"), None);
    }

    #[test]
    fn a_status_of_another_server_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("postmaster.pid");
        let is_ready = |server| LockFile { path: path.clone(), server }.is_ready();
        assert!(!is_ready(7));
        fs::write(&path, "7\n/data\n1\n15432\n\n127.0.0.1\n  1 2\nstarting\n").unwrap();
        assert!(!is_ready(7));
        fs::write(&path, "7\n/data\n1\n15432\n\n127.0.0.1\n  1 2\nready   \n").unwrap();
        assert!(is_ready(7));
        assert!(!is_ready(8));
    }
}

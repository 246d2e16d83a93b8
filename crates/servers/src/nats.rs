//! A nats-server with JetStream as a child process.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::child::{Child, lost_its_port};
use crate::{executables, port};

/// How often to start a server that finds its port in use. A choice.
pub(crate) const ATTEMPTS: u32 = 5;

/// Options of a server.
#[derive(Debug, Clone, Default)]
pub struct NatsOptions {
    /// The folder of the streams, created if it is missing and never deleted; `None`: a temporary folder.
    pub store: Option<PathBuf>,
    /// Additional lines of the configuration file: accounts, users, TLS, limits.
    pub extra_config: String,
    /// Whether JetStream flushes to disk before it acknowledges.
    pub sync_always: bool,
}

/// A nats-server on 127.0.0.1, with JetStream in files. Dropping it kills the server.
pub struct Nats {
    // Declared first, so that it is dropped before the folder that it writes to.
    child: Option<Child>,
    folder: TempDir,
    address: SocketAddr,
    pub(crate) monitoring: SocketAddr,
    /// The size of the cluster; `None` for a single server.
    pub(crate) peers: Option<usize>,
}

impl Nats {
    /// Starts a server with an empty store, and waits until JetStream is ready.
    ///
    /// # Errors
    /// If nats-server is not installed or does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(NatsOptions::default()).await
    }

    /// As [`Nats::start`], with options.
    ///
    /// # Errors
    /// If nats-server is not installed or does not start.
    pub async fn start_with(options: NatsOptions) -> Result<Self> {
        let mut attempt = 1;
        loop {
            let mut server = Self::prepare(&options)?;
            match server.launch().await {
                Err(_) if attempt < ATTEMPTS && server.has_lost_a_port() => attempt += 1,
                outcome => return outcome.map(|()| server),
            }
        }
    }

    /// Returns the server's name in a cluster, `orgwatch-PORT`.
    pub fn name(&self) -> String {
        format!("orgwatch-{}", self.address.port())
    }

    /// Returns `nats://127.0.0.1:PORT`, which stays the same after a restart.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Returns the address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the monitoring port, `http://127.0.0.1:PORT`, which serves `/healthz`, `/varz` and `/jsz`.
    pub fn monitoring_url(&self) -> String {
        format!("http://{}", self.monitoring)
    }

    /// Stops the server in order, if it runs. The store stays.
    pub async fn stop(&mut self) {
        if let Some(child) = &mut self.child {
            child.stop(Signal::TERM).await;
        }
        self.child = None;
    }

    /// Kills the server, if it runs. The store stays.
    pub async fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().await;
        }
        self.child = None;
    }

    /// Starts the server again on the same port and store, after stopping it if it runs.
    ///
    /// # Errors
    /// If the server does not start.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await;
        self.launch().await
    }

    pub(crate) fn prepare(options: &NatsOptions) -> Result<Self> {
        let folder = TempDir::with_prefix("orgwatch-nats-")?;
        let (address, monitoring) = (port::free()?, port::free()?);
        let store = options.store.clone().unwrap_or_else(|| folder.path().join("store"));
        let server = Self { child: None, folder, address, monitoring, peers: None };
        let sync = if options.sync_always { "always" } else { "2m" };
        let text = format!(
            "server_name: {}\nlisten: \"{address}\"\nhttp: \"{monitoring}\"\n\
             jetstream {{ store_dir: {:?}, sync_interval: {sync} }}\n{}\n",
            server.name(),
            store.display().to_string(),
            options.extra_config,
        );
        let path = server.config();
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(server)
    }

    pub(crate) async fn launch(&mut self) -> Result<()> {
        let mut command = executables::bound_to_parent(&executables::nats_server()?, "KILL");
        command.arg("--config").arg(self.config());
        let child = self.child.insert(Child::spawn(command, self.log(), Signal::KILL)?);
        let (monitoring, peers) = (self.monitoring, self.peers);
        let outcome = child.until_ready(async || is_healthy(monitoring, peers).await).await;
        if outcome.is_err() {
            self.child = None;
        }
        outcome.context("cannot start nats-server")
    }

    /// Whether the server found one of its ports in use.
    pub(crate) fn has_lost_a_port(&self) -> bool {
        lost_its_port(&self.log())
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("nats.conf")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("nats.log")
    }
}

/// Whether JetStream is enabled and, in a cluster, has a leader and all peers, and this server's replicas are complete.
async fn is_healthy(monitoring: SocketAddr, peers: Option<usize>) -> bool {
    let size = peers.map(|peers| ("/jsz", format!("\"cluster_size\": {peers},")));
    // `/healthz` alone also succeeds before JetStream starts.
    let health = ["/healthz?js-enabled-only=true", "/healthz"].map(|path| (path, "\"status\":\"ok\"".to_owned()));
    for (path, expected) in health.into_iter().chain(size) {
        if !get(monitoring, path).await.is_ok_and(|response| response.contains(&expected)) {
            return false;
        }
    }
    true
}

/// Returns a monitoring port's response to a GET, including its head.
pub(crate) async fn get(monitoring: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(monitoring).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn greeting(server: &Nats) -> String {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let mut buffer = vec![0; 4096];
        let length = stream.read(&mut buffer).await.unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[tokio::test]
    async fn restarts_on_the_same_port_after_stop_and_kill() {
        let mut server = Nats::start().await.unwrap();
        let url = server.url();
        assert!(greeting(&server).await.contains("\"jetstream\":true"));

        server.stop().await;
        TcpStream::connect(server.address()).await.unwrap_err();
        server.stop().await;
        server.restart().await.unwrap();
        assert!(greeting(&server).await.starts_with("INFO "));

        server.kill().await;
        TcpStream::connect(server.address()).await.unwrap_err();
        server.restart().await.unwrap();
        server.restart().await.unwrap();
        assert!(greeting(&server).await.starts_with("INFO "));
        assert_eq!(server.url(), url);
    }

    #[tokio::test]
    async fn drop_kills_the_server_and_deletes_its_folder_but_not_a_given_store() {
        let store = tempfile::tempdir().unwrap();
        let options =
            NatsOptions { store: Some(store.path().join("streams")), sync_always: true, ..NatsOptions::default() };
        let server = Nats::start_with(options).await.unwrap();
        let (address, folder) = (server.address(), server.folder.path().to_path_buf());
        assert!(folder.is_dir());

        drop(server);

        TcpStream::connect(address).await.unwrap_err();
        assert!(!folder.exists());
        assert!(store.path().join("streams/jetstream").is_dir());
    }

    #[tokio::test]
    async fn extra_configuration_is_used_and_its_errors_are_reported() {
        let users = "authorization { users: [{ user: ingest, password: secret }] }".to_owned();
        let server = Nats::start_with(NatsOptions { extra_config: users, ..NatsOptions::default() }).await.unwrap();
        assert!(greeting(&server).await.contains("\"auth_required\":true"));

        let wrong = NatsOptions { extra_config: "no_such_key: 1".into(), ..NatsOptions::default() };
        let error = Nats::start_with(wrong).await.err().unwrap();
        assert!(format!("{error:#}").contains("no_such_key"), "{error:#}");
    }
}

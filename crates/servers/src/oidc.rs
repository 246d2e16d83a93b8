//! An OpenID provider as a child process.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::child::{Child, lost_its_port};
use crate::nats::{ATTEMPTS, get};
use crate::{executables, port};

/// npm's oidc-provider on 127.0.0.1, run by a script. Dropping it kills the process.
pub struct OidcProvider {
    // Declared first, so that it is dropped before the folder that it writes to.
    child: Option<Child>,
    _folder: TempDir,
    address: SocketAddr,
}

impl OidcProvider {
    /// Starts a script with the folder of `node_modules`, a port, and `argument`, and waits until its discovery document is
    /// served.
    ///
    /// # Errors
    /// If Node or the provider is not installed, or it does not start.
    pub async fn start(script: &Path, argument: &str) -> Result<Self> {
        let mut attempt = 1;
        loop {
            let folder = TempDir::with_prefix("orgwatch-oidc-")?;
            let log = folder.path().join("provider.log");
            let mut server = Self { child: None, _folder: folder, address: port::free()? };
            let (node, modules) = executables::oidc_provider()?;
            let mut command = executables::bound_to_parent(&node, "KILL");
            command.arg(script).arg(modules).arg(server.address.port().to_string()).arg(argument);
            let child = server.child.insert(Child::spawn(command, log.clone(), Signal::KILL)?);
            let address = server.address;
            let is_ready = async || {
                let discovery = get(address, "/.well-known/openid-configuration").await;
                discovery.is_ok_and(|answer| answer.contains("authorization_endpoint"))
            };
            match child.until_ready(is_ready).await {
                Err(_) if attempt < ATTEMPTS && lost_its_port(&log) => attempt += 1,
                outcome => return outcome.context("cannot start the OpenID provider").map(|()| server),
            }
        }
    }

    /// Returns the issuer, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the provider at once. It does not keep what it has issued.
    pub async fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().await;
        }
        self.child = None;
    }
}

#![doc = include_str!("../README.md")]

mod avro;
mod body;
mod clock;
mod control;
mod cursors;
mod fault;
mod jwt;
mod log_files;
mod log_rows;
mod oauth;
mod objects;
mod org;
mod pubsub;
mod pump;
mod query;
mod refusal;
mod replay;
mod rest;
mod script;
mod settings;
mod soql;
mod standard_rows;
mod streams;
mod timeline;
mod tokens;
mod value;

pub use control::{Control, Streamed};
pub use fault::{Fault, Misbehavior};
pub use log_files::{Interval, LogBody, LogFile};
pub use log_rows::{LogRow, LogTable};
pub use script::{DISORDER, Event, PermissionSet, Record, Script, ScriptError};
pub use settings::{PRIVATE_KEY, Settings, Speed, StreamOrder};

use org::Org;
use salesforce_client::pubsub::wire::pub_sub_server::PubSubServer;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::server::TcpIncoming;

/// Why an org cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No port is available.
    #[error("no port to listen on")]
    Port(#[from] std::io::Error),
    /// The script has an event of an object that does not store events.
    #[error("{0} is not an object that stores events")]
    Object(String),
}

/// A running org. Dropping it stops the servers and ends all streams with an error.
#[derive(Debug)]
pub struct FakeOrg {
    org: Arc<Org>,
    pubsub: SocketAddr,
    _stop: DropGuard,
}

impl FakeOrg {
    /// Starts an org. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If no port is available, or the script has an event of an unknown object.
    pub async fn start(script: Script) -> Result<Self, StartError> {
        let rest = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let pubsub = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = pubsub.local_addr()?;
        let url = format!("http://{}", rest.local_addr()?);
        let org = Arc::new(Org::new(script, url).map_err(StartError::Object)?);
        let stop = CancellationToken::new();

        let serving = axum::serve(rest, rest::router(Arc::clone(&org)));
        tokio::spawn(serving.with_graceful_shutdown(stop.clone().cancelled_owned()).into_future());
        let service = PubSubServer::new(pubsub::Service(Arc::clone(&org)));
        let serving = tonic::transport::Server::builder().add_service(service);
        let incoming = TcpIncoming::from(pubsub).with_nodelay(Some(true));
        tokio::spawn(serving.serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned()));
        let pumped = Arc::clone(&org);
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move { pump::run(&pumped).await }));
        Ok(Self { org, pubsub: address, _stop: stop.drop_guard() })
    }

    /// Returns the URL of OAuth and REST.
    pub fn login_url(&self) -> String {
        self.org.url.clone()
    }

    /// Returns the URL of the Pub/Sub API.
    pub fn pubsub_url(&self) -> String {
        format!("http://{}", self.pubsub)
    }

    /// Returns a handle to control the org.
    pub fn control(&self) -> Control {
        Control { org: Arc::clone(&self.org) }
    }
}

impl Drop for FakeOrg {
    fn drop(&mut self) {
        self.org.close_streams();
    }
}

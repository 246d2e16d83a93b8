//! A Salesforce that serves given events by all its interfaces, and misbehaves on request.
//!
//! A [`Script`] says what happens in the org, and its [`Settings`] how fast. [`FakeOrg::start`] serves it on ports of
//! the loopback, in plain HTTP: OAuth and REST at [`FakeOrg::login_url`], the Pub/Sub API at [`FakeOrg::pubsub_url`].
//! Event log files and event log objects are made of the same events. [`Control`] sets the time, tells what was sent,
//! and makes the org fail in any [`Fault`]'s way.
//!
//! It knows what is documented or was observed of Salesforce; what nobody could say is as its documentation here says.

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
mod tape;
mod tokens;
mod value;

pub use control::{Control, Streamed};
pub use fault::{Fault, Misbehavior};
pub use log_files::{Interval, LogBody, LogFile};
pub use log_rows::{LogRow, LogTable};
pub use script::{DISORDER, Event, PermissionSet, Record, Script, ScriptError};
pub use settings::{Order, PRIVATE_KEY, Settings, Speed};

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
    #[error("no port to listen on")]
    Port(#[from] std::io::Error),
    #[error("{0} is no object that an org stores events in")]
    Object(String),
}

/// A running org. Dropping it stops it, and breaks its streams.
#[derive(Debug)]
pub struct FakeOrg {
    org: Arc<Org>,
    pubsub: SocketAddr,
    _stop: DropGuard,
}

impl FakeOrg {
    /// Starts an org within a running tokio runtime.
    ///
    /// # Errors
    /// If there is no port, or the script has events of an object that no org has.
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

    /// Where tokens are minted, and where REST is.
    pub fn login_url(&self) -> String {
        self.org.url.clone()
    }

    pub fn pubsub_url(&self) -> String {
        format!("http://{}", self.pubsub)
    }

    pub fn control(&self) -> Control {
        Control { org: Arc::clone(&self.org) }
    }
}

impl Drop for FakeOrg {
    fn drop(&mut self) {
        self.org.close_streams();
    }
}

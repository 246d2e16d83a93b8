//! The connection to NATS.

use crate::meter::Meter;
use crate::{BusError, Settings, auth, subject};
use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerError};
use runtime::retry::Backoff;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// The oldest nats-server that works: the first with the API that resets a consumer, which the cursor uses.
const OLDEST_SERVER: (u64, u64) = (2, 14);
const OLDEST_SERVER_TEXT: &str = "2.14";
/// How long JetStream may take to answer. A request made while there is no leader is never answered, so it is repeated
/// rather than waited for.
pub(crate) const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// A connection to NATS. Clones share it. It reconnects by itself when it is lost.
#[derive(Clone, Debug)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) context: Context,
    pub(crate) settings: Arc<Settings>,
    pub(crate) meter: Meter,
}

impl Bus {
    /// Connects. The server shows `name`, and replies to this connection arrive at `_INBOX_<name>.>`, so that
    /// permissions can tell services apart. Retries for `connect_seconds`, except when the server refuses the
    /// credentials.
    ///
    /// # Errors
    /// If the settings are not valid, no server can be reached, or the server is too old.
    pub async fn connect(name: &str, settings: &Settings) -> Result<Self, BusError> {
        let wrong = settings.check();
        if !wrong.is_empty() {
            return Err(BusError::Settings(wrong));
        }
        let meter = Meter::new();
        let servers = settings.servers.iter().map(|server| without_credentials(server)).collect::<Vec<_>>().join(",");
        let client = first_connection(name, settings, &meter, &servers).await?;
        check_version(&servers, &client.server_info().version)?;
        let context = ContextBuilder::new().timeout(ANSWER_WAIT).build(client.clone());
        Ok(Self { client, context, settings: Arc::new(settings.clone()), meter })
    }

    /// Returns the settings of this connection.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns whether the connection is up now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Returns how many publishes and subscriptions the server denied by permissions since this connection began.
    pub fn denied(&self) -> u64 {
        self.meter.denied_total()
    }

    /// Returns how often a cursor started after a loss of messages since this connection began.
    pub fn gaps(&self) -> u64 {
        self.meter.gaps_total()
    }

    /// Sends all buffered messages and closes the connection.
    pub async fn close(&self) {
        if let Err(error) = self.client.drain().await {
            tracing::warn!(%error, "nats: the connection was closed without sending everything");
        }
    }

    /// Returns the number of connects so far. It changes when the connection was lost and made again, with which
    /// requests and deliveries may have been lost.
    pub(crate) fn epoch(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// Repeats a request for `connect_seconds` while JetStream does not answer, as during the election of a leader.
    ///
    /// # Errors
    /// The last one of `ask`.
    pub(crate) async fn until_answered<T>(
        &self,
        mut ask: impl AsyncFnMut() -> Result<T, BusError>,
    ) -> Result<T, BusError> {
        let deadline = deadline(&self.settings);
        let mut delays = Backoff::steady(Duration::from_millis(100), Duration::from_secs(1));
        loop {
            let error = match ask().await {
                Err(error) if error.is_transient() => error,
                outcome => return outcome,
            };
            let delay = delays.delay();
            if Instant::now() + delay > deadline {
                return Err(error);
            }
            tracing::warn!(%error, "nats: JetStream does not answer, retrying");
            tokio::time::sleep(delay).await;
        }
    }

    /// Waits until everything sent so far has left this process.
    pub(crate) async fn flush(&self) {
        if let Err(error) = self.client.flush().await {
            tracing::warn!(%error, "nats: acknowledgments may not have been sent, their messages will be redelivered");
        }
    }
}

async fn first_connection(name: &str, settings: &Settings, meter: &Meter, servers: &str) -> Result<Client, BusError> {
    let deadline = deadline(settings);
    let mut delays = Backoff::steady(Duration::from_millis(100), Duration::from_secs(5));
    loop {
        let options = options(name, settings, meter.clone());
        let source = match options.connect(&settings.servers).await {
            Ok(client) => return Ok(client),
            Err(source) => source,
        };
        let delay = delays.delay();
        if is_final(&source) || Instant::now() + delay > deadline {
            return Err(BusError::Connect { servers: servers.to_owned(), source });
        }
        tracing::warn!(%servers, error = %source, "nats: cannot connect, retrying");
        tokio::time::sleep(delay).await;
    }
}

fn deadline(settings: &Settings) -> Instant {
    Instant::now() + Duration::from_secs(settings.connect_seconds.into())
}

/// Returns the URL of a server without user, password or token, for logs and errors.
fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

/// Returns whether a retry cannot help.
fn is_final(error: &ConnectError) -> bool {
    use ConnectErrorKind::{Authentication, AuthorizationViolation, ServerParse};
    matches!(error.kind(), Authentication | AuthorizationViolation | ServerParse)
}

fn options(name: &str, settings: &Settings, meter: Meter) -> ConnectOptions {
    let auth = settings.auth.clone();
    let mut options = ConnectOptions::with_auth_callback(move |nonce| auth::answer(auth.clone(), nonce))
        .name(name)
        .custom_inbox_prefix(inbox(name))
        .ping_interval(Duration::from_secs(10))
        .event_callback(move |event| {
            log_event(&event, &meter);
            std::future::ready(())
        });
    if let Some(file) = &settings.tls.ca_file {
        options = options.add_root_certificates(file.clone()).require_tls(true);
    }
    if let (Some(cert), Some(key)) = (&settings.tls.cert_file, &settings.tls.key_file) {
        options = options.add_client_certificate(cert.clone(), key.clone()).require_tls(true);
    }
    options
}

/// Returns the prefix of the subjects of replies to a connection of this name.
pub(crate) fn inbox(name: &str) -> String {
    format!("_INBOX_{}", subject::token(name))
}

/// Logs an event of the connection. A denied publish is reported only here, because the publish itself has returned.
fn log_event(event: &Event, meter: &Meter) {
    match event {
        Event::ServerError(ServerError::Other(error)) if is_denial(error) => {
            meter.denied();
            tracing::error!(%error, "nats: denied, grant the user the permissions that `orgwatchd topology permissions` lists");
        }
        Event::Connected => tracing::info!("nats: connected"),
        Event::Disconnected => tracing::warn!("nats: connection lost"),
        Event::Closed | Event::Draining => tracing::debug!(%event, "nats"),
        Event::LameDuckMode => tracing::info!("nats: the server is shutting down"),
        Event::SlowConsumer(_) | Event::ServerError(_) | Event::ClientError(_) => tracing::warn!(%event, "nats"),
    }
}

fn is_denial(error: &str) -> bool {
    error.to_ascii_lowercase().contains("permissions violation")
}

fn check_version(servers: &str, version: &str) -> Result<(), BusError> {
    let mut numbers = version.split(['.', '-']).map(str::parse);
    let found = match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        _ => (0, 0),
    };
    if found >= OLDEST_SERVER {
        return Ok(());
    }
    let (servers, found) = (servers.to_owned(), version.to_owned());
    Err(BusError::Version { servers, found, needed: OLDEST_SERVER_TEXT })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_is_refused_with_its_address() {
        for version in ["2.14.0", "2.15.1", "2.14.0-beta.1", "3.0.0"] {
            assert!(check_version("nats://a", version).is_ok(), "{version}");
        }
        for version in ["2.13.9", "1.99.0", "", "x.y", "2"] {
            assert!(check_version("nats://a", version).is_err(), "{version}");
        }
        let error = check_version("nats://a:4222", "2.10.4").unwrap_err();
        assert_eq!(error.to_string(), "nats-server 2.10.4 at nats://a:4222 is too old: orgwatch needs 2.14 or later");
    }

    #[test]
    fn a_shown_server_has_no_credentials() {
        for url in ["nats://a:4222", "nats://me:s3cret@a:4222", "nats://s3cret@a:4222", "me:s3@cret@a:4222"] {
            assert_eq!(without_credentials(url), "nats://a:4222");
        }
        assert_eq!(without_credentials("tls://me:s3/cret@a"), "tls://a");
    }

    #[test]
    fn denials_are_recognized() {
        assert!(is_denial(r#"Permissions Violation for Publish to "a.b""#));
        assert!(is_denial(r#"'Permissions Violation for Subscription to "x.>"'"#));
        assert!(!is_denial("Stale Connection"));
    }
}

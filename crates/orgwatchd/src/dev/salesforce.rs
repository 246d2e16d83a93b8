//! A fake Salesforce that serves the input, which is otherwise read from files.

use super::arguments::Channels;
use crate::config::Config;
use crate::node::Node;
use anyhow::{Context, Result};
use base64::Engine;
use bus::{Publisher, PublisherSettings};
use fake_org::{FakeOrg, Script, Settings, Speed};
use ingest::Sink;
use model::time::DAY;
use model::{Command, Kind, OrgId, Timestamp};
use salesforce_source::{ConnectedOrg, Files, Start, Stored, kind_of_stored};
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Name of the fake org in the configuration.
const NAME: &str = "dev";
/// A custom channel with all kinds of events, in order.
const CHANNEL: &str = "Orgwatch__chn";
/// How often Postgres is polled.
const POLL: Duration = Duration::from_millis(100);
/// Milliseconds after the last event until every log file exists.
const LOG_FILES: i64 = 2 * DAY;

/// The fake org of one run.
pub(super) struct Salesforce {
    fake: FakeOrg,
    org: OrgId,
    channels: Channels,
    end: Timestamp,
}

impl Salesforce {
    /// Serves the stored events of `input`, and sets `config` to read them.
    ///
    /// # Errors
    /// If a file cannot be read, or no port can be opened.
    pub(super) async fn start(
        config: &mut Config,
        input: &[PathBuf],
        org: OrgId,
        channels: Channels,
        speed: Option<f64>,
    ) -> Result<Self> {
        let mut script = Script::read(input, org.clone())?;
        let members = kinds(&script);
        script.settings = Settings {
            speed: speed.map_or(Speed::Instant, Speed::Factor),
            keepalive: Duration::from_secs(1),
            topics_awaited: if channels == Channels::Stream { 1 } else { members.len() },
            channels: [(CHANNEL.to_owned(), Vec::new())].into(),
            ..Settings::default()
        };
        let end = script.end();
        let client = (script.settings.client_id.clone(), script.settings.client_secret.clone());
        let fake = FakeOrg::start(script).await?;
        let connection = salesforce_client::Settings {
            login_url: fake.login_url(),
            pubsub_url: fake.pubsub_url(),
            client_id: client.0,
            client_secret: Some(client.1.into()),
            ..salesforce_client::Settings::default()
        };
        let settings = ConnectedOrg { connection, org_id: org.clone(), context_seconds: 0, ..ConnectedOrg::default() };
        let settings = match channels {
            Channels::Stream => ConnectedOrg {
                channels: [(CHANNEL.to_owned(), members.clone())].into(),
                kinds: Some(members),
                stored: Stored::Off,
                log_files: Files::Off,
                ..settings
            },
            Channels::All => ConnectedOrg {
                kinds: Some(members),
                start: Start::Earliest,
                stored: Stored::Follow,
                stored_seconds: 1,
                log_files: Files::Hourly,
                log_file_seconds: 1,
                ..settings
            },
        };
        config.ingest.salesforce.orgs.insert(NAME.to_owned(), settings);
        Ok(Self { fake, org, channels, end })
    }

    /// Waits until all events are in the activity stream, then publishes the end of the org.
    ///
    /// # Errors
    /// If a server does not answer.
    pub(super) async fn read(&self, node: &Node) -> Result<()> {
        let control = self.fake.control();
        control.until_streamed().await;
        for (topic, streamed) in control.streamed() {
            let source = topic.replace("/event/", "stream/");
            // The fake org's replay ids are in the order of their bytes.
            while self.replay_id(node, &source).await? < streamed.replay_id {
                tokio::time::sleep(POLL).await;
            }
        }
        if self.channels == Channels::All {
            control.advance_to(self.end.plus(LOG_FILES));
            self.followed(node).await?;
        }
        let publisher = Publisher::start(&node.bus, PublisherSettings::default(), CancellationToken::new());
        let prefix = &node.bus.settings().prefix;
        let sink = Sink::to_stream(publisher, prefix, node.config.partitions.partitions());
        Ok(sink.command(&self.org, Command::End).await?.await?)
    }

    /// Waits until stored events and log files have been read, too.
    async fn followed(&self, node: &Node) -> Result<()> {
        let settings = node.config.ingest.salesforce.orgs.get(NAME).context("the org is not configured")?;
        for object in salesforce_source::stored_objects(settings) {
            while self.position(node, &format!("stored/{object}"), "to").await?.as_i64() < Some(self.end.0) {
                tokio::time::sleep(POLL).await;
            }
        }
        // Streams lead, so log files are not read: it is enough that all of them were listed.
        while self.listed(node).await? < Some(self.end.plus(LOG_FILES)) {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Returns when log files were listed last, by the org's clock.
    async fn listed(&self, node: &Node) -> Result<Option<Timestamp>> {
        let states = node.store.source_states(Some(&self.org)).await?;
        let of_log_files = states.into_iter().filter(|noted| noted.state.source == "log_files");
        Ok(of_log_files.filter_map(|noted| noted.state.last_heard_at).max())
    }

    async fn replay_id(&self, node: &Node, source: &str) -> Result<Option<Vec<u8>>> {
        let position = self.position(node, source, "replay_id").await?;
        Ok(position.as_str().and_then(|id| base64::engine::general_purpose::STANDARD.decode(id).ok()))
    }

    async fn position(&self, node: &Node, source: &str, key: &str) -> Result<serde_json::Value> {
        let position = node.store.position(source, &self.org).await?;
        Ok(position.and_then(|position| position.get(key).cloned()).unwrap_or_default())
    }
}

/// Returns the kinds of events in the script.
fn kinds(script: &Script) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = script.events.iter().filter_map(|event| kind_of_stored(&event.object)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

//! The client of one org.

use crate::{
    Description, Identity, Limits, Page, Replay, Result, Settings, SettingsError, Subscription, Topic, Usage,
};
use bytes::Bytes;
use futures::stream::BoxStream;
use model::Timestamp;

/// One org, as one app and user see it. Clones share token, schemas and connections.
#[derive(Clone, Debug)]
pub struct Client {}

impl Client {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// If a setting is missing or wrong, or a file of secrets cannot be read.
    pub fn new(settings: &Settings) -> std::result::Result<Self, SettingsError> {
        let _ = settings;
        Ok(Self {})
    }

    /// Whose token we have; mints one if there is none.
    pub async fn identity(&self) -> Result<Identity> {
        std::future::pending().await
    }

    /// The first page of a query's result, of at most `batch` records (200 to 2,000; fewer is legal).
    pub async fn query(&self, soql: &str, batch: u16) -> Result<Page> {
        let _ = (soql, batch);
        std::future::pending().await
    }

    /// A further page, by [`Page::next`].
    pub async fn more(&self, next: &str) -> Result<Page> {
        let _ = next;
        std::future::pending().await
    }

    /// An object and the fields of it that this user may read.
    pub async fn describe(&self, object: &str) -> Result<Description> {
        let _ = object;
        std::future::pending().await
    }

    pub async fn limits(&self) -> Result<Limits> {
        std::future::pending().await
    }

    /// Calls of the day by the latest answer; `None` before the first.
    pub fn usage(&self) -> Option<Usage> {
        None
    }

    /// The org's clock by the latest answer; `None` before the first.
    pub fn server_time(&self) -> Option<Timestamp> {
        None
    }

    /// The bytes of a file, such as an event log file's `LogFile`, as they come: never the whole in memory.
    pub async fn download(&self, path: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        let _ = path;
        std::future::pending().await
    }

    /// A topic such as `/event/ListViewEventStream`.
    pub async fn topic(&self, name: &str) -> Result<Topic> {
        let _ = name;
        std::future::pending().await
    }

    /// Subscribes to a topic.
    pub async fn subscribe(&self, topic: &str, replay: Replay) -> Result<Subscription> {
        let _ = (topic, replay);
        std::future::pending().await
    }
}

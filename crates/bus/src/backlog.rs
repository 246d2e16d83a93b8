//! How many messages consumers have not processed.

use crate::connect::ANSWER_WAIT;
use crate::pull::pull_consumer;
use crate::topology::Consumer;
use crate::{Bus, BusError, Stream};
use futures::{StreamExt, TryStreamExt};
use tokio::time::{Instant, timeout_at};

/// The messages that a consumer has not processed, over all replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that have not been delivered.
    pub pending: u64,
    /// Messages that were delivered and have not been acknowledged.
    pub unacknowledged: u64,
}

/// Requests under way at once of [`Bus::backlogs`]. A choice: few enough for the server, and with it all partitions of a
/// large deployment are asked within the time limit.
const AT_ONCE: usize = 32;

impl Backlog {
    /// Returns whether every message was acknowledged.
    pub fn is_empty(self) -> bool {
        self.pending == 0 && self.unacknowledged == 0
    }
}

impl Bus {
    /// Asks the server for the backlog of a consumer. The request has a cost for the server: for operators and tests,
    /// not for loops.
    ///
    /// # Errors
    /// If there is no such consumer, or the server does not answer.
    pub async fn backlog(&self, consumer: &Consumer) -> Result<Backlog, BusError> {
        let failed = |error| BusError::api(format!("consumer {}", consumer.consumer), "read its state")(error);
        // The answer to the look-up has the state.
        let handle = pull_consumer(self, consumer).await.map_err(failed)?;
        let info = handle.cached_info();
        Ok(Backlog { pending: info.num_pending, unacknowledged: info.num_ack_pending as u64 })
    }

    /// Asks for the backlogs of consumers, in their order, within two seconds for all. `None` where there is no such
    /// consumer or no answer in time; a line of the log says of how many. Asks nothing while the connection is down.
    pub async fn backlogs(&self, consumers: &[Consumer]) -> Vec<Option<Backlog>> {
        if !self.is_connected() {
            return vec![None; consumers.len()];
        }
        let deadline = Instant::now() + ANSWER_WAIT;
        let ask = async |consumer: &Consumer| match timeout_at(deadline, self.backlog(consumer)).await {
            Ok(answer) => answer.map_err(|error| runtime::error::chain(&error)),
            Err(_) => Err(format!("consumer {}: no answer in time", consumer.consumer)),
        };
        let answers: Vec<Result<Backlog, String>> =
            futures::stream::iter(consumers).map(ask).buffered(AT_ONCE).collect().await;
        let mut failures = answers.iter().filter_map(|answer| answer.as_ref().err());
        if let Some(first) = failures.next() {
            let unknown = 1 + failures.count();
            tracing::warn!(unknown, %first, "nats: how far consumers are is not known");
        }
        answers.into_iter().map(Result::ok).collect()
    }

    /// Lists the consumers of the detector groups that the server has, by name.
    ///
    /// # Errors
    /// If the connection is down, or the server does not answer.
    pub async fn detector_consumers(&self) -> Result<Vec<Consumer>, BusError> {
        let name = Stream::Observation.name(&self.settings.prefix);
        let failed = |error| BusError::api(format!("stream {name}"), "list its consumers")(error);
        if !self.is_connected() {
            return Err(failed("not connected".into()));
        }
        let stream = self.context.get_stream_no_info(&name).await.map_err(|error| failed(error.into()))?;
        let mut names: Vec<String> =
            stream.consumer_names().try_collect().await.map_err(|error| failed(error.into()))?;
        names.sort();
        Ok(names.iter().filter_map(|name| Consumer::detector_named(name)).collect())
    }
}

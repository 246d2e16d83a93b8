//! How orgwatch itself stands, as far as the session may see it.

use crate::body::{ConsumerBody, Latency, LetterBody, PartitionBody, ServiceBody, Spread};
use crate::pages::Asker;
use crate::problem::{NATS, Problem};
use crate::routes::letters::{self, Asked};
use crate::routes::system;
use axum::extract::{Path, Query};
use view::format;

/// The answers of the API.
pub(super) struct System {
    pub(super) services: Vec<ServiceBody>,
    pub(super) partitions: Vec<PartitionBody>,
    pub(super) consumers: Consumers,
    pub(super) latency: Latency,
    /// The oldest dead letter; `None` also if the session may not see it.
    pub(super) letter: Option<LetterBody>,
}

/// What waits for the stages after baseline.
pub(super) enum Consumers {
    /// The answer.
    Known(Vec<ConsumerBody>),
    /// It is for sessions with a role in all orgs.
    NotShown,
    /// NATS has not answered.
    Unknown,
}

impl System {
    /// Asks for all of it. NATS, which may not answer, is asked no more once it has not.
    ///
    /// # Errors
    /// As of the API.
    pub(super) async fn read(asker: &Asker, org: &str) -> Result<Self, Problem> {
        let services = system::services(asker.visitor().await?).await?.0;
        let latency = system::latency(asker.visitor().await?, Ok(Path(org.to_owned()))).await?.0;
        let partitions = system::partitions(asker.state(), asker.visitor().await?).await?.0;
        let is_silent = asker.app.bus.as_ref().is_none_or(|bus| !bus.is_connected())
            || (!partitions.is_empty() && partitions.iter().all(|partition| partition.waiting.is_none()));
        let (consumers, letter) = match (asker.session.roles.contains_key("*"), is_silent) {
            (false, _) => (Consumers::NotShown, None),
            (true, true) => (Consumers::Unknown, None),
            (true, false) => (consumers(asker).await?, oldest_letter(asker).await?),
        };
        Ok(Self { services, partitions, consumers, latency, letter })
    }

    /// Whether NATS has not answered a question.
    pub(super) fn lacks_nats(&self) -> bool {
        let is_unknown = |waiting: Option<u64>| waiting.is_none();
        match &self.consumers {
            Consumers::Unknown => true,
            // One that is unknown is not there yet.
            Consumers::Known(all) => !all.is_empty() && all.iter().all(|consumer| is_unknown(consumer.waiting)),
            Consumers::NotShown => self.partitions.iter().any(|partition| is_unknown(partition.waiting)),
        }
    }
}

async fn consumers(asker: &Asker) -> Result<Consumers, Problem> {
    match system::consumers(asker.state(), asker.visitor().await?).await {
        Ok(consumers) => Ok(Consumers::Known(consumers.0)),
        Err(Problem::Unavailable(NATS)) => Ok(Consumers::Unknown),
        Err(problem) => Err(problem),
    }
}

async fn oldest_letter(asker: &Asker) -> Result<Option<LetterBody>, Problem> {
    let asked = Asked { stage: None, cursor: None, limit: Some(1) };
    match letters::list(asker.state(), asker.visitor().await?, Ok(Query(asked))).await {
        Ok(page) => Ok(page.0.items.into_iter().next()),
        Err(Problem::Forbidden(_) | Problem::Unavailable(NATS)) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Writes seconds: with a digit after the point below a minute.
pub(super) fn took(seconds: f64) -> String {
    match seconds < 60.0 {
        true => format!("{seconds:.1} s"),
        false => format::duration((seconds * 1_000.0) as i64),
    }
}

/// A row of the table of latency: what was measured, and how it is spread.
pub(super) fn spreads(latency: &Latency) -> [(&'static str, &'static str, Option<&Spread>); 2] {
    [
        (
            "From the event to the incident",
            "event time of the first finding until it was stored",
            latency.opened.as_ref(),
        ),
        (
            "From the incident to its notification",
            "until the first destination confirmed it",
            latency.delivered.as_ref(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short_to_read() {
        assert_eq!([0.0, 1.26, 59.9, 60.0, 3_723.0].map(took), ["0.0 s", "1.3 s", "59.9 s", "1 min", "1 h 2 min"]);
    }
}

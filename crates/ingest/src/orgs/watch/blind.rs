//! Blindness, in words and as a finding.

use crate::Ticket;
use crate::meter::Origin;
use bus::{PublishError, Publisher, subject};
use futures::future::BoxFuture;
use model::partition::Partitions;
use model::{Command, Contribution, Finding, Item, Kind, OrgId, Severity, Text, Timestamp, UserClass, UserId, id};

/// The account of an org that findings about its sources are of.
pub(crate) const ACCOUNT: &str = "orgwatch";
/// The detector that such findings name.
pub(crate) const DETECTOR: &str = "blind_source";

/// Where findings about sources go.
pub(crate) trait Findings: Send + Sync {
    /// Waits while too much is under way.
    fn send(&self, finding: Item<Finding>) -> BoxFuture<'_, Result<Ticket, PublishError>>;
}

/// The finding stream.
pub(crate) struct FindingStream {
    pub(crate) publisher: Publisher<Finding>,
    pub(crate) prefix: String,
    pub(crate) partitions: Partitions,
}

/// A kind of events that is not seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Blindness {
    pub(super) kind: Kind,
    /// The one that leads.
    pub(super) source: Origin,
    /// From when on events are missing, by the org's clock.
    pub(super) since: Timestamp,
    pub(super) noticed: Timestamp,
    pub(super) reason: Reason,
    /// Whether nothing else is seen either.
    pub(super) whole: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reason {
    /// Neither events nor a sign of life.
    Silent,
    /// In words for an operator.
    Failed(String),
    /// No channel has these events any more.
    Gone,
    /// It sees again, and what it has missed is not filled.
    Gap { to: Timestamp, reason: String },
    /// As an operator was told before a restart.
    Kept(String),
}

/// A change that is to be told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    Blind(Blindness),
    Sighted { blindness: Blindness, at: Timestamp },
}

impl Blindness {
    /// What is wrong and what to do.
    pub(super) fn detail(&self) -> String {
        let advice = match &self.reason {
            Reason::Silent => "check the network and the state of Salesforce",
            Reason::Failed(_) => "put right what it names: it is asked again without end",
            Reason::Gone => "turn its streaming or storage on again in the Event Manager",
            Reason::Gap { .. } => "it is filled from stored events where they are on",
            Reason::Kept(detail) => return detail.clone(),
        };
        format!("{}; {advice}", self.reason.text(self.source))
    }
}

impl Reason {
    fn text(&self, source: Origin) -> String {
        match self {
            Self::Silent => format!("{} is silent", name(source)),
            Self::Failed(text) | Self::Gap { reason: text, .. } | Self::Kept(text) => text.clone(),
            Self::Gone => "no source of this org has them any more".to_owned(),
        }
    }
}

impl Turn {
    pub(super) fn kind(&self) -> Kind {
        self.blindness().kind
    }

    pub(super) fn blindness(&self) -> &Blindness {
        match self {
            Self::Blind(blindness) | Self::Sighted { blindness, .. } => blindness,
        }
    }

    pub(super) fn command(&self) -> Command {
        match self {
            Self::Blind(Blindness { kind, .. }) => Command::Blind { kind: *kind },
            Self::Sighted { blindness, .. } => Command::Sighted { kind: blindness.kind },
        }
    }

    /// One line that says what is missing, since when, and why.
    pub(super) fn summary(&self) -> String {
        let Blindness { kind, source, since, noticed, reason, .. } = self.blindness();
        let (kind, why) = (words(*kind), reason.text(*source));
        match (self, reason) {
            (Self::Blind(_), Reason::Gap { to, .. }) => {
                format!("{kind} events are missing {}: {why}", span(*since, *to, *noticed))
            }
            (Self::Sighted { at, .. }, Reason::Gap { to, .. }) => {
                format!("{kind} events were missing {}: {why}", span(*since, *to, *at))
            }
            (Self::Blind(_), _) => format!("no {kind} events since {} UTC: {why}", time(*since, *noticed)),
            (Self::Sighted { at, .. }, _) => format!("no {kind} events {}: {why}", span(*since, *at, *at)),
        }
    }

    /// A second revision tells that it is over.
    pub(super) fn finding(&self, org: &OrgId) -> Finding {
        let Blindness { kind, source, since, noticed, whole, .. } = self.blindness();
        let (revision, revised_at) = match self {
            Self::Blind(_) => (1, *noticed),
            Self::Sighted { at, .. } => (2, *at),
        };
        let (user_id, score) = (UserId::new(ACCOUNT), if *whole { 8.0 } else { 6.0 });
        let place = format!("{}/{kind}", source.as_str());
        Finding {
            finding_id: id::finding_id(org, &user_id, DETECTOR, &place, *since),
            revision,
            org_id: org.clone(),
            user_id,
            username: Some("orgwatch sources".into()),
            user_class: UserClass::Integration,
            detector: DETECTOR.into(),
            severity: Severity::of_score(score),
            score,
            anomaly_score: score / 10.0,
            confidence: 1.0,
            surprise: 0.0,
            observed_at: *noticed,
            revised_at,
            summary: self.summary(),
            features: vec![Contribution { name: "source".into(), value: place.into(), share: 10_000 }],
            measures: Vec::new(),
            event_ids: Vec::new(),
            objects: Vec::new(),
            surface: None,
            withdrawn: false,
            // Nothing that can be set has judged it.
            config_hash: Text::default(),
        }
    }
}

impl Findings for FindingStream {
    fn send(&self, finding: Item<Finding>) -> BoxFuture<'_, Result<Ticket, PublishError>> {
        Box::pin(async move {
            let partition = self.partitions.of_finding(&finding.value.org_id, &finding.value.user_id);
            let ticket = self.publisher.send(subject::finding(&self.prefix, partition), vec![finding]).await?;
            Ok(Box::pin(ticket) as Ticket)
        })
    }
}

fn name(source: Origin) -> &'static str {
    match source {
        Origin::Push => "the push",
        Origin::Files => "the reader of files",
        Origin::Stream => "the stream",
        Origin::Stored => "the store of events",
        Origin::LogFiles => "the list of log files",
        Origin::LogObjects => "the store of log rows",
    }
}

fn words(kind: Kind) -> String {
    kind.as_str().replace('_', " ").replace("api", "API").replace("uri", "URI")
}

fn span(from: Timestamp, to: Timestamp, now: Timestamp) -> String {
    format!("from {} to {} UTC", time(from, now), time(to, now))
}

/// With its date, unless that is today's.
fn time(at: Timestamp, now: Timestamp) -> String {
    let (at, now) = (at.to_utc(), now.to_utc());
    let form = if at.date_naive() == now.date_naive() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    at.format(form).to_string()
}

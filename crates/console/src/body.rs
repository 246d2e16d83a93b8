//! The shapes of answers.

mod accounts;
mod anomalies;
mod days;
mod decisions;
mod detectors;
mod findings;
mod incidents;
mod letters;
mod operations;
mod peers;
mod profile;
mod seen;
mod settings;
mod stages;
mod stream;
mod system;
mod thresholds;
mod touched;
mod views;

pub(crate) use accounts::{Account, Org, TimelineItem};
pub(crate) use anomalies::{
    Comment, DeletedRecords, Described, EventBody, Events, GroupBody, Groups, Queried, Record, Records, Share,
    UpdatedRecords,
};
pub(crate) use days::{Day, First, HeatAccount, HeatDay, Surprised, Volume};
pub(crate) use decisions::{Applied, DecisionBody, EffectBody, Recorded};
pub(crate) use detectors::{Calibrated, DetectorBody, ScoreCard};
pub(crate) use findings::FindingBody;
pub(crate) use incidents::{Change, Count, Incident, IncidentItem};
pub(crate) use letters::{ContentBody, LetterBody, ReplayedBody};
pub(crate) use operations::{Action, SessionBody, Source, SourceGap};
pub(crate) use peers::PeerBody;
pub(crate) use profile::{LearnedBody, ProfileBody};
pub(crate) use settings::{DecidedBody, FollowedBody, StoredSettings};
pub(crate) use stages::Stage;
pub(crate) use stream::{IncidentChange, StreamEvent};
#[cfg(test)]
pub(crate) use system::ReplicaBody;
pub(crate) use system::{ConsumerBody, Latency, PartitionBody, ServiceBody, Spread};
pub(crate) use thresholds::{ChangedIncident, ThresholdBody, UnraisedBody};
pub(crate) use touched::TouchedBody;
pub(crate) use views::{ViewBody, ViewQuery};

use model::Timestamp;
use store::Session;

/// How a session sees names.
#[derive(Clone, Copy)]
pub(crate) struct Eyes<'a> {
    /// The session.
    pub(crate) session: &'a Session,
    /// The least role that sees names.
    pub(crate) names_from: store::Role,
}

impl Eyes<'_> {
    /// Whether the session sees the names of an org's accounts.
    pub(crate) fn sees_names(self, org: &model::OrgId) -> bool {
        self.session.role_in(org).is_some_and(|role| role >= self.names_from)
    }

    /// Returns a name as the session sees it.
    pub(crate) fn name(self, org: &model::OrgId, user: &model::UserId, name: Option<&str>) -> Option<String> {
        if self.sees_names(org) {
            return name.map(str::to_owned);
        }
        Some(crate::names::pseudonym(org.as_str(), user.as_str()))
    }

    /// Returns a text as the session sees it: with the pseudonym in place of the name.
    pub(crate) fn text(self, org: &model::OrgId, user: &model::UserId, name: Option<&str>, text: &str) -> String {
        match name {
            Some(name) if !name.is_empty() && !self.sees_names(org) => {
                text.replace(name, &crate::names::pseudonym(org.as_str(), user.as_str()))
            }
            _ => text.to_owned(),
        }
    }
}

/// A time, as all answers have it.
pub(crate) fn time(at: Timestamp) -> String {
    at.to_string()
}

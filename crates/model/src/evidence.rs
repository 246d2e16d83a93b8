//! Evidence: the activities that a finding rests on, with their fields.

use crate::{Activity, Effect, Kind, Outcome, Scope, SourceIp, Surface, Text, Timestamp};
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What an analyst needs of one activity: who is in the finding, and this is what, when, how much and from where.
///
/// Texts longer than [`Evidence::TEXT_BYTES`] are cut. The text of a query is no field of an activity, so none is here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// The activity's id: `EventIdentifier`, or an id derived from the record.
    pub activity_id: Uuid,
    /// When it happened at Salesforce.
    pub at: Timestamp,
    /// What happened.
    pub kind: Kind,
    /// The operation within the kind, as Salesforce spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Text>,
    /// What it did to data.
    pub effect: Effect,
    /// Whether the request succeeded.
    pub outcome: Outcome,
    /// Through what data was reached; `None` for logins, pages and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface: Option<Surface>,
    /// Salesforce objects that were read or written; the first [`Evidence::OBJECTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Text>,
    /// Salesforce id of the list view, report, file, job or page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<Text>,
    /// Its name. For a change in Setup, Salesforce's sentence on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<Text>,
    /// How far the list view, report or query reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Hash that the chunks of one execution share, and the pages of one query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// Rows of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Rows of this chunk alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_returned: Option<u64>,
    /// Size of the file or of the response, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Where the request came from: an address, `Salesforce.com IP`, or the text that stood in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Text>,
    /// Autonomous system that announces the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// ISO 3166 code where known, the country's name otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Text>,
    /// The user agent as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Text>,
    /// Type of client without versions: "Chrome on macOS".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Text>,
    /// Application as Salesforce names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Text>,
    /// Salesforce id of the connected app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<Text>,
    /// API that was called: `REST`, `Bulk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_type: Option<Text>,
    /// Key that all events of one session share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<Text>,
    /// Key that all events after one login share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_key: Option<Text>,
    /// Salesforce's id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Text>,
    /// Who acted as the account after a LoginAs: a username, or a Salesforce id where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<Text>,
}

impl Evidence {
    /// The most activities that a finding keeps. A choice: as many as it names by id, and what a page can show.
    pub const MOST: usize = 12;
    /// The longest text in bytes. A choice: longer than real user agents; the evidence of a finding stays below 256 KiB, so
    /// that the finding fits into a message of 512 KiB.
    pub const TEXT_BYTES: usize = 512;
    /// The most objects of one activity. A choice, for the same reason.
    pub const OBJECTS: usize = 16;

    /// Takes what is kept of an activity.
    pub fn of(activity: &Activity) -> Self {
        let cut = |text: &Option<Text>| text.as_ref().map(cut);
        let delegate = activity.delegate.as_ref().and_then(|by| by.username.as_ref().or(by.user_id.as_ref()));
        Self {
            activity_id: activity.id,
            at: activity.event_time,
            kind: activity.kind,
            operation: cut(&activity.operation),
            effect: activity.effect,
            outcome: activity.outcome,
            surface: surface_of(activity.kind),
            objects: activity.objects.iter().take(Self::OBJECTS).map(self::cut).collect(),
            resource_id: cut(&activity.resource_id),
            resource_name: cut(&activity.resource_name),
            scope: activity.scope,
            run: activity.run,
            rows: activity.rows,
            rows_returned: activity.rows_returned,
            bytes: activity.bytes,
            address: activity.source_ip.as_ref().map(address),
            asn: activity.asn,
            country: cut(&activity.country),
            user_agent: cut(&activity.user_agent),
            client: cut(&activity.client),
            application: cut(&activity.application),
            app: cut(&activity.connected_app),
            api_type: cut(&activity.api_type),
            session_key: cut(&activity.session_key),
            login_key: cut(&activity.login_key),
            request_id: cut(&activity.request_id),
            delegate: delegate.map(self::cut),
        }
    }

    /// Returns the [`Evidence::MOST`] that matter most of both lists, by time and then by id.
    ///
    /// Those with the most rows matter most, then those with the most bytes, then the earliest. Of a run that comes in
    /// chunks or pages, the one that matters most stands for all. The greatest of a union by a total order: gathering is
    /// commutative, associative and idempotent.
    pub fn gathered(a: &[Self], b: &[Self]) -> Vec<Self> {
        let mut all: Vec<&Self> = a.iter().chain(b).collect();
        all.sort_unstable_by(|a, b| a.by_weight(b));
        let mut executions = BTreeSet::new();
        let mut kept: Vec<Self> =
            all.into_iter().filter(|one| executions.insert(one.execution())).take(Self::MOST).cloned().collect();
        kept.sort_unstable_by(|a, b| (a.at, a.activity_id).cmp(&(b.at, b.activity_id)).then_with(|| a.cmp(b)));
        kept
    }

    /// Compares by what matters, the most first; equal only if all fields are.
    fn by_weight(&self, other: &Self) -> Ordering {
        let weight = |of: &Self| (Reverse((of.rows, of.rows_returned, of.bytes)), of.at, of.activity_id);
        weight(self).cmp(&weight(other)).then_with(|| self.cmp(other))
    }

    /// What chunks of one run share: the run, or the activity's id if it belongs to none.
    fn execution(&self) -> (Option<u64>, Option<Uuid>) {
        (self.run, self.run.is_none().then_some(self.activity_id))
    }
}

/// Returns through what an event of this kind reaches data, those without rows of their own included.
fn surface_of(kind: Kind) -> Option<Surface> {
    match kind {
        Kind::ListView => Some(Surface::ListView),
        Kind::Report | Kind::ReportExport | Kind::AnalyticsDownload => Some(Surface::Report),
        Kind::Api => Some(Surface::Api),
        Kind::BulkApi | Kind::BulkApiResult => Some(Surface::Bulk),
        Kind::File | Kind::Attachment => Some(Surface::File),
        _ => None,
    }
}

fn address(from: &SourceIp) -> Text {
    match from {
        SourceIp::Address(address) => Text::from(address.to_string()),
        SourceIp::Salesforce => Text::const_new("Salesforce.com IP"),
        SourceIp::Other(text) => cut(text),
    }
}

/// Returns the text, or as much of its beginning as fits, with an ellipsis.
fn cut(text: &Text) -> Text {
    const ELLIPSIS: &str = "…";
    if text.len() <= Evidence::TEXT_BYTES {
        return text.clone();
    }
    let room = text.floor_char_boundary(Evidence::TEXT_BYTES - ELLIPSIS.len());
    let mut cut = Text::from(text.get(..room).unwrap_or_default());
    cut.push_str(ELLIPSIS);
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, OrgId, UserId};
    use proptest::prelude::*;

    fn activity(id: u128, at: i64) -> Activity {
        let (org, user) = (OrgId::new("org"), UserId::new("user"));
        Activity::new(Uuid::from_u128(id), org, user, Timestamp(at), Channel::Stream, Kind::Report)
    }

    fn evidence(id: u128, at: i64, rows: Option<u64>, run: Option<u64>) -> Evidence {
        Evidence::of(&Activity { rows, run, ..activity(id, at) })
    }

    fn ids(of: &[Evidence]) -> Vec<u128> {
        of.iter().map(|one| one.activity_id.as_u128()).collect()
    }

    #[test]
    fn those_with_most_rows_stay_in_the_order_of_time() {
        let all: Vec<Evidence> = (1..=14).map(|id| evidence(id, 100 - id as i64, Some(id as u64 % 13), None)).collect();
        // The rows of 13 and 14 are 0 and 1, as few as those of 1, which is the latest.
        assert_eq!(ids(&Evidence::gathered(&all, &[])), [14, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    }

    #[test]
    fn a_run_is_there_once_by_its_largest_chunk() {
        let of_run = [evidence(1, 1, Some(10), Some(7)), evidence(2, 2, Some(20), Some(7)), evidence(3, 3, None, None)];
        assert_eq!(ids(&Evidence::gathered(&of_run[1..], &of_run[..1])), [2, 3]);
    }

    #[test]
    fn long_texts_and_lists_are_cut_within_a_character() {
        let long = Text::from("ä".repeat(400));
        let objects = (0..40).map(|_| long.clone()).collect();
        let of = Evidence::of(&Activity { user_agent: Some(long.clone()), objects, ..activity(1, 1) });
        let agent = of.user_agent.unwrap();
        assert!(agent.len() <= Evidence::TEXT_BYTES && agent.starts_with("ää") && agent.ends_with("ä…"), "{agent}");
        assert_eq!(of.objects.len(), Evidence::OBJECTS);
    }

    /// Evidence of which few things differ, so that it often collides.
    fn any_evidence() -> impl Strategy<Value = Evidence> {
        let rows = prop_oneof![Just(None), (0u64..4).prop_map(Some)];
        (0u128..24, 0i64..4, rows, prop_oneof![Just(None), (0u64..6).prop_map(Some)])
            .prop_map(|(id, at, rows, run)| evidence(id, at, rows, run))
    }

    proptest! {
        #[test]
        fn gathering_depends_on_the_set_alone(
            a in prop::collection::vec(any_evidence(), 0..30),
            b in prop::collection::vec(any_evidence(), 0..30),
            c in prop::collection::vec(any_evidence(), 0..30),
        ) {
            let gathered = Evidence::gathered;
            let [once_a, once_b, once_c] = [&a, &b, &c].map(|of| gathered(of, &[]));
            prop_assert_eq!(gathered(&once_a, &once_b), gathered(&once_b, &once_a));
            prop_assert_eq!(gathered(&gathered(&once_a, &once_b), &once_c), gathered(&once_a, &gathered(&once_b, &once_c)));
            prop_assert_eq!(&gathered(&once_a, &once_a), &once_a);
            prop_assert_eq!(gathered(&once_a, &once_b), gathered(&a, &b));
            prop_assert!(once_a.len() <= Evidence::MOST);
        }
    }
}

//! What an envelope says of the record within: its type and its org. Times of an envelope are those of its arrival.

use super::{Member, Value, members};
use crate::field::{LONGEST, fold};
use crate::normalize::known_type;
use crate::types::TypeNames;
use model::OrgId;

/// What the envelopes around a record say, the innermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    pub(crate) event_type: Option<&'static str>,
    pub(crate) org: Option<OrgId>,
}

/// Members of envelopes that may name the type, as [`fold`] writes them: of EventBridge, Airbyte, Splunk, Kafka, Elastic
/// and CloudWatch, of answers to several requests, and of tables.
const TYPE: [&str; 27] = [
    "detail-type",
    "channel",
    "topic",
    "topicname",
    "eventapiname",
    "stream",
    "airbytestream",
    "sourcetype",
    "source",
    "sfdclogtype",
    "sobject",
    "sobjecttype",
    "object",
    "objecttype",
    "objectname",
    "apiname",
    "referenceid",
    "eventtype",
    "eventname",
    "type",
    "table",
    "tablename",
    "dataset",
    "loggroup",
    "logstream",
    "filename",
    "logtype",
];

/// Members of envelopes that may name the org.
const ORG: [&str; 5] = ["source", "organizationid", "orgid", "instanceid", "host"];

impl Hints {
    /// Returns what holds for the records of an array that stands at the byte `at` of a page: what the objects around it
    /// say, else these hints.
    pub(crate) fn of_page(&self, page: &str, at: usize) -> Self {
        let mut hints = self.clone();
        let mut around = Some(page);
        while let Some(members) = around.and_then(|object| members(object).ok()) {
            hints = hints.within(&members);
            let holds = |object: &&str| {
                let start = object.as_ptr().addr() - page.as_ptr().addr();
                object.starts_with('{') && (start..start + object.len()).contains(&at)
            };
            let mut objects = members.iter().filter_map(|(_, value)| match value {
                Value::Json(object) => Some(*object),
                Value::Text(_) => None,
            });
            around = objects.rfind(holds);
        }
        hints
    }

    /// Returns what holds within an object: what its own members say, else these hints.
    pub(super) fn within(&self, members: &[Member<'_>]) -> Self {
        let mut inner = Self::default();
        for (name, value) in members.iter().filter(|(name, _)| name.len() <= LONGEST) {
            let name = fold(name);
            let (says_type, says_org) = (TYPE.contains(&name.as_str()), ORG.contains(&name.as_str()));
            if !says_type && !says_org {
                continue;
            }
            let Some(crate::Scalar::Text(text)) = value.scalar() else { continue };
            if says_type && inner.event_type.is_none() {
                inner.event_type = event_type(&text);
            }
            if says_org && inner.org.is_none() {
                inner.org = org(&text);
            }
        }
        Self { event_type: inner.event_type.or(self.event_type), org: inner.org.or_else(|| self.org.clone()) }
    }
}

/// Returns the type that a text names: `LoginEventStream`, `/event/LoginEventStream`, `sfdc:loginevent`,
/// `salesforce.login`, `/data/Login-2026.csv`.
fn event_type(text: &str) -> Option<&'static str> {
    let last = text.rsplit(['/', ':', '.']).next().unwrap_or_default();
    known_type(last).or_else(|| TypeNames::default().with_file(text).file())
}

/// Returns the org with an id that is a part of a text: `aws.partner/salesforce.com/00D…/0YL…`.
fn org(text: &str) -> Option<OrgId> {
    let is_org = |part: &&str| part.starts_with("00D") && matches!(part.len(), 15 | 18);
    text.split(|c: char| !c.is_ascii_alphanumeric()).find(is_org).map(OrgId::new)
}

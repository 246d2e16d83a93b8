//! What is shown of one file.

use super::advice::advice;
use files::{Beginning, Input};
use model::{Activity, Channel, Kind, SourceIp, Timestamp};
use orgwatch::Example;
use salesforce::{ColumnUse, Counts, Fault, Faults, TypeSource};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What is shown of one file.
#[derive(Serialize)]
pub(super) struct FileReport {
    pub(super) file: PathBuf,
    /// What is around its text, the outermost first.
    pub(super) packing: Vec<&'static str>,
    pub(super) encoding: &'static str,
    pub(super) format: &'static str,
    /// Names around a record, the outermost first.
    pub(super) envelope: Vec<String>,
    /// Records that were looked at.
    pub(super) records: u64,
    /// Whether these are all.
    pub(super) is_whole: bool,
    /// Why the rest cannot be read.
    pub(super) broken: Option<String>,
    /// Records that became activities.
    pub(super) events: u64,
    pub(super) kinds: Vec<KindCount>,
    /// What says the type of the records that do not say it.
    pub(super) types: Vec<TypeCount>,
    pub(super) not_watched: BTreeMap<String, u64>,
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    pub(super) users: usize,
    pub(super) orgs: BTreeSet<String>,
    /// Activities of records that name no org.
    pub(super) without_an_org: u64,
    /// Columns that are read, and as which field.
    pub(super) columns: Vec<(String, &'static str)>,
    /// Columns that are known and not used.
    pub(super) passed_over: Vec<String>,
    /// Columns that are kept as they came.
    pub(super) attributes: Vec<String>,
    /// Values that could not be read, by field.
    pub(super) unread: BTreeMap<&'static str, u64>,
    pub(super) samples: Vec<Sample>,
    pub(super) rejects: Vec<FaultCount>,
    /// What to do where something is missing.
    pub(super) advice: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct KindCount {
    pub(super) kind: Kind,
    pub(super) channel: Channel,
    pub(super) count: u64,
}

#[derive(Serialize)]
pub(super) struct TypeCount {
    #[serde(rename = "type")]
    pub(super) name: &'static str,
    pub(super) from: TypeSource,
    pub(super) count: u64,
}

#[derive(Serialize)]
pub(super) struct FaultCount {
    pub(super) fault: String,
    #[serde(flatten)]
    pub(super) found: Fault<Example>,
}

/// An activity, without its keys.
#[derive(Serialize)]
pub(super) struct Sample {
    pub(super) time: Timestamp,
    pub(super) user: String,
    pub(super) kind: Kind,
    pub(super) operation: Option<String>,
    pub(super) effect: model::Effect,
    pub(super) objects: Vec<String>,
    pub(super) rows: Option<u64>,
    pub(super) address: Option<String>,
}

/// Activities that are shown.
const SAMPLES: usize = 3;

impl FileReport {
    pub(super) fn of(input: &Input, beginning: Beginning, is_org_given: bool) -> Self {
        let records = beginning.records();
        let advice = advice(&beginning, is_org_given);
        let Beginning { packing, encoding, format, shape, parsed, broken, is_whole } = beginning;
        let salesforce::Parsed { activities, rejects, counts } = parsed;
        let Counts { not_watched, suggested, unread, unnamed } = counts;
        let (envelope, columns) = shape.map(|shape| (shape.envelope, shape.columns)).unwrap_or_default();
        let used = |is: ColumnUse| {
            columns.iter().filter(|(_, used)| *used == is).map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        let mut faults = Faults::default();
        for reject in &rejects {
            faults.add(&reject.reason, || Example {
                file: input.name(),
                line: reject.line,
                reason: reject.reason.to_string(),
            });
        }
        Self {
            file: input.name(),
            packing,
            encoding,
            format: format.as_str(),
            envelope,
            records,
            is_whole,
            broken,
            events: activities.len() as u64,
            kinds: kinds(&activities),
            types: suggested.into_iter().map(|((name, from), count)| TypeCount { name, from, count }).collect(),
            not_watched: not_watched.into_iter().map(|(name, count)| (name.to_string(), count)).collect(),
            from: activities.iter().map(|activity| activity.event_time).min(),
            to: activities.iter().map(|activity| activity.event_time).max(),
            users: activities.iter().map(|activity| &activity.user_id).collect::<BTreeSet<_>>().len(),
            orgs: activities.iter().map(|activity| activity.org_id.to_string()).collect(),
            without_an_org: unnamed,
            passed_over: used(ColumnUse::Passed),
            attributes: used(ColumnUse::Attribute),
            columns: columns
                .iter()
                .filter_map(|(name, used)| match used {
                    ColumnUse::Field(field) => Some((name.clone(), *field)),
                    ColumnUse::Passed | ColumnUse::Attribute => None,
                })
                .collect(),
            unread,
            samples: activities.iter().take(SAMPLES).map(Sample::of).collect(),
            rejects: faults
                .iter()
                .map(|(fault, found)| FaultCount { fault: fault.to_owned(), found: found.clone() })
                .collect(),
            advice,
        }
    }
}

fn kinds(activities: &[Activity]) -> Vec<KindCount> {
    let mut kinds: BTreeMap<(Kind, Channel), u64> = BTreeMap::new();
    for activity in activities {
        *kinds.entry((activity.kind, activity.channel)).or_default() += 1;
    }
    kinds.into_iter().map(|((kind, channel), count)| KindCount { kind, channel, count }).collect()
}

impl Sample {
    fn of(activity: &Activity) -> Self {
        let user = activity.username.as_deref().unwrap_or(activity.user_id.as_str());
        let address = activity.source_ip.as_ref().map(|address| match address {
            SourceIp::Address(address) => address.to_string(),
            SourceIp::Salesforce => "Salesforce.com IP".to_owned(),
            SourceIp::Other(text) => text.to_string(),
        });
        Self {
            time: activity.event_time,
            user: user.to_owned(),
            kind: activity.kind,
            operation: activity.operation.as_ref().map(ToString::to_string),
            effect: activity.effect,
            objects: activity.objects.iter().map(ToString::to_string).collect(),
            rows: activity.rows,
            address,
        }
    }
}

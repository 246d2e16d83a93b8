//! Findings: anomalous verdicts of detectors.

use crate::words::words;
use crate::{Evidence, OrgId, Surface, Text, Timestamp, UserClass, UserId};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use uuid::Uuid;

/// One detector's anomalous verdict on one account.
///
/// A later revision replaces an earlier one with the same id, except for `observed_at`, which stays
/// the earliest, and `addresses` and `evidence`, which are gathered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Derived from org, user, detector, subject and day: see [`crate::id::finding_id`].
    pub finding_id: Uuid,
    /// The revision of the observation that was judged.
    pub revision: u64,
    /// The org of the account.
    pub org_id: OrgId,
    /// The account.
    pub user_id: UserId,
    /// The account's username, where it is known.
    pub username: Option<Text>,
    /// The account's class at the time.
    pub user_class: UserClass,
    /// Name of the detector: `row_spike`.
    pub detector: Text,
    /// The severity that `score` stands for.
    pub severity: Severity,
    /// The founding article's score, 0 to 10.
    pub score: f64,
    /// The score on the scale of `ApiAnomalyEvent`, 0 to 1.
    pub anomaly_score: f64,
    /// How much evidence the baseline rests on, 0 to 1.
    pub confidence: f64,
    /// −log10 of the one-sided predictive p-value.
    pub surprise: f64,
    /// Event time at which the verdict was first anomalous.
    pub observed_at: Timestamp,
    /// Event time of this revision.
    pub revised_at: Timestamp,
    /// What happened, in a sentence for analysts.
    pub summary: String,
    /// The features' shares in the finding, in the shape of `SecurityEventData`. They add up to 100 percent.
    pub features: Vec<Contribution>,
    /// Numbers behind the summary, in the order of their names. In JSON, an object.
    #[serde(serialize_with = "as_map", deserialize_with = "from_map")]
    pub measures: Vec<Measure>,
    /// The activities that the finding rests on, or the main ones of them.
    pub event_ids: Vec<Uuid>,
    /// Objects that were accessed.
    pub objects: Vec<Text>,
    /// The surface through which the rows were read. Its name in JSON and protobuf is `source`.
    #[serde(rename = "source", skip_serializing_if = "Option::is_none")]
    pub surface: Option<Surface>,
    /// Whether what was reported has since been explained. A withdrawn finding adds nothing to the risk score.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// Hash of the settings in force.
    pub config_hash: Text,
    /// Addresses from which the activities came that were judged; of all revisions, sorted, 16 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Text>,
    /// The report, list view, file or page of the activity that was judged, by its Salesforce id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<Text>,
    /// The same by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<Text>,
    /// Type of the client of the activity that was judged: "Chrome on macOS".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Text>,
    /// Its connected app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<Text>,
    /// Factor on the detector's weight, from how often its findings were right in this org and class, 0.5 to 1.25; `None`
    /// while nobody has judged any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<f64>,
    /// The activities that were judged, with their fields; of all revisions, those that [matter most](Evidence::gathered), by
    /// time. Empty if only closed hours or days were judged, and in the findings of an incident.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl Finding {
    /// The most addresses that a finding keeps: a choice that keeps it small. An account with more is behind a proxy.
    pub const ADDRESSES: usize = 16;
}

words! {
    /// How bad a finding or incident is, mildest first.
    Severity {
        /// Below 4 of 10.
        Low = "low",
        /// From 4 of 10.
        Medium = "medium",
        /// From 6 of 10.
        High = "high",
        /// From 8 of 10.
        Critical = "critical",
    }
}

impl Severity {
    /// Returns the severity of a score from 0 to 10: critical from 8, high from 6, medium from 4.
    pub fn of_score(score: f64) -> Self {
        match score {
            s if s >= 8.0 => Self::Critical,
            s if s >= 6.0 => Self::High,
            s if s >= 4.0 => Self::Medium,
            _ => Self::Low,
        }
    }
}

/// A feature's share of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// Name of the feature: `rowCount`.
    pub name: Text,
    /// Its value, as text.
    pub value: Text,
    /// Share in hundredths of a percent. The shares of a finding add up to 10,000.
    pub share: u32,
}

impl Contribution {
    /// Converts weights to shares that add up to exactly 10,000, by the method of largest remainders (Hamilton).
    ///
    /// Negative and non-finite weights count as zero. If all weights are zero, the shares are even. An empty list
    /// stays empty.
    pub fn shares(weights: &[f64]) -> Vec<u32> {
        const WHOLE: u32 = 10_000;
        let clean: Vec<f64> = weights.iter().map(|w| if w.is_finite() && *w > 0.0 { *w } else { 0.0 }).collect();
        let total: f64 = clean.iter().sum();
        let exact: Vec<f64> = clean
            .iter()
            .map(|w| f64::from(WHOLE) * if total > 0.0 { w / total } else { 1.0 / clean.len() as f64 })
            .collect();
        let mut shares: Vec<u32> = exact.iter().map(|e| e.floor() as u32).collect();
        let mut rest = WHOLE.saturating_sub(shares.iter().sum());
        let mut order: Vec<usize> = (0..shares.len()).collect();
        let remainder = |i: &usize| exact.get(*i).map_or(0.0, |e| e.fract());
        order.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)).then(a.cmp(b)));
        for index in order {
            if rest == 0 {
                break;
            }
            if let Some(share) = shares.get_mut(index) {
                *share += 1;
                rest -= 1;
            }
        }
        shares
    }
}

/// A [`Contribution`] in the shape of `SecurityEventData`: all values are strings, the share is written `95.00 %`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SecurityEventDatum {
    feature_name: Text,
    feature_value: Text,
    feature_contribution: String,
}

impl Serialize for Contribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let datum = SecurityEventDatum {
            feature_name: self.name.clone(),
            feature_value: self.value.clone(),
            feature_contribution: format!("{}.{:02} %", self.share / 100, self.share % 100),
        };
        datum.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Contribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let datum = SecurityEventDatum::deserialize(deserializer)?;
        let digits = datum.feature_contribution.strip_suffix(" %").map(|percent| percent.replacen('.', "", 1));
        let share = digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| {
            D::Error::custom(format_args!("featureContribution: not a percentage: {:?}", datum.feature_contribution))
        })?;
        Ok(Self { name: datum.feature_name, value: datum.feature_value, share })
    }
}

/// A number behind a finding's summary.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Name of the number: `z`.
    pub name: Text,
    /// The number, finite.
    pub value: f64,
}

fn as_map<S: Serializer>(measures: &[Measure], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(measures.iter().map(|measure| (&measure.name, measure.value)))
}

fn from_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Measure>, D::Error> {
    let map = BTreeMap::<Text, f64>::deserialize(deserializer)?;
    Ok(map.into_iter().map(|(name, value)| Measure { name, value }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn severity_follows_the_score() {
        let check = |score, expect| assert_eq!(Severity::of_score(score), expect);
        check(10.0, Severity::Critical);
        check(8.0, Severity::Critical);
        check(7.99, Severity::High);
        check(6.0, Severity::High);
        check(4.0, Severity::Medium);
        check(0.0, Severity::Low);
    }

    #[test]
    fn contributions_serialize_as_security_event_data() {
        let contribution = Contribution { name: "rowCount".into(), value: "1937568".into(), share: 9_500 };
        insta::assert_json_snapshot!(contribution, @r#"
        {
          "featureName": "rowCount",
          "featureValue": "1937568",
          "featureContribution": "95.00 %"
        }
        "#);
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_whole(weights in prop::collection::vec(prop_oneof![Just(0.0), 0.0..1e9, Just(f64::NAN), Just(f64::INFINITY)], 1..12)) {
            let shares = Contribution::shares(&weights);
            prop_assert_eq!(shares.len(), weights.len());
            prop_assert_eq!(shares.iter().sum::<u32>(), 10_000);
        }

        #[test]
        fn a_larger_weight_never_has_a_smaller_share(weights in prop::collection::vec(0.0..100.0, 2..8)) {
            let shares = Contribution::shares(&weights);
            for (a, x) in weights.iter().enumerate() {
                for (b, y) in weights.iter().enumerate() {
                    prop_assert!(x < y || shares[a] + 1 >= shares[b]);
                }
            }
        }
    }
}

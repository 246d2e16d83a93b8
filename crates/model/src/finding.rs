//! One detector's anomalous verdict.

use crate::activity::words;
use crate::{OrgId, Surface, Text, Timestamp, UserClass, UserId};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A later revision under the same id replaces the earlier one, but for `observed_at`, which stays the earliest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub finding_id: Uuid,
    pub revision: u64,
    pub org_id: OrgId,
    pub user_id: UserId,
    pub username: Option<Text>,
    pub user_class: UserClass,
    pub detector: Text,
    pub severity: Severity,
    /// 0 to 10.
    pub score: f64,
    /// 0 to 1.
    pub anomaly_score: f64,
    /// 0 to 1: how much evidence stands behind the baseline.
    pub confidence: f64,
    /// −log10 of the one-sided predictive p-value.
    pub surprise: f64,
    /// Event time at which the verdict was first anomalous.
    pub observed_at: Timestamp,
    /// Event time of this revision.
    pub revised_at: Timestamp,
    pub summary: String,
    /// Shares in percent that add up to 100, in the shape of `SecurityEventData`.
    pub features: Vec<Contribution>,
    /// Numbers behind the summary, by name.
    #[serde(serialize_with = "as_map", deserialize_with = "from_map")]
    pub measures: Vec<Measure>,
    pub event_ids: Vec<Uuid>,
    pub objects: Vec<Text>,
    /// The surface through which the rows were read. Its name in JSON and protobuf is `source`.
    #[serde(rename = "source", skip_serializing_if = "Option::is_none")]
    pub surface: Option<Surface>,
    /// What was reported is explained by now; the finding counts no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    pub config_hash: Text,
}

words! {
    Severity { Low = "low", Medium = "medium", High = "high", Critical = "critical" }
}

impl Severity {
    /// Critical from 8, high from 6, medium from 4, on a scale of 0 to 10.
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
    pub name: Text,
    pub value: Text,
    /// Hundredths of a percent; the shares of a finding add up to 10,000.
    pub share: u32,
}

impl Contribution {
    /// Rounds non-negative weights to shares that add up to exactly 10,000 (largest remainder).
    ///
    /// Weights that are all zero share evenly; an empty list stays empty.
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

/// In the shape of `SecurityEventData`: all values are strings, the share as `95.00 %`.
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
    pub name: Text,
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
    fn a_contribution_looks_like_security_event_data() {
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

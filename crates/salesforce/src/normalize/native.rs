//! Normalizes the events of Salesforce's Threat Detection.

use crate::field::Field;
use crate::record::{Record, cut};
use model::{Activity, Kind, NativeAnomaly, NativeFeature, ScoreScale, Text};
use serde::Deserialize;
use std::borrow::Cow;

/// Most features of one record; the rest are dropped. A choice, to bound an activity's size.
const MAX_FEATURES: usize = 64;
/// Longest name or value of a feature, in bytes; the rest is cut. A choice.
const TEXT_LIMIT: usize = 256;
/// Longest text of `SecurityEventData` that is kept unparsed, in bytes; the rest is cut. A choice.
const UNREAD_LIMIT: usize = 4096;

/// Fills the score, summary and features of a detection.
pub(super) fn anomaly(record: &Record<'_>, activity: &mut Activity) {
    let scale = match activity.kind {
        Kind::TenantSecurityApiAnomaly => ScoreScale::ZeroToHundred,
        _ => ScoreScale::ZeroToOne,
    };
    let score = match activity.kind {
        // A credential stuffing event is certain: Salesforce documents its score as 1, and may leave it out.
        Kind::CredentialStuffing => record.number(Field::Score).or(Some(1.0)),
        _ => record.number(Field::Score),
    };
    let mut native =
        NativeAnomaly { score, scale, summary: record.text(Field::Summary), features: Vec::new(), unread: None };
    if let Some(data) = record.str(Field::SecurityEventData) {
        match features(data) {
            Some(features) => native.features = features,
            None => native.unread = Some(Text::new(cut(data, UNREAD_LIMIT))),
        }
    }
    native.features.extend(single_feature(record));
    native.features.extend(sessions(record));
    if activity.kind == Kind::ReportAnomaly {
        activity.resource_id = record.id(&[Field::ReportId]);
    }
    activity.native = Some(Box::new(native));
}

/// The most bytes of `SecurityEventData` that are parsed: twice the 131,072 characters of Salesforce's longest text.
const MAX_DATA: usize = 256 << 10;

/// An element of `SecurityEventData`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Element {
    feature_name: serde_json::Value,
    #[serde(default)]
    feature_value: serde_json::Value,
    #[serde(default)]
    feature_contribution: serde_json::Value,
    #[serde(default)]
    previous_value: serde_json::Value,
    #[serde(default)]
    current_value: serde_json::Value,
}

/// Parses `[{"featureName":…,"featureValue":…,"featureContribution":"1.62 %"},…]`. Returns `None` for other texts.
///
/// Also accepts typographic quotes, as in the examples of Salesforce's documentation. A text of more than [`MAX_DATA`] is
/// not parsed: its elements take up to 60 times as much memory.
fn features(data: &str) -> Option<Vec<NativeFeature>> {
    if data.len() > MAX_DATA {
        return None;
    }
    let elements: Vec<Element> = serde_json::from_str(data).ok().or_else(|| {
        let straight = data.replace(['“', '”', '„', '″'], "\"");
        serde_json::from_str(&straight).ok()
    })?;
    Some(elements.into_iter().take(MAX_FEATURES).filter_map(feature).collect())
}

fn feature(element: Element) -> Option<NativeFeature> {
    let name = plain(&element.feature_name)?;
    let value = match (plain(&element.feature_value), plain(&element.previous_value), plain(&element.current_value)) {
        (Some(value), _, _) => value,
        (None, None, None) => Text::default(),
        (None, previous, current) => change(previous.as_deref(), current.as_deref()),
    };
    let percent = plain(&element.feature_contribution).and_then(|text| percent(&text));
    Some(NativeFeature { name, value, percent })
}

fn change(previous: Option<&str>, current: Option<&str>) -> Text {
    let text = format!("{} → {}", previous.unwrap_or("?"), current.unwrap_or("?"));
    Text::new(cut(&text, TEXT_LIMIT))
}

fn plain(value: &serde_json::Value) -> Option<Text> {
    let text: Cow<'_, str> = match value {
        serde_json::Value::Null => return None,
        serde_json::Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    };
    Some(Text::new(cut(text.trim(), TEXT_LIMIT)))
}

/// Parses a percentage: `95.00 %`, `.09 %`, `1.62`.
fn percent(text: &str) -> Option<f64> {
    let number: f64 = text.trim().trim_end_matches('%').trim_end().parse().ok()?;
    number.is_finite().then_some(number)
}

/// Returns the feature of a LoginAnomalyEvent, which has a single one, in separate fields.
fn single_feature(record: &Record<'_>) -> Option<NativeFeature> {
    let name = record.text(Field::FeatureName)?;
    let value = record.text(Field::FeatureValue).unwrap_or_default();
    let percent = record.text(Field::FeatureContribution).and_then(|text| percent(&text));
    Some(NativeFeature { name, value, percent })
}

/// Returns what changed of a hijacked session, as features.
fn sessions(record: &Record<'_>) -> impl Iterator<Item = NativeFeature> {
    let pairs = [
        ("ip", Field::PreviousIp, Field::CurrentIp),
        ("platform", Field::PreviousPlatform, Field::CurrentPlatform),
        ("screen", Field::PreviousScreen, Field::CurrentScreen),
        ("userAgent", Field::PreviousUserAgent, Field::CurrentUserAgent),
        ("window", Field::PreviousWindow, Field::CurrentWindow),
    ];
    pairs.into_iter().filter_map(|(name, previous, current)| {
        let (previous, current) = (record.str(previous), record.str(current));
        let is_there = previous.is_some() || current.is_some();
        is_there.then(|| NativeFeature { name: Text::const_new(name), value: change(previous, current), percent: None })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages() {
        assert_eq!(percent("95.00 %"), Some(95.0));
        assert_eq!(percent(".09 %"), Some(0.09));
        assert_eq!(percent("1.62"), Some(1.62));
        assert_eq!(percent("much"), None);
    }

    #[test]
    fn other_texts_are_not_parsed() {
        assert_eq!(features("{\"a\":1}"), None);
        assert_eq!(features("reserved"), None);
        assert_eq!(features("[]"), Some(vec![]));
        assert_eq!(features(&format!("[{}]", " ".repeat(MAX_DATA))), None);
    }
}

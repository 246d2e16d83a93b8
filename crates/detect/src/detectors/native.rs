//! `threat_detection`: findings of Salesforce's own Threat Detection, as evidence that is independent of ours.

use crate::judgement::{Explanation, Judgement};
use crate::{Detector, Settings, Unscoreable, score};
use model::{Activity, Family, Feature, Kind, NativeAnomaly, Observation, ScoreScale};

/// Converts events of Salesforce's Threat Detection to findings on our scale: ApiAnomaly, ReportAnomaly,
/// SessionHijacking, CredentialStuffing, GuestUserAnomaly and LoginAnomaly (scores from 0 to 1) and
/// TenantSecurityApiAnomaly (0 to 100).
pub struct Native;

/// Highest surprise that a score of Salesforce's gives: a score of 1 is not certainty, it weighs as a p-value of 1e-8
/// of ours. A choice.
const MOST_SURPRISE: f64 = 8.0;

/// Score from 0 to 1 below which the event is normal. A choice: Salesforce also publishes events with low scores, for
/// activity much like the usual.
const LEAST: f64 = 0.25;

impl Detector for Native {
    fn name(&self) -> &'static str {
        "threat_detection"
    }

    fn family(&self) -> Family {
        Family::Native
    }

    fn ceiling(&self) -> f64 {
        8.0
    }

    fn next_step(&self) -> &'static str {
        "Open the event in Salesforce Threat Detection, and compare it with the other findings of the incident."
    }

    fn measure<'a>(&self, observation: &'a Observation, _: &'a Settings) -> Vec<Result<Judgement<'a>, Unscoreable>> {
        let Some(activity) = observation.activity.as_deref() else { return Vec::new() };
        let Some(native) = activity.native.as_deref() else { return Vec::new() };
        let is_native = observation.features.contains(&Feature::Native);
        is_native.then(|| adapt(native, activity)).into_iter().collect()
    }
}

fn adapt<'a>(native: &'a NativeAnomaly, activity: &'a Activity) -> Result<Judgement<'a>, Unscoreable> {
    let raw = native.score.ok_or(Unscoreable::NoNativeScore)?;
    let unit = native.unit_score().ok_or(Unscoreable::NativeScoreOutOfScale)?;
    let surprise = if unit < LEAST { 0.0 } else { score::surprise_of(unit).min(MOST_SURPRISE) };
    Ok(Judgement::new(surprise, activity.kind.as_str(), move || explain(native, activity, raw, unit)))
}

fn explain(native: &NativeAnomaly, activity: &Activity, raw: f64, unit: f64) -> Explanation {
    let reason = native.summary.as_ref().map(|summary| format!(": {summary}")).unwrap_or_default();
    // Salesforce's percentages need not add up to 100 and ours must, so they serve as weights.
    let features = native.features.iter().map(|feature| {
        let name = known_name(&feature.name);
        let value =
            if name == OTHER { format!("{} {}", feature.name, feature.value) } else { feature.value.to_string() };
        (name, value, feature.percent.unwrap_or(0.0))
    });
    let mut features: Vec<_> = features.collect();
    if features.is_empty() {
        features.push(("score", format!("{raw} ({})", native.scale), 1.0));
    }
    Explanation {
        // A choice: how much history Salesforce's model has is unknown.
        confidence: 0.5,
        summary: format!(
            "Salesforce Threat Detection reported {}, score {raw} of {}{reason}",
            title(activity.kind),
            highest(native.scale)
        ),
        features,
        measures: vec![("native_score", raw), ("unit_score", unit)],
        evidence: vec![activity.id],
        objects: activity.objects.to_vec(),
        ..Explanation::default()
    }
}

/// Name of a feature that Salesforce does not document.
const OTHER: &str = "other";

/// Returns the name if Salesforce documents it (`SecurityEventData` of ApiAnomalyEvent and ReportAnomalyEvent in the
/// Object Reference), [`OTHER`] if not.
fn known_name(name: &str) -> &'static str {
    const KNOWN: [&str; 12] = [
        "rowCount",
        "columnCount",
        "autonomousSystem",
        "dayOfWeek",
        "userAgent",
        "periodOfDay",
        "averageRowSize",
        "screenResolution",
        "ipAddress",
        "platform",
        "screen",
        "window",
    ];
    KNOWN.iter().copied().find(|known| *known == name).unwrap_or(OTHER)
}

/// Names the anomaly with its article.
fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::ApiAnomaly | Kind::TenantSecurityApiAnomaly => "an API anomaly",
        Kind::ReportAnomaly => "a report anomaly",
        Kind::SessionHijacking => "a session hijacking",
        Kind::CredentialStuffing => "credential stuffing",
        Kind::GuestUserAnomaly => "a guest user anomaly",
        Kind::LoginAnomaly => "a login anomaly",
        _ => "an anomaly",
    }
}

/// Returns the highest score of the scale.
fn highest(scale: ScoreScale) -> &'static str {
    match scale {
        ScoreScale::ZeroToOne => "1",
        ScoreScale::ZeroToHundred => "100",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::observation;
    use super::*;
    use crate::Verdict;
    use model::NativeFeature;

    fn judged(score: Option<f64>, scale: ScoreScale) -> Verdict {
        let mut observation = observation(Feature::Native);
        let feature =
            |name: &str, percent| NativeFeature { name: name.into(), value: "9".into(), percent: Some(percent) };
        let native = NativeAnomaly {
            score,
            scale,
            summary: Some("unusually high number of rows".into()),
            features: vec![feature("rowCount", 95.0), feature("novel", 30.0)],
            unread: None,
        };
        let activity = observation.activity.as_mut().unwrap();
        activity.kind = Kind::ApiAnomaly;
        activity.native = Some(Box::new(native));
        (&Native as &dyn Detector).judge(&observation, &Settings::default()).remove(0)
    }

    #[test]
    fn both_scales_give_the_same_scores() {
        let (Verdict::Anomalous(unit), Verdict::Anomalous(percent)) =
            (judged(Some(0.9), ScoreScale::ZeroToOne), judged(Some(90.0), ScoreScale::ZeroToHundred))
        else {
            panic!("not anomalous");
        };
        assert_eq!((unit.score, unit.anomaly_score), (percent.score, percent.anomaly_score));
        assert!((unit.anomaly_score - 0.9).abs() < 0.05);
        assert_eq!(unit.features.iter().map(|feature| feature.share).sum::<u32>(), 10_000);
        insta::assert_snapshot!(percent.summary, @"Salesforce Threat Detection reported an API anomaly, score 90 of 100: unusually high number of rows");
    }

    #[test]
    fn a_score_outside_its_scale_is_unscoreable() {
        assert_eq!(judged(Some(85.5), ScoreScale::ZeroToOne), Verdict::Unscoreable(Unscoreable::NativeScoreOutOfScale));
        assert_eq!(judged(None, ScoreScale::ZeroToOne), Verdict::Unscoreable(Unscoreable::NoNativeScore));
    }

    #[test]
    fn a_low_score_is_normal() {
        assert_eq!(judged(Some(0.1), ScoreScale::ZeroToOne), Verdict::Normal);
    }
}

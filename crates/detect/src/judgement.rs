//! Turns a surprise and its reasons into a verdict.

use crate::registry::Detector;
use crate::{Settings, Verdict, blind, score};
use model::{
    Contribution, Evidence, Finding, Measure, Observation, SourceIp, Surface, Text, Timestamp, UserClass, Uuid, id,
};

/// What a detector found out of one feature: the surprise, and its reasons, which are worked out only for a finding.
pub struct Judgement<'a> {
    /// −log10 p by the model, see [`profile::tail::surprise`]; not calibrated.
    pub(crate) surprise: f64,
    /// The surprise before the org's day factor was known, if that may have raised a finding; 0 otherwise.
    pub(crate) before: f64,
    /// Distinguishes findings of one user, detector and day: part of the finding's id.
    pub(crate) subject: &'static str,
    /// The highest score; `None` for the detector's.
    ceiling: Option<f64>,
    explain: Box<dyn FnOnce() -> Explanation + 'a>,
}

/// What explains a surprise.
pub(crate) struct Explanation {
    /// 0 to 1, before it is lowered for missing events.
    pub(crate) confidence: f64,
    /// The day that the finding is about; `None` for the observation's day.
    pub(crate) day: Option<Timestamp>,
    /// One sentence for an analyst, without a full stop.
    pub(crate) summary: String,
    /// Name, value and weight of each feature. Weights become shares that add up to 100 %.
    pub(crate) features: Vec<(&'static str, String, f64)>,
    /// Name and value of each number behind the verdict.
    pub(crate) measures: Vec<(&'static str, f64)>,
    /// Ids of activities; if empty, that of the observation.
    pub(crate) evidence: Vec<Uuid>,
    /// Salesforce objects that were touched.
    pub(crate) objects: Vec<Text>,
    /// The surface through which data was reached.
    pub(crate) surface: Option<Surface>,
}

impl Default for Explanation {
    fn default() -> Self {
        Self {
            confidence: 1.0,
            day: None,
            summary: String::new(),
            features: Vec::new(),
            measures: Vec::new(),
            evidence: Vec::new(),
            objects: Vec::new(),
            surface: None,
        }
    }
}

impl<'a> Judgement<'a> {
    /// A surprise with its reasons.
    pub(crate) fn new(surprise: f64, subject: &'static str, explain: impl FnOnce() -> Explanation + 'a) -> Self {
        Self { surprise, before: 0.0, subject, ceiling: None, explain: Box::new(explain) }
    }

    /// The same, where the surprise is `before` without the org's day factor, e^`shift`.
    ///
    /// The factor becomes known while the day runs. A closed hour or day that stands out without the factor and not with it
    /// withdraws the finding that an earlier activity may have raised.
    pub(crate) fn unless_explained(self, observation: &Observation, shift: f64, before: impl FnOnce() -> f64) -> Self {
        if observation.activity.is_none() && shift > 0.0 { Self { before: before(), ..self } } else { self }
    }

    /// The same, with a higher score at most if the account is a program: its servers and its client hardly ever change.
    pub(crate) fn weightier_for_programs(self, observation: &Observation) -> Self {
        /// A choice: that of the strongest detectors of volume, so that a stolen token that reads little still stands out.
        const CEILING: f64 = 9.0;
        let is_program = observation.user_class == UserClass::Integration;
        Self { ceiling: is_program.then_some(CEILING), ..self }
    }

    /// A judgement of what is another detector's, or no surprise.
    pub(crate) fn none() -> Self {
        Self::new(0.0, "", Explanation::default)
    }

    /// Returns the verdict on the observation: a finding if the calibrated surprise reaches the detector's `raise_at`, or
    /// if a finding has to be withdrawn; normal otherwise.
    pub(crate) fn verdict(self, detector: &dyn Detector, observation: &Observation, settings: &Settings) -> Verdict {
        let name = detector.name();
        let raise_at = settings.raise_at(name);
        let calibration = observation.calibration(name, self.subject);
        let calibrated = |surprise| calibration.map_or(surprise, |calibration| calibration.surprise(surprise));
        let surprise = calibrated(self.surprise);
        let is_raised = surprise >= raise_at;
        if !is_raised && calibrated(self.before) < raise_at {
            return Verdict::Normal;
        }
        let mut reasons = (self.explain)();
        if let Some(calibration) = calibration {
            reasons.measures.push(("surprise_of_model", self.surprise));
            reasons.measures.push(("calibration_days", f64::from(calibration.days)));
        }
        let score = settings.score(name, self.ceiling.unwrap_or(detector.ceiling()), surprise);
        let shares = Contribution::shares(&reasons.features.iter().map(|(_, _, weight)| *weight).collect::<Vec<_>>());
        let mut features: Vec<Contribution> = reasons
            .features
            .into_iter()
            .zip(shares)
            .map(|((name, value, _), share)| Contribution { name: name.into(), value: value.into(), share })
            .collect();
        features.sort_by(|a, b| b.share.cmp(&a.share).then_with(|| a.name.cmp(&b.name)));
        let mut measures: Vec<Measure> = reasons
            .measures
            .into_iter()
            .map(|(name, value)| Measure { name: name.into(), value: round(value) })
            .collect();
        measures.sort_by(|a, b| a.name.cmp(&b.name));
        let mut event_ids = reasons.evidence;
        if event_ids.is_empty() {
            event_ids.extend(observation.activity.as_ref().map(|activity| activity.id));
        }
        let missing = blind::missing(detector, &observation.blind);
        let confidence = if missing.is_empty() { 1.0 } else { settings.blind_confidence } * reasons.confidence;
        let (org, user) = (&observation.org_id, &observation.user_id);
        let activity = observation.activity.as_deref();
        Verdict::Anomalous(Box::new(Finding {
            finding_id: id::finding_id(org, user, name, self.subject, reasons.day.unwrap_or(observation.day)),
            revision: observation.revision,
            org_id: org.clone(),
            user_id: user.clone(),
            username: observation.username.clone(),
            user_class: observation.user_class,
            detector: name.into(),
            severity: model::Severity::of_score(score),
            score,
            anomaly_score: round(score::anomaly_score(surprise)),
            confidence: round(confidence.clamp(0.0, 1.0)),
            surprise: round(surprise),
            observed_at: observation.at,
            revised_at: observation.at,
            summary: reasons.summary + &blind::remark(&missing),
            features,
            measures,
            event_ids,
            objects: reasons.objects,
            surface: reasons.surface,
            withdrawn: !is_raised,
            config_hash: Text::default(),
            addresses: address(observation).into_iter().collect(),
            resource_id: activity.and_then(|activity| activity.resource_id.clone()),
            resource_name: activity.and_then(|activity| activity.resource_name.clone()),
            client: activity.and_then(|activity| activity.client.clone()),
            app: activity.and_then(|activity| activity.connected_app.clone()),
            precision: observation.precision(name),
            evidence: activity.map(Evidence::of).into_iter().collect(),
        }))
    }
}

/// Returns the address from which the activity came, if there is one.
fn address(observation: &Observation) -> Option<Text> {
    match observation.activity.as_ref()?.source_ip.as_ref()? {
        SourceIp::Address(address) => Some(address.to_string().into()),
        SourceIp::Salesforce | SourceIp::Other(_) => None,
    }
}

/// Rounds to six decimals, so that the text of a number does not depend on the last bit of a computation.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use crate::detectors::row_spike::RowSpike;
    use crate::{Detector, Settings, Verdict};
    use model::{Evidence, Feature, Finding, Kind, Observation, Surface, Usual, Volume};

    fn finding(blind: &[Kind], settings: &Settings) -> Finding {
        judged(&Observation { blind: blind.to_vec(), ..observation() }, settings)
    }

    fn judged(observation: &Observation, settings: &Settings) -> Finding {
        match (&RowSpike as &dyn Detector).judge(observation, settings).remove(0) {
            Verdict::Anomalous(finding) => *finding,
            other => panic!("{other:?}"),
        }
    }

    /// Returns an observation of many rows.
    fn observation() -> Observation {
        let day = Usual { location: 4.0, scale: 0.3, degrees: 30.0, evidence: 20.0, ..Usual::default() };
        let volume = Volume {
            surface: Surface::ListView,
            rows: 90_000.0,
            hour_rows: 90_000.0,
            requests: 3,
            day,
            hour: day,
            per_request: Usual::default(),
            peer: Usual::default(),
            objects: Vec::new(),
            evidence: Vec::new(),
            closed: false,
            recurrences: 0,
        };
        crate::detectors::testing::observation(Feature::Volume(volume))
    }

    #[test]
    fn the_activity_that_was_judged_is_the_evidence() {
        let (of_activity, settings) = (observation(), Settings::default());
        let expected = Evidence::of(of_activity.activity.as_deref().unwrap());
        assert_eq!(judged(&of_activity, &settings).evidence, [expected]);
        assert_eq!(judged(&Observation { activity: None, ..of_activity }, &settings).evidence, [], "of a closed day");
    }

    #[test]
    fn missing_events_lower_the_confidence_and_are_named() {
        let settings = Settings::default();
        let sure = finding(&[], &settings);
        assert_eq!(sure.confidence, 0.8);
        assert_eq!(finding(&[Kind::Login, Kind::ApiAnomaly], &settings), sure, "neither has rows");
        let half = Settings { blind_confidence: 0.5, ..settings };
        let blind = finding(&[Kind::ListView, Kind::Login], &half);
        let summary = format!("{}; less certain while events are missing: list view", sure.summary);
        assert_eq!((crate::missing_of(&summary), crate::missing_of(&sure.summary)), (vec![Kind::ListView], vec![]));
        let named = "Exported Q; less certain while events are missing: nothing, login and 2 more";
        assert_eq!(crate::missing_of(named), [Kind::Login], "only kinds are taken from it");
        assert_eq!(blind, Finding { confidence: 0.4, summary, ..sure });
    }
}

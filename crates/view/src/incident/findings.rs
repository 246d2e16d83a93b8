//! The findings of an incident or account, with what is behind each.

use crate::format::{self, Moment};
use askama::Template;
use askama::filters::HtmlSafe;
use model::{Contribution, Finding, Measure, Text};

/// Event ids listed with a finding: a choice for a page that can be scrolled.
const EVENTS: usize = 100;

/// Findings as a list along the time, in the given order. Displays itself as HTML.
#[derive(Debug, Template)]
#[template(path = "findings.html", whitespace = "minimize")]
pub struct Findings<'a> {
    findings: Vec<FindingView<'a>>,
}

#[derive(Debug)]
struct FindingView<'a> {
    id: String,
    detector: &'a str,
    severity: &'static str,
    score: String,
    anomaly_score: String,
    confidence: String,
    p_value: String,
    observed_at: Moment,
    /// If later than `observed_at`.
    revised_at: Option<Moment>,
    summary: &'a str,
    features: Vec<FeatureView<'a>>,
    measures: Vec<(&'a str, String)>,
    objects: &'a [Text],
    surface: Option<&'static str>,
    withdrawn: bool,
    events: Vec<String>,
    events_left_out: usize,
}

#[derive(Debug)]
struct FeatureView<'a> {
    name: &'a str,
    value: &'a str,
    percent: String,
    /// Length of the meter in percent.
    width: f64,
}

impl HtmlSafe for Findings<'_> {}

impl<'a> Findings<'a> {
    /// Makes the list of these findings.
    pub fn of(findings: &'a [Finding]) -> Self {
        Self { findings: findings.iter().map(FindingView::of).collect() }
    }
}

impl<'a> FindingView<'a> {
    fn of(finding: &'a Finding) -> Self {
        let measure = |measure: &'a Measure| (&*measure.name, format::number(measure.value));
        Self {
            id: finding.finding_id.to_string(),
            detector: &finding.detector,
            severity: finding.severity.as_str(),
            score: format!("{:.1}", finding.score),
            anomaly_score: format!("{:.3}", finding.anomaly_score),
            confidence: format!("{:.0} %", finding.confidence * 100.0),
            p_value: format::p_value(finding.surprise),
            observed_at: Moment(finding.observed_at),
            revised_at: (finding.revised_at > finding.observed_at).then_some(Moment(finding.revised_at)),
            summary: &finding.summary,
            features: finding.features.iter().map(FeatureView::of).collect(),
            measures: finding.measures.iter().map(measure).collect(),
            objects: &finding.objects,
            surface: finding.surface.map(model::Surface::as_str),
            withdrawn: finding.withdrawn,
            events: finding.event_ids.iter().take(EVENTS).map(ToString::to_string).collect(),
            events_left_out: finding.event_ids.len().saturating_sub(EVENTS),
        }
    }
}

impl<'a> FeatureView<'a> {
    fn of(feature: &'a Contribution) -> Self {
        Self {
            name: &feature.name,
            value: &feature.value,
            percent: format::percent(feature.share),
            width: f64::from(feature.share.min(10_000)) / 100.0,
        }
    }
}

//! The content of the page, ready to lay out.

use super::Report;
use super::format;
use super::heat_map::HeatMap;
use askama::Template;
use model::{Contribution, Finding, Incident, Measure, Points, RiskModel, Severity, Term, TermKind, Text};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Cards of medium severity or above that are not folded away as a group. This and the next three are choices for a page
/// that loads at once and can be scrolled.
const CARDS: usize = 30;
/// Cards that are unfolded.
const UNFOLDED: usize = 5;
/// Users on the leader board.
const LEADERS: usize = 20;
/// Event ids listed with a finding.
const EVENTS: usize = 100;
/// Colors of a bar's terms, as style.css defines them.
const COLORS: usize = 8;

#[derive(Template)]
#[template(path = "page.html", whitespace = "minimize")]
pub(super) struct Page<'a> {
    title: &'a str,
    from: String,
    to: String,
    duration: String,
    orgs: BTreeSet<&'a str>,
    /// Most severe first.
    severities: Vec<(&'static str, usize)>,
    incidents: usize,
    groups: Vec<Group<'a>>,
    leaders: Vec<Leader<'a>>,
    leaders_left_out: usize,
    heat_maps: [HeatMap; 2],
    reading: Vec<(&'a str, String)>,
    unscoreable: Vec<(&'a str, &'a str, String)>,
    skipped: &'a [(String, String)],
    rejects: Vec<(&'a str, &'a str, String)>,
    unread: Vec<(&'a str, String)>,
    not_watched: Vec<(&'a str, String)>,
    remarks: &'a [String],
}

/// Cards that are shown or folded away together.
struct Group<'a> {
    /// `None` for the cards that are not folded away.
    title: Option<String>,
    is_open: bool,
    cards: Vec<Card<'a>>,
}

struct Card<'a> {
    id: String,
    is_open: bool,
    user: &'a str,
    user_id: &'a str,
    org_id: &'a str,
    class: &'static str,
    severity: &'static str,
    risk: String,
    from: String,
    to: String,
    duration: String,
    findings: Vec<FindingView<'a>>,
    bar: Vec<Segment<'a>>,
    receipt: ReceiptView<'a>,
}

struct FindingView<'a> {
    id: String,
    detector: &'a str,
    severity: &'static str,
    score: String,
    anomaly_score: String,
    confidence: String,
    p_value: String,
    observed_at: String,
    /// If later than `observed_at`.
    revised_at: Option<String>,
    summary: &'a str,
    features: Vec<FeatureView<'a>>,
    measures: Vec<(&'a str, String)>,
    objects: &'a [Text],
    surface: Option<&'static str>,
    withdrawn: bool,
    events: Vec<String>,
    events_left_out: usize,
}

struct FeatureView<'a> {
    name: &'a str,
    value: &'a str,
    percent: String,
    /// Length of the bar in percent.
    width: f64,
}

/// A term's part of the bar. The bar is 100 points long, or longer where modifiers subtract points.
struct Segment<'a> {
    name: &'a str,
    points: String,
    width: f64,
    color: usize,
    /// Whether it is laid back over the end of the bar.
    is_negative: bool,
}

struct ReceiptView<'a> {
    is_noisy_or: bool,
    config_hash: &'a str,
    terms: Vec<TermView<'a>>,
    sum: String,
    adds_up: bool,
}

struct TermView<'a> {
    kind: &'static str,
    name: &'a str,
    finding: Option<String>,
    reason: &'a str,
    /// Factors of a finding's term by name; `None` for other kinds of terms.
    factors: Option<[(&'static str, String); 4]>,
    /// A modifier's factor on the odds.
    multiplier: Option<String>,
    points: String,
}

struct Leader<'a> {
    user: &'a str,
    class: &'static str,
    severity: &'static str,
    risk: String,
    incidents: usize,
    findings: usize,
    last: String,
    /// Id of the card with the highest risk.
    card: String,
}

impl<'a> Page<'a> {
    pub(super) fn of(report: &'a Report<'a>) -> Self {
        let (from, to) = (report.from, report.to);
        let of_severity = |severity| report.incidents.iter().filter(|incident| incident.severity == severity).count();
        let (leaders, leaders_left_out) = leaders(report.incidents);
        Self {
            title: report.title,
            from: format::moment(from),
            to: format::moment(to),
            duration: format::duration(to.since(from)),
            orgs: report.incidents.iter().map(|incident| incident.org_id.as_str()).collect(),
            severities: Severity::ALL.iter().rev().map(|s| (s.as_str(), of_severity(*s))).collect(),
            incidents: report.incidents.len(),
            groups: groups(report.incidents),
            leaders,
            leaders_left_out,
            heat_maps: [
                HeatMap::of(report.first_exports, from, to, "First-time report exports", "reports"),
                HeatMap::of(report.first_objects, from, to, "First-time object access", "objects"),
            ],
            reading: counted(&report.reading),
            unscoreable: report
                .unscoreable
                .iter()
                .map(|(detector, reason, n)| (detector.as_str(), reason.as_str(), format::count(*n)))
                .collect(),
            skipped: &report.skipped,
            rejects: report
                .rejects
                .iter()
                .map(|(fault, first, n)| (fault.as_str(), first.as_str(), format::count(*n)))
                .collect(),
            unread: counted(&report.unread),
            not_watched: counted(&report.not_watched),
            remarks: &report.remarks,
        }
    }
}

fn counted(counts: &[(String, u64)]) -> Vec<(&str, String)> {
    counts.iter().map(|(what, n)| (what.as_str(), format::count(*n))).collect()
}

/// Groups the cards: the first ones open, the others folded, those of low severity apart.
fn groups(incidents: &[Incident]) -> Vec<Group<'_>> {
    let (low, loud): (Vec<_>, Vec<_>) = incidents.iter().partition(|incident| incident.severity == Severity::Low);
    let (shown, more) = loud.split_at(loud.len().min(CARDS));
    let folded = |what: &str, incidents: &[_]| format!("{} {what}", format::count(incidents.len() as u64));
    let groups = [
        Group::of(None, true, shown, UNFOLDED),
        Group::of(Some(folded("more of medium severity or above", more)), false, more, 0),
        Group::of(Some(folded("of low severity", &low)), loud.is_empty(), &low, 0),
    ];
    groups.into_iter().filter(|group| !group.cards.is_empty()).collect()
}

impl<'a> Group<'a> {
    fn of(title: Option<String>, is_open: bool, incidents: &[&'a Incident], unfolded: usize) -> Self {
        let cards = incidents.iter().enumerate().map(|(rank, incident)| Card::of(incident, rank < unfolded));
        Self { title, is_open, cards: cards.collect() }
    }
}

impl<'a> Card<'a> {
    fn of(incident: &'a Incident, is_open: bool) -> Self {
        Self {
            id: incident.incident_id.to_string(),
            is_open,
            user: name_of(incident),
            user_id: incident.user_id.as_str(),
            org_id: incident.org_id.as_str(),
            class: incident.user_class.as_str(),
            severity: incident.severity.as_str(),
            risk: incident.risk_score.to_string(),
            from: format::moment(incident.first_event_at),
            to: format::moment(incident.last_event_at),
            duration: format::duration(incident.last_event_at.since(incident.first_event_at)),
            findings: incident.findings.iter().map(FindingView::of).collect(),
            bar: bar(&incident.receipt.terms),
            receipt: ReceiptView::of(incident),
        }
    }
}

impl<'a> FindingView<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            id: finding.finding_id.to_string(),
            detector: &finding.detector,
            severity: finding.severity.as_str(),
            score: format!("{:.1}", finding.score),
            anomaly_score: format!("{:.3}", finding.anomaly_score),
            confidence: format!("{:.0} %", finding.confidence * 100.0),
            p_value: format::p_value(finding.surprise),
            observed_at: format::moment(finding.observed_at),
            revised_at: (finding.revised_at > finding.observed_at).then(|| format::moment(finding.revised_at)),
            summary: &finding.summary,
            features: finding.features.iter().map(FeatureView::of).collect(),
            measures: finding
                .measures
                .iter()
                .map(|Measure { name, value }| (&**name, format::number(*value)))
                .collect(),
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

fn bar(terms: &[Term]) -> Vec<Segment<'_>> {
    let gained: i64 = terms.iter().map(|term| i64::from(term.points.0.max(0))).sum();
    let whole = gained.max(Points::MAX.0.into()) as f64;
    let segment = |(index, term)| segment(term, index % COLORS, whole);
    terms.iter().enumerate().filter(|(_, term)| term.points.0 != 0).map(segment).collect()
}

fn segment(term: &Term, color: usize, whole: f64) -> Segment<'_> {
    // Hundredths of a percent are finer than a pixel.
    let width = (f64::from(term.points.0).abs() / whole * 1e4).round() / 1e2;
    Segment { name: &term.name, points: signed(term.points), width, color, is_negative: term.points.0 < 0 }
}

impl<'a> ReceiptView<'a> {
    fn of(incident: &'a Incident) -> Self {
        let receipt = &incident.receipt;
        let sum = receipt.terms.iter().map(|term| term.points.0).fold(0, i32::saturating_add);
        Self {
            is_noisy_or: receipt.model == RiskModel::NoisyOr,
            config_hash: &receipt.config_hash,
            terms: receipt.terms.iter().map(TermView::of).collect(),
            sum: Points(sum).to_string(),
            adds_up: Points(sum) == incident.risk_score,
        }
    }
}

impl<'a> TermView<'a> {
    fn of(term: &'a Term) -> Self {
        let factors = || {
            [
                ("score", format!("{:.1}", term.score)),
                ("weight", factor(term.weight)),
                ("decay", factor(term.decay)),
                ("damping", factor(term.damping)),
            ]
        };
        Self {
            kind: term.kind.as_str(),
            name: &term.name,
            finding: term.finding_id.map(|id| id.to_string()),
            reason: &term.reason,
            factors: (term.kind == TermKind::Finding).then(factors),
            multiplier: (term.kind == TermKind::Modifier).then(|| factor(term.multiplier)),
            points: signed(term.points),
        }
    }
}

fn factor(value: f64) -> String {
    format!("{value:.2}")
}

/// Writes points with their sign; the minus is the true one, as wide as the plus.
fn signed(points: Points) -> String {
    match points.0 {
        0 => points.to_string(),
        n if n > 0 => format!("+{points}"),
        _ => points.to_string().replacen('-', "−", 1),
    }
}

/// Returns the users by their highest risk, and how many are left out.
fn leaders(incidents: &[Incident]) -> (Vec<Leader<'_>>, usize) {
    let mut users: BTreeMap<_, Vec<&Incident>> = BTreeMap::new();
    for incident in incidents {
        users.entry((&incident.org_id, &incident.user_id)).or_default().push(incident);
    }
    let mut users: Vec<(&Incident, Vec<&Incident>)> = users
        .into_values()
        .filter_map(|own| own.iter().copied().min_by_key(|i| Reverse(i.risk_score)).map(|worst| (worst, own)))
        .collect();
    users.sort_by_key(|(worst, own)| Reverse((worst.risk_score, own.len())));
    let left_out = users.len().saturating_sub(LEADERS);
    (users.iter().take(LEADERS).map(|(worst, own)| Leader::of(worst, own)).collect(), left_out)
}

impl<'a> Leader<'a> {
    fn of(worst: &'a Incident, own: &[&Incident]) -> Self {
        let last = own.iter().map(|incident| incident.last_event_at).max().unwrap_or(worst.last_event_at);
        Self {
            user: name_of(worst),
            class: worst.user_class.as_str(),
            severity: worst.severity.as_str(),
            risk: worst.risk_score.to_string(),
            incidents: own.len(),
            findings: own.iter().flat_map(|i| &i.findings).filter(|finding| !finding.withdrawn).count(),
            last: format::moment(last),
            card: worst.incident_id.to_string(),
        }
    }
}

fn name_of(incident: &Incident) -> &str {
    incident.username.as_deref().unwrap_or(incident.user_id.as_str())
}

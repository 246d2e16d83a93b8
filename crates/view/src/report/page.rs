//! The content of the page, ready to lay out.

use super::Report;
use super::first_times::heat_map;
use crate::chart::HeatMap;
use crate::format::{self, Count, Moment};
use crate::incident::{Bar, Findings, Receipt};
use askama::Template;
use model::{Incident, Severity};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Cards of medium severity or above that are not folded away as a group. This and the next two are choices for a page
/// that loads at once and can be scrolled.
const CARDS: usize = 30;
/// Cards that are unfolded.
const UNFOLDED: usize = 5;
/// Users on the leader board.
const LEADERS: usize = 20;

#[derive(Template)]
#[template(path = "page.html", whitespace = "minimize")]
pub(super) struct Page<'a> {
    style: &'static str,
    title: &'a str,
    from: Moment,
    to: Moment,
    duration: String,
    orgs: BTreeSet<&'a str>,
    /// Most severe first.
    severities: Vec<(&'static str, usize)>,
    incidents: usize,
    groups: Vec<Group<'a>>,
    leaders: Vec<Leader<'a>>,
    leaders_left_out: usize,
    heat_maps: [HeatMap; 2],
    reading: Vec<(&'a str, Count)>,
    unscoreable: Vec<(&'a str, &'a str, Count)>,
    skipped: &'a [(String, String)],
    rejects: Vec<(&'a str, &'a str, Count)>,
    unread: Vec<(&'a str, Count)>,
    not_watched: Vec<(&'a str, Count)>,
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
    from: Moment,
    to: Moment,
    duration: String,
    bar: Bar<'a>,
    findings: Findings<'a>,
    receipt: Receipt<'a>,
}

struct Leader<'a> {
    user: &'a str,
    class: &'static str,
    severity: &'static str,
    risk: String,
    incidents: usize,
    findings: usize,
    last: Moment,
    /// Id of the card with the highest risk.
    card: String,
}

impl<'a> Page<'a> {
    pub(super) fn of(report: &'a Report<'a>) -> Self {
        let (from, to) = (report.from, report.to);
        let of_severity = |severity| report.incidents.iter().filter(|incident| incident.severity == severity).count();
        let (leaders, leaders_left_out) = leaders(report.incidents);
        Self {
            style: crate::style(),
            title: report.title,
            from: Moment(from),
            to: Moment(to),
            duration: format::duration(to.since(from)),
            orgs: report.incidents.iter().map(|incident| incident.org_id.as_str()).collect(),
            severities: Severity::ALL.iter().rev().map(|s| (s.as_str(), of_severity(*s))).collect(),
            incidents: report.incidents.len(),
            groups: groups(report.incidents),
            leaders,
            leaders_left_out,
            heat_maps: [
                heat_map(report.first_exports, (from, to), ("First-time report exports", "reports")),
                heat_map(report.first_objects, (from, to), ("First-time object access", "objects")),
            ],
            reading: counted(&report.reading),
            unscoreable: report
                .unscoreable
                .iter()
                .map(|(detector, reason, n)| (detector.as_str(), reason.as_str(), Count(*n)))
                .collect(),
            skipped: &report.skipped,
            rejects: report
                .rejects
                .iter()
                .map(|(fault, first, n)| (fault.as_str(), first.as_str(), Count(*n)))
                .collect(),
            unread: counted(&report.unread),
            not_watched: counted(&report.not_watched),
            remarks: &report.remarks,
        }
    }
}

fn counted(counts: &[(String, u64)]) -> Vec<(&str, Count)> {
    counts.iter().map(|(what, n)| (what.as_str(), Count(*n))).collect()
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
            from: Moment(incident.first_event_at),
            to: Moment(incident.last_event_at),
            duration: format::duration(incident.last_event_at.since(incident.first_event_at)),
            bar: Bar::of(incident),
            findings: Findings::of(&incident.findings),
            receipt: Receipt::of(incident).without_bar(),
        }
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
            last: Moment(last),
            card: worst.incident_id.to_string(),
        }
    }
}

fn name_of(incident: &Incident) -> &str {
    incident.username.as_deref().unwrap_or(incident.user_id.as_str())
}

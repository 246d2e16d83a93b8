//! The page of an incident: what happened, how the score came about, and what to decide.

mod context;
mod copied;
mod touched;
mod unjudged;

pub(super) use copied::{csv, markdown};

use super::shell::{Section, Shell};
use super::usual::{self, Charts, charts};
use super::{Asker, Dates, Failed, Page, exposure, filters, links, render};
use crate::body::{self, Change, Day, DecisionBody, IncidentItem, PeerBody, Source};
use crate::routes::accounts::OfAccount;
use crate::routes::{days, decisions, incidents, operations, settings};
use askama::Template;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use context::Context;
use model::time::DAY;
use model::{Incident, Uuid};
use std::collections::BTreeMap;
use store::{FindingFilter, Role, StoredFinding};
use touched::Touched;
use unjudged::Unjudged;
use view::incident::{Findings, Receipt};

/// Days before and after an incident that its charts show.
const BEFORE: i64 = 45;
const AFTER: i64 = 3;

#[derive(Template)]
#[template(path = "incident.html", whitespace = "minimize")]
struct IncidentPage<'a> {
    shell: Shell,
    item: IncidentItem,
    incident: &'a Incident,
    body: &'a body::Incident,
    /// Rows that were read, as far as is known.
    rows: Option<u64>,
    receipt: Receipt<'a>,
    findings: Findings<'a>,
    touched: Touched,
    charts: Charts,
    calendar: Dates,
    /// The days of the incident.
    days: Vec<&'a Day>,
    /// What its class and its org did on the last of them.
    peers: Vec<PeerBody>,
    steps: Vec<Step>,
    similar: Vec<IncidentItem>,
    history: Vec<Change>,
    decided: Vec<DecisionBody>,
    unjudged: Unjudged,
    /// Sources of the org that see nothing of a kind of events.
    blind: Vec<Source>,
    context: Context,
    /// The least confidence of its findings, in percent.
    confidence: Option<f64>,
    trace: Option<String>,
    may_decide: bool,
}

/// What to do first about findings of a detector.
struct Step {
    detector: String,
    path: String,
    text: &'static str,
}

/// An incident as the session may see it.
pub(super) struct Known {
    pub(super) item: IncidentItem,
    pub(super) incident: Incident,
    body: body::Incident,
}

impl IncidentPage<'_> {
    fn name(&self) -> &str {
        self.item.username.as_deref().unwrap_or(&self.item.user_id)
    }

    fn is_open(&self) -> bool {
        ["open", "acknowledged"].contains(&self.item.status.as_str())
    }

    /// Returns the path of a decision on the incident.
    fn decide(&self, key: &str, value: &str) -> String {
        let back = super::Fields::default().with("return_to", &self.shell.back());
        format!("/decide?incident={}&{key}={value}&{back}", self.item.incident_id)
    }

    /// Returns the rows that the account itself read through a surface on the last of its days.
    fn own_rows(&self, surface: &str) -> u64 {
        let volumes = self.days.last().map_or(&[][..], |day| &day.volumes);
        volumes.iter().find(|volume| volume.surface == surface).map_or(0, |volume| volume.rows)
    }

    fn account(&self) -> String {
        links::account(&self.item.org_id, &self.item.user_id)
    }
}

/// Serves the page, and notes the look.
pub(super) async fn page(asker: Asker, id: Result<Path<Uuid>, PathRejection>) -> Page {
    let Path(id) = id?;
    let Known { item, incident, body } = read(&asker, id).await?;
    let mut visitor = asker.visitor().await?;
    visitor.visit.look(id, item.revision).await?;
    let sensitivity = settings::followed(&asker.app, &mut visitor, &incident.org_id).await?.settings;
    visitor.visit.commit().await?;
    let calendar = Dates::by(&sensitivity, &incident.org_id)?;
    let days = recent_days(&asker, &incident).await?;
    let of_incident = |day: &&Day| {
        let begins = model::Timestamp::parse(&day.day);
        begins.is_some_and(|begins| begins <= incident.last_event_at && begins.plus(DAY) > incident.first_event_at)
    };
    let peers = match days.iter().rfind(of_incident) {
        Some(day) => {
            let (org, asked) = (Path(item.org_id.clone()), super::Fields::default().with("day", &day.day));
            days::peers(asker.visitor().await?, Ok(org), Ok(asked.query()?)).await?.0
        }
        None => Vec::new(),
    };
    let similar = incidents::similar(asker.state(), asker.visitor().await?, Ok(Path(id))).await?.0;
    let history = incidents::history(asker.visitor().await?, Ok(Path(id))).await?.0;
    let about = super::Fields::default().with("org", &item.org_id).with("incident", &item.incident_id);
    let decided = decisions::list(asker.state(), asker.visitor().await?, Ok(about.query()?)).await?.0.items;
    let sources = operations::sources(asker.visitor().await?).await?.0;
    let blind = sources.into_iter().filter(|source| source.state == "blind" && source.org_id == item.org_id);
    let role = asker.session.role_in(&incident.org_id);
    let confidence = incident.findings.iter().map(|finding| finding.confidence).min_by(f64::total_cmp);
    render(&IncidentPage {
        rows: exposure::rows(incident.findings.iter()),
        receipt: Receipt::of(&incident),
        findings: Findings::of(&incident.findings),
        touched: Touched::of(&incident.findings, &sensitivity.risk_of(&incident.org_id).sensitivity, asker.eyes()),
        charts: charts(&days, calendar, &links::account(&item.org_id, &item.user_id)),
        calendar,
        unjudged: Unjudged::of(days.iter().filter(of_incident), &incident.findings, calendar),
        days: days.iter().filter(of_incident).collect(),
        peers: peers
            .into_iter()
            .filter(|peer| peer.user_class.as_ref().is_none_or(|of| *of == item.user_class))
            .collect(),
        steps: steps(&incident),
        similar,
        history,
        decided,
        blind: blind.collect(),
        context: Context::of(&asker, &item).await?,
        confidence: confidence.map(|confidence| confidence * 100.0),
        trace: body.trace_id.as_deref().and_then(|trace| asker.app.settings.links.of_trace(trace)),
        may_decide: role.is_some_and(|role| role >= Role::Analyst),
        shell: Shell::of(&asker, Section::Queue),
        item,
        incident: &incident,
        body: &body,
    })
}

/// Reads an incident with its findings, as the session may see it.
pub(super) async fn read(asker: &Asker, id: Uuid) -> Result<Known, Failed> {
    let mut visitor = asker.visitor().await?;
    let (stored, row) = incidents::read(&mut visitor, id).await?;
    let filter = FindingFilter { incident_ids: Some(vec![id]), ..FindingFilter::default() };
    let mut findings: Vec<StoredFinding> = visitor.visit.findings(&filter).await?;
    findings.sort_by_key(|stored| (stored.finding.observed_at, stored.finding.finding_id));
    let stages = body::Stage::all(&stored, visitor.visit.first_delivered_at(id).await?);
    let eyes = asker.eyes();
    let whole = findings.iter().map(|stored| stored.finding.clone()).collect();
    let incident = eyes.incident(Incident { findings: whole, ..stored.incident.clone() });
    Ok(Known {
        item: IncidentItem::of(&row, eyes),
        incident,
        body: body::Incident::of(&stored, &row, findings, stages, eyes),
    })
}

async fn recent_days(asker: &Asker, incident: &Incident) -> Result<Vec<Day>, Failed> {
    let span = super::Fields::default()
        .with("from", &incident.first_event_at.plus(-BEFORE * DAY).to_string())
        .with("to", &incident.last_event_at.plus(AFTER * DAY).to_string());
    let account = OfAccount::new(&incident.org_id, &incident.user_id);
    Ok(days::list(asker.visitor().await?, Ok(Path(account)), Ok(span.query()?)).await?.0)
}

/// Returns what to do first, by detector: that of the findings with the most points first.
fn steps(incident: &Incident) -> Vec<Step> {
    let mut points: BTreeMap<&str, i32> = BTreeMap::new();
    for term in incident.receipt.terms.iter().filter(|term| term.finding_id.is_some()) {
        *points.entry(&term.name).or_default() += term.points.0;
    }
    let mut points: Vec<(&str, i32)> = points.into_iter().collect();
    points.sort_by_key(|(name, points)| (std::cmp::Reverse(*points), *name));
    let step = |(name, _): (&str, i32)| {
        let detector = detect::DETECTORS.iter().find(|detector| detector.name() == name)?;
        let path = links::detector(incident.org_id.as_str(), name);
        Some(Step { detector: name.to_owned(), path, text: detector.next_step() })
    };
    points.into_iter().filter_map(step).collect()
}

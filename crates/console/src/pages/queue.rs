//! The queue: incidents to decide on, the highest risk first.

mod chips;
mod kept;

pub(super) use kept::{forget, keep};

use super::shell::{Section, Shell};
use super::{Asker, Fields, Page, exposure, filters, links, render};
use crate::body::{Count, IncidentItem, Source};
use crate::routes::{incidents, operations};
use askama::Template;
use chips::{Chip, View, chips, views};
use kept::KeptView;
use model::{Finding, Uuid};
use std::collections::{BTreeMap, BTreeSet};
use store::{FindingFilter, Role};

/// What the list shows if nothing is asked for.
const TO_DO: &str = "open,acknowledged";
/// The keys of the API's list that the page takes.
pub(super) const KEYS: [&str; 18] = [
    "org",
    "user",
    "status",
    "severity",
    "disposition",
    "detector",
    "object",
    "resource",
    "address",
    "app",
    "client",
    "assignee",
    "q",
    "since",
    "until",
    "changed",
    "sort",
    "cursor",
];

#[derive(Template)]
#[template(path = "queue.html", whitespace = "minimize")]
struct Queue {
    shell: Shell,
    views: Vec<View>,
    kept: Vec<KeptView>,
    chips: Vec<Chip>,
    fields: Fields,
    severities: Vec<Count>,
    rows: Vec<Row>,
    next: Option<String>,
    /// Sources that see nothing of a kind of events.
    blind: Vec<Source>,
    detectors: Vec<&'static str>,
    has_several_orgs: bool,
    may_decide: bool,
}

/// An incident in the list.
struct Row {
    item: IncidentItem,
    path: String,
    /// Rows that were read, as far as is known.
    rows: Option<u64>,
    /// Whether a source of its org is blind.
    is_blind: bool,
}

impl Queue {
    fn is(&self, key: &str, value: &str) -> bool {
        self.fields.get(key).is_some_and(|own| own.split(',').any(|part| part == value))
    }

    /// Whether the list is one of the views.
    fn is_kept(&self) -> bool {
        self.views.iter().any(|view| view.is_current) || self.kept.iter().any(|view| view.is_current)
    }

    fn value(&self, key: &str) -> &str {
        self.fields.get(key).unwrap_or_default()
    }

    /// Returns what a search keeps.
    fn kept(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.pairs().filter(|(key, _)| !["q", "cursor"].contains(key))
    }

    /// Returns what the form of filters has no field for.
    fn unnamed(&self) -> impl Iterator<Item = (&str, &str)> {
        let keys = ["user", "app", "client", "since", "until", "changed", "q"];
        self.fields.pairs().filter(move |(key, _)| keys.contains(key))
    }

    fn of_severity(&self, severity: &str) -> u64 {
        self.severities.iter().find(|count| count.value == severity).map_or(0, |count| count.incidents)
    }
}

/// Returns the fields of a list: those that were asked for, or what there is to do.
pub(super) fn list_fields(query: &Fields) -> Fields {
    let fields = query.only(&KEYS);
    let is_filtered = fields.pairs().any(|(key, _)| !["sort", "cursor"].contains(&key));
    if is_filtered { fields } else { fields.with("status", TO_DO) }
}

/// Serves the page.
pub(super) async fn page(asker: Asker) -> Page {
    let fields = list_fields(&asker.query);
    let asked = fields.query::<incidents::Asked>()?;
    let list = incidents::list(asker.state(), asker.visitor().await?, Ok(asked)).await?.0;
    let severities = {
        let counted = fields.without("cursor").without("sort").with("by", "severity");
        let uri = format!("/?{counted}").parse().unwrap_or_default();
        incidents::count(asker.state(), asker.visitor().await?, counted.query(), uri).await?.0
    };
    let sources = operations::sources(asker.visitor().await?).await?.0;
    let blind: Vec<Source> = sources.into_iter().filter(|source| source.state == "blind").collect();
    let blind_orgs: BTreeSet<&str> = blind.iter().map(|source| source.org_id.as_str()).collect();
    let exposed = exposed(&asker, &list.items).await?;
    let row = |item: IncidentItem| Row {
        path: format!("{}?{}", links::incident(&item.incident_id), Fields::default().with("list", &fields.to_string())),
        rows: exposed.get(&item.incident_id).copied().flatten(),
        is_blind: blind_orgs.contains(item.org_id.as_str()),
        item,
    };
    let rows = list.items.into_iter().map(row).collect();
    render(&Queue {
        kept: kept::kept(&asker, &fields).await?,
        views: views(&fields, &asker.session.name),
        chips: chips(&asker.query.only(&KEYS)),
        severities,
        rows,
        next: list.next_cursor.map(|cursor| format!("/?{}", fields.with("cursor", &cursor))),
        blind,
        detectors: detect::DETECTORS.iter().map(|detector| detector.name()).collect(),
        has_several_orgs: asker.session.roles.len() > 1 || asker.session.roles.contains_key("*"),
        may_decide: asker.session.highest_role().is_some_and(|role| role >= Role::Analyst),
        shell: Shell::of(&asker, Section::Queue),
        fields,
    })
}

/// Returns the rows that each incident's findings say were read.
async fn exposed(asker: &Asker, items: &[IncidentItem]) -> Result<BTreeMap<String, Option<u64>>, super::Failed> {
    let ids: Vec<Uuid> = items.iter().filter_map(|item| item.incident_id.parse().ok()).collect();
    let filter = FindingFilter { incident_ids: Some(ids), ..FindingFilter::default() };
    let stored = asker.visitor().await?.visit.findings(&filter).await?;
    let mut by_incident: BTreeMap<Uuid, Vec<&Finding>> = BTreeMap::new();
    for stored in &stored {
        if let Some(id) = stored.incident_id {
            by_incident.entry(id).or_default().push(&stored.finding);
        }
    }
    Ok(by_incident.into_iter().map(|(id, own)| (id.to_string(), exposure::rows(own.into_iter()))).collect())
}

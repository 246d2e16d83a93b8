//! What the sources of an org see: coverage by kind and source, gaps, how far the org is read, and how the system stands.

mod attention;
mod system;

use super::shell::{Section, Shell};
use super::{Asker, Orgs, Page, filters, links, render};
use crate::body::{Org, Source, SourceGap};
use crate::routes::operations;
use askama::Template;
use attention::Note;
use runtime::clock::now;
use std::collections::{BTreeMap, BTreeSet};
use system::{Consumers, System, spreads, took};

/// The states of sources, the one that asks for something first.
const STATES: [&str; 5] = ["blind", "missing", "leading", "following", "off"];
/// Orgs of a partition that are named. A choice: with more, the API has all.
const MOST_ORGS: usize = 8;

#[derive(Template)]
#[template(path = "sources.html", whitespace = "minimize")]
struct Sources {
    shell: Shell,
    org: String,
    orgs: Vec<Row>,
    /// The sources of the org: the columns of the grid.
    columns: Vec<String>,
    kinds: Vec<Kind>,
    /// What is wrong, or to be done.
    notes: Vec<Source>,
    gaps: Vec<SourceGap>,
    system: System,
    /// What asks for somebody.
    asks: Vec<Note>,
    dashboard: Option<String>,
    alerts: Option<String>,
    version: &'static str,
}

/// An org, and how many of its kinds of events each state has.
struct Row {
    org: Org,
    states: Vec<(&'static str, usize)>,
}

/// A kind of events, with what each source sees of it.
struct Kind {
    name: String,
    cells: Vec<Option<Source>>,
}

/// Serves the page.
pub(super) async fn page(asker: Asker) -> Page {
    let orgs = Orgs::of(&asker).await?;
    let org = orgs.current().to_owned();
    let all = operations::sources(asker.visitor().await?).await?.0;
    let gaps = operations::all_gaps(asker.visitor().await?).await?.0;
    let system = System::read(&asker, &org).await?;
    let asks = attention::list(&all, &gaps, &system, now());
    let rows = orgs.into_list().into_iter().map(|org| Row { states: states(&all, &org.org_id), org }).collect();
    let own: Vec<Source> = all.into_iter().filter(|source| source.org_id == org).collect();
    let columns: BTreeSet<String> = own.iter().map(|source| source.source.clone()).collect();
    let columns: Vec<String> = columns.into_iter().collect();
    let needs_somebody = |source: &&Source| source.detail.is_some() && source.state != "off";
    render(&Sources {
        shell: Shell::of(&asker, Section::Sources),
        notes: own.iter().filter(needs_somebody).cloned().collect(),
        kinds: kinds(own, &columns),
        columns,
        orgs: rows,
        gaps: gaps.into_iter().filter(|gap| gap.org_id == org).collect(),
        org,
        system,
        asks,
        dashboard: asker.app.settings.links.dashboard.clone(),
        alerts: asker.app.settings.links.alerts.clone(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Counts the kinds of events of an org by their state, without states that none has.
fn states(sources: &[Source], org: &str) -> Vec<(&'static str, usize)> {
    let of = |state: &&str| sources.iter().filter(|source| source.org_id == org && source.state == **state).count();
    STATES.iter().map(|state| (*state, of(state))).filter(|(_, count)| *count > 0).collect()
}

fn kinds(sources: Vec<Source>, columns: &[String]) -> Vec<Kind> {
    let mut by_kind: BTreeMap<String, BTreeMap<String, Source>> = BTreeMap::new();
    for source in sources {
        by_kind.entry(source.kind.clone()).or_default().insert(source.source.clone(), source);
    }
    let cells = |mut of: BTreeMap<String, Source>| columns.iter().map(|column| of.remove(column)).collect();
    by_kind.into_iter().map(|(name, of)| Kind { name, cells: cells(of) }).collect()
}

/// Returns the class of a state's color; the word is always there, too.
fn color(state: &str) -> &'static str {
    match state {
        "blind" => "critical",
        "missing" => "medium",
        "leading" => "holds",
        _ => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(source: &str, kind: &str, state: &str) -> Source {
        Source {
            org_id: "00D1".to_owned(),
            source: source.to_owned(),
            kind: kind.to_owned(),
            state: state.to_owned(),
            last_event_at: None,
            last_heard_at: None,
            detail: None,
            updated_at: "1970-01-01T00:00:00.000Z".to_owned(),
        }
    }

    #[test]
    fn each_kind_has_a_cell_for_each_source() {
        let all = vec![
            source("stream", "login", "leading"),
            source("stored", "login", "following"),
            source("stream", "api", "blind"),
        ];
        assert_eq!(states(&all, "00D1"), [("blind", 1), ("leading", 1), ("following", 1)]);
        assert_eq!(states(&all, "00D2"), []);
        let kinds = kinds(all, &["stored".to_owned(), "stream".to_owned()]);
        let found: Vec<(&str, Vec<Option<&str>>)> = kinds
            .iter()
            .map(|kind| {
                let state =
                    |cell: &Option<Source>| -> Option<String> { cell.as_ref().map(|source| source.state.clone()) };
                let cells: Vec<Option<String>> = kind.cells.iter().map(state).collect();
                (kind.name.as_str(), cells.into_iter().map(|state| state.map(|state| color(&state))).collect())
            })
            .collect();
        assert_eq!(found, [("api", vec![None, Some("critical")]), ("login", vec![Some("none"), Some("holds")])]);
    }
}

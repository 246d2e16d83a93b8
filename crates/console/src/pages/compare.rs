//! Two incidents side by side.

use super::incident::{Known, read};
use super::shell::{Section, Shell};
use super::{Asker, Page, exposure, filters, links, render};
use crate::problem::Problem;
use askama::Template;
use model::Uuid;
use view::incident::{Findings, Receipt};

#[derive(Template)]
#[template(path = "compare.html", whitespace = "minimize")]
struct Compare<'a> {
    shell: Shell,
    sides: Vec<Side<'a>>,
}

struct Side<'a> {
    known: &'a Known,
    rows: Option<u64>,
    receipt: Receipt<'a>,
    findings: Findings<'a>,
}

impl<'a> Side<'a> {
    fn of(known: &'a Known) -> Self {
        Self {
            known,
            rows: exposure::rows(known.incident.findings.iter()),
            receipt: Receipt::of(&known.incident),
            findings: Findings::of(&known.incident.findings),
        }
    }
}

/// Serves the page.
pub(super) async fn page(asker: Asker) -> Page {
    let mut known = Vec::new();
    for key in ["a", "b"] {
        let id: Option<Uuid> = asker.query.get(key).and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| Problem::Malformed("a, b: give the ids of two incidents".to_owned()))?;
        known.push(read(&asker, id).await?);
    }
    let sides = known.iter().map(Side::of).collect();
    render(&Compare { shell: Shell::of(&asker, Section::Queue), sides })
}

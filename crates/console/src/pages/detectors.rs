//! Detectors: what each means, and what it raised in an org.

mod one;
mod text;

pub(super) use one::page as one;

use super::shell::{Section, Shell};
use super::{Asker, Fields, Orgs, Page, filters, links, render};
use crate::body::{Count, DetectorBody};
use crate::routes::{incidents, settings};
use ::settings::Hashed;
use askama::Template;
use model::OrgId;

#[derive(Template)]
#[template(path = "detectors.html", whitespace = "minimize")]
struct Detectors {
    shell: Shell,
    orgs: Orgs,
    rows: Vec<Row>,
}

/// A detector in the list.
struct Row {
    detector: DetectorBody,
    /// What it looks for, in a sentence.
    means: &'static str,
    tuned: Tuned,
    path: String,
    /// Its incidents in the org, as a list.
    incidents: String,
}

/// What the settings of an org say of a detector.
struct Tuned {
    is_enabled: bool,
    raise_at: f64,
    weight: f64,
}

/// Serves the list.
pub(super) async fn page(asker: Asker) -> Page {
    let orgs = Orgs::of(&asker).await?;
    let org = OrgId::new(orgs.current());
    let counted = counts(&asker, orgs.current()).await?;
    let followed = settings::followed(&asker.app, &mut asker.visitor().await?, &org).await?;
    let row = |detector: DetectorBody| {
        let own = counted.iter().find(|count| count.value == detector.name);
        let query = Fields::default().with("org", orgs.current()).with("detector", &detector.name);
        Row {
            means: text::lead(&detector.name),
            tuned: tuned(&followed, &org, &detector.name),
            path: links::detector(orgs.current(), &detector.name),
            incidents: format!("/?{query}"),
            detector: DetectorBody {
                incidents: own.map_or(0, |count| count.incidents),
                highest_risk: own.map_or(0.0, |count| count.highest_risk),
                ..detector
            },
        }
    };
    let rows = all().map(row).collect();
    render(&Detectors { shell: Shell::of(&asker, Section::Detectors), rows, orgs })
}

/// Returns the detectors, without the counts that the API has of all orgs.
fn all() -> impl Iterator<Item = DetectorBody> {
    detect::DETECTORS.iter().map(|detector| DetectorBody::of(*detector, None))
}

/// Counts the incidents of an org by detector.
async fn counts(asker: &Asker, org: &str) -> Result<Vec<Count>, super::Failed> {
    let counted = Fields::default().with("by", "detector").with("org", org);
    let uri = format!("/?{counted}").parse().unwrap_or_default();
    Ok(incidents::count(asker.state(), asker.visitor().await?, counted.query(), uri).await?.0)
}

fn tuned(followed: &Hashed, org: &OrgId, detector: &str) -> Tuned {
    let detect = &followed.settings.detect;
    Tuned {
        is_enabled: detect.is_enabled(detector),
        raise_at: detect.raise_at(detector),
        weight: followed.settings.risk_of(org).weight(detector).weight,
    }
}

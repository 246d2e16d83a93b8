//! A detector in an org: what it means, how well it does, and what another threshold would raise.

use super::text::{self, Text};
use super::{Tuned, tuned};
use crate::body::{DetectorBody, ScoreCard, Surprised};
use crate::page::Page as ListPage;
use crate::pages::shell::{Section, Shell};
use crate::pages::{Asker, Failed, Fields, Page, filters, links, render};
use crate::problem::Problem;
use crate::routes::{detectors, settings};
use askama::Template;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use model::OrgId;
use store::Role;
use view::chart::{Curve, CurvePoint};

/// Sections of the documentation that the page shows open, in this order.
const SHOWN: [&str; 1] = ["What to check and do"];
/// Those that it shows on demand.
const MORE: [&str; 5] = ["How it decides", "What it needs", "Innocent look-alikes", "What it cannot see", "In its findings"];

#[derive(Template)]
#[template(path = "detector.html", whitespace = "minimize")]
struct One {
    shell: Shell,
    org: String,
    detector: DetectorBody,
    text: &'static Text,
    tuned: Tuned,
    card: ScoreCard,
    curve: Curve,
    least: String,
    tried: Option<Tried>,
    /// Whether the session may change the settings of the org.
    may_adopt: bool,
}

/// What another threshold would raise.
struct Tried {
    days: ListPage<Surprised>,
    next: Option<String>,
    /// The page that asks before it is adopted; `None` if it is the threshold in force.
    adopt: Option<String>,
}

impl One {
    /// Returns the incidents of the detector that people called so, as a list; all without a disposition.
    fn incidents(&self, disposition: &str) -> String {
        let fields = Fields::default().with("org", &self.org).with("detector", &self.detector.name);
        let fields = if disposition.is_empty() { fields } else { fields.with("disposition", disposition) };
        format!("/?{fields}")
    }

    /// Returns how many incidents there are of each disposition.
    fn judged(&self) -> [(&'static str, u64); 4] {
        let incidents = &self.card.incidents;
        [
            ("malicious", incidents.malicious),
            ("suspicious", incidents.suspicious),
            ("benign", incidents.benign),
            ("false_positive", incidents.false_positive),
        ]
    }

    /// Returns how often chance alone reaches the threshold.
    fn chance(&self) -> String {
        format!("{} of tests", view::format::p_value(self.tuned.raise_at))
    }

    fn shown(&self) -> impl Iterator<Item = (&'static str, &str)> {
        SHOWN.into_iter().filter_map(|title| Some((title, self.text.section(title)?)))
    }

    fn more(&self) -> impl Iterator<Item = (&'static str, &str)> {
        MORE.into_iter().filter_map(|title| Some((title, self.text.section(title)?)))
    }
}

/// Serves the page.
pub(crate) async fn page(asker: Asker, path: Result<Path<(String, String)>, PathRejection>) -> Page {
    let Path((org, name)) = path?;
    let of = || Ok(Path((org.clone(), name.clone())));
    let span = Fields::default();
    let card = detectors::score_card(asker.state(), asker.visitor().await?, of(), Ok(span.query()?)).await?.0;
    let all = detectors::list(asker.visitor().await?).await?.0;
    let missing = || Problem::NotFound(format!("detector {name}: does not exist, see /detectors"));
    let detector = all.into_iter().find(|detector| detector.name == name).ok_or_else(missing)?;
    let org_id = OrgId::new(&org);
    let followed = settings::followed(&asker.app, &mut asker.visitor().await?, &org_id).await?;
    let tuned = tuned(&followed, &org_id, &name);
    let tried = match asker.query.has("least") {
        true => Some(tried(&asker, (&org, &name), tuned.raise_at).await?),
        false => None,
    };
    let point = |point: &crate::body::Calibrated| CurvePoint {
        surprise: f64::from(point.surprise),
        expected_days: point.expected_days,
        days: point.days,
    };
    let points: Vec<CurvePoint> = card.calibration.iter().map(point).collect();
    render(&One {
        shell: Shell::of(&asker, Section::Detectors),
        text: text::of(&name).ok_or_else(missing)?,
        curve: Curve::of("How often it was surprised", &points),
        least: asker.query.get("least").map_or_else(|| tuned.raise_at.to_string(), str::to_owned),
        may_adopt: asker.session.role_in(&org_id) >= Some(Role::Administrator),
        org,
        detector,
        tuned,
        card,
        tried,
    })
}

/// Asks what another threshold would raise.
async fn tried(asker: &Asker, (org, name): (&str, &str), raise_at: f64) -> Result<Tried, Failed> {
    let asked = asker.query.only(&["least", "cursor"]);
    let path = Ok(Path((org.to_owned(), name.to_owned())));
    let days = detectors::surprised(asker.visitor().await?, path, Ok(asked.query()?)).await?.0;
    let home = links::detector(org, name);
    let least: f64 = asked.get("least").and_then(|least| least.parse().ok()).unwrap_or(raise_at);
    let adopt = || {
        // With a decimal point, without which TOML has a whole number.
        let toml = format!("[detect.detectors.{name}]\nraise_at = {least:?}\n");
        let fields = Fields::default().with("kind", "settings").with("org", org).with("toml", &toml);
        format!("/decide?{}", fields.with("return_to", &home))
    };
    let next = days.next_cursor.as_deref().map(|cursor| format!("{home}?{}#what-if", asked.with("cursor", cursor)));
    Ok(Tried { adopt: (least.to_bits() != raise_at.to_bits()).then(adopt), days, next })
}

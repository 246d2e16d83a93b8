//! A detector in an org: what it means, how well it does, and what another threshold would raise.

use super::text::{self, Text};
use super::{Tuned, tuned};
use crate::body::{Calibrated, DetectorBody, ScoreCard, ThresholdBody};
use crate::pages::decide::becomes;
use crate::pages::shell::{Section, Shell};
use crate::pages::{Asker, Dates, Failed, Fields, Page, filters, links, render};
use crate::problem::Problem;
use crate::routes::{detectors, settings, thresholds};
use askama::Template;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use model::time::DAY;
use model::{OrgId, Timestamp};
use store::Role;
use view::chart::{Curve, CurvePoint};

/// Sections of the documentation that the page shows open, in this order.
const SHOWN: [&str; 1] = ["What to check and do"];
/// Those that it shows on demand.
const MORE: [&str; 5] =
    ["How it decides", "What it needs", "Innocent look-alikes", "What it cannot see", "In its findings"];

#[derive(Template)]
#[template(path = "detector.html", whitespace = "minimize")]
struct One {
    shell: Shell,
    org: String,
    calendar: Dates,
    detector: DetectorBody,
    text: &'static Text,
    tuned: Tuned,
    card: ScoreCard,
    curve: Curve,
    least: String,
    tried: Option<Tried>,
    /// Whether the session may try another threshold.
    may_try: bool,
}

/// What another threshold would do.
struct Tried {
    threshold: ThresholdBody,
    /// The page that asks before it is adopted; `None` if it is the one in force, or the session may not change settings.
    adopt: Option<String>,
}

impl Tried {
    /// Returns how many incidents would become so, of those that are listed.
    fn becoming(&self, words: &[&str]) -> usize {
        self.threshold.incidents.iter().filter(|incident| words.contains(&incident.becomes.as_str())).count()
    }
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
        format!("{} tests", view::format::p_value(self.tuned.raise_at))
    }

    fn is_judged(&self) -> bool {
        self.judged().iter().any(|(_, incidents)| *incidents > 0)
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
    let span = span(&asker, &org).await?;
    let card = detectors::score_card(asker.state(), asker.visitor().await?, of(), Ok(span.query()?)).await?.0;
    let missing = || Problem::NotFound(format!("detector {name}: does not exist, see /detectors"));
    let detector = super::all().find(|detector| detector.name == name).ok_or_else(missing)?;
    let org_id = OrgId::new(&org);
    let followed = settings::followed(&asker.app, &mut asker.visitor().await?, &org_id).await?;
    let calendar = Dates::by(&followed.settings, &org_id)?;
    let tuned = tuned(&followed, &org_id, &name);
    let role = asker.session.role_in(&org_id);
    let tried = match asker.query.has("least") {
        true => Some(tried(&asker, (&org, &name), role, &span).await?),
        false => None,
    };
    let point = |point: &Calibrated| CurvePoint {
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
        may_try: role >= Some(Role::Analyst),
        org,
        calendar,
        detector,
        tuned,
        card,
        tried,
    })
}

/// Returns the span that the page looks at: the 90 days before the org's clock, which stands still while the org is silent.
async fn span(asker: &Asker, org: &str) -> Result<Fields, Failed> {
    let own = asker.orgs().await?.into_iter().find(|own| own.org_id == org);
    let clock = own.and_then(|own| own.closed_until).and_then(|clock| Timestamp::parse(&clock));
    // The day that is not closed yet has findings, too.
    let span = clock.map(|clock| (clock.plus(-89 * DAY), clock.plus(DAY)));
    Ok(span.map_or_else(Fields::default, |(from, to)| {
        Fields::default().with("from", &from.to_string()).with("to", &to.to_string())
    }))
}

/// Asks what another threshold would do.
async fn tried(asker: &Asker, (org, name): (&str, &str), role: Option<Role>, span: &Fields) -> Result<Tried, Failed> {
    let path = Ok(Path((org.to_owned(), name.to_owned())));
    let asked = span.with("least", asker.query.get("least").unwrap_or_default()).query()?;
    let threshold = thresholds::what_if(asker.state(), asker.visitor().await?, path, Ok(asked)).await?.0;
    let differs = threshold.least.to_bits() != threshold.raise_at.to_bits();
    let adopt = || {
        let fields = Fields::default().with("kind", "settings").with("org", org).with("toml", &threshold.toml);
        format!("/decide?{}", fields.with("return_to", &links::detector(org, name)))
    };
    let adopt = (differs && role >= Some(Role::Administrator)).then(adopt);
    Ok(Tried { threshold, adopt })
}

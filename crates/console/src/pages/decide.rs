//! Deciding: the page that shows what follows from a decision before it is taken, and the forms that take it.

mod asked;

pub(super) use asked::becomes;

use super::decided::Decided;
use super::shell::{Section, Shell};
use super::{Asker, Failed, Fields, Page, filters, links, render};
use crate::access::{Visitor, is_from_own_page};
use crate::body::{Applied, DecisionBody, IncidentItem, Recorded};
use crate::decide;
use crate::pages::decisions as list;
use crate::problem::Problem;
use crate::routes::{decisions, incidents, settings};
use crate::sign_in::is_own_path;
use askama::Template;
use asked::{SNOOZES, asked};
use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use model::Uuid;
use store::DecisionFilter;

/// Incidents that are named on the page.
const NAMED: usize = 10;

#[derive(Template)]
#[template(path = "decide.html", whitespace = "minimize")]
struct Decide {
    shell: Shell,
    /// What is decided, such as `benign`.
    title: String,
    /// The fields that the form sends along.
    fields: Fields,
    items: Vec<IncidentItem>,
    /// How many incidents more.
    others: usize,
    /// The earlier decision that is ended or taken back.
    earlier: Option<Earlier>,
    /// `None` where nothing follows from it, such as from a comment.
    preview: Option<Applied>,
    /// The version of the incident or of the settings that is decided on, if it is one.
    tag: Option<String>,
    snoozes: &'static [(&'static str, &'static str)],
    return_to: String,
}

/// An earlier decision, as people know it.
struct Earlier {
    decision: DecisionBody,
    what: String,
}

impl Decide {
    fn kind(&self) -> &str {
        self.fields.get("kind").unwrap_or("disposition")
    }

    fn is_disposition(&self) -> bool {
        self.kind() == "disposition"
    }

    /// Returns what the choice of effects keeps.
    fn kept(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.pairs().filter(|(key, _)| !["teach", "precision", "suppress", "asked", "reason"].contains(key))
    }

    /// Returns what the choice of a scope keeps.
    fn kept_of_scope(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.pairs().filter(|(key, _)| ["kind", "org", "user"].contains(key))
    }

    /// Returns all values of a key, separated by commas.
    fn listed(&self, key: &str) -> String {
        self.fields.all(key).collect::<Vec<_>>().join(", ")
    }

    /// Whether a decision needs no words of a person.
    fn needs_no_reason(&self) -> bool {
        !asked::usual_reason(&self.fields).is_empty()
    }

    /// Returns for how long an incident is snoozed, a value of [`SNOOZES`].
    fn hours(&self) -> &str {
        self.fields.get("hours").unwrap_or("24")
    }

    /// Returns what is sent with the decision.
    fn sent(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.pairs().filter(|(key, _)| !["asked", "hours", "reason"].contains(key))
    }

    /// Returns whether an effect of a disposition is wanted: the first time all are but the suppression.
    fn wants(&self, effect: &str) -> bool {
        self.fields.has(effect)
    }
}

/// Serves the page before a decision.
pub(super) async fn page(asker: Asker) -> Page {
    shown(&asker, &asker.query).await
}

/// Serves the page before a decision, of fields that were sent as a form: after one that was not done.
pub(super) async fn preview(headers: HeaderMap, asker: Result<Asker, Failed>, fields: Fields) -> Page {
    kept(&headers, fields.clone(), async || shown(&asker?, &fields).await).await
}

/// Does what a form asks for; where it is not done, keeps what its own page has sent.
async fn kept(headers: &HeaderMap, fields: Fields, form: impl AsyncFnOnce() -> Page) -> Page {
    let done = form().await;
    done.map_err(|failed| if is_from_own_page(headers) { failed.with_form(fields) } else { failed })
}

/// Renders the page of what follows from a decision.
pub(super) async fn shown(asker: &Asker, sent: &Fields) -> Page {
    let mut fields = ["return_to", "key", "tag"].iter().fold(sent.clone(), |fields, key| fields.without(key));
    if fields.get("kind") == Some("suppression") {
        fields = suppression(asker, fields).await?;
    }
    if fields.get("kind").is_none() && !fields.has("asked") {
        // A disposition teaches and counts unless somebody says otherwise.
        fields = fields.with("teach", "on").with("precision", "on");
    }
    let reason = "preview";
    let asked = asked(&fields, reason)?;
    let mut tag = None;
    if let Some(org) = fields.get("org").filter(|_| fields.get("kind") == Some("settings")) {
        // Read before the preview, so that nobody decides on other settings than those of the preview.
        let followed = settings::of_org(asker.state(), asker.visitor().await?, Ok(Path(org.to_owned()))).await?;
        tag = followed.0.into_iter().next().map(|(_, tag)| tag);
    }
    let is_previewed = !["comment", "acknowledged", "snoozed"].contains(&fields.get("kind").unwrap_or_default());
    let preview = match is_previewed {
        true => {
            let asked: decide::AskedDecision = serde_json::from_value(asked).map_err(invalid)?;
            let mut applied = decisions::preview(asker.state(), asker.visitor().await?, Ok(Json(asked))).await?.0;
            // Settings are tried on all incidents, most of which stay as they are.
            applied.incidents.retain(|one| one.becomes != "stays" || one.risk_before != one.risk_after);
            Some(applied)
        }
        false => None,
    };
    let ids: Vec<Uuid> = fields.all("incident").filter_map(|id| id.parse().ok()).collect();
    let mut items = Vec::new();
    let mut visitor = asker.visitor().await?;
    for id in ids.iter().take(NAMED) {
        let (stored, row) = incidents::read(&mut visitor, *id).await?;
        tag = Some(incidents::tag(&stored, &row)).filter(|_| ids.len() == 1);
        items.push(IncidentItem::of(&row, asker.eyes()));
    }
    let earlier = earlier(asker, &mut visitor, &fields).await?;
    drop(visitor);
    let return_to = sent.get("return_to").filter(|path| is_own_path(path)).unwrap_or("/").to_owned();
    let title = asked::title(&fields);
    render(&Decide {
        shell: Shell::of(asker, Section::Queue).leading_back(&return_to),
        title,
        others: ids.len() - items.len(),
        items,
        earlier,
        preview,
        tag,
        snoozes: &SNOOZES,
        return_to,
        fields,
    })
}

/// Reads the decision that is ended or taken back.
async fn earlier(asker: &Asker, visitor: &mut Visitor, fields: &Fields) -> Result<Option<Earlier>, Failed> {
    let Some(id) = fields.get("decision").and_then(|id| id.parse().ok()) else { return Ok(None) };
    let filter = DecisionFilter { ids: Some(vec![id]), ..DecisionFilter::default() };
    let found = visitor.visit.decisions(&filter).await?.pop();
    Ok(found.map(|decision| Earlier {
        what: list::what(&decision.ruling),
        decision: DecisionBody::of(&decision, None, None, asker.eyes()),
    }))
}

/// Fills in what a suppression needs: of one incident its account and detectors, 30 days, and the time they count from.
async fn suppression(asker: &Asker, fields: Fields) -> Result<Fields, Failed> {
    let mut fields = fields;
    if fields.get("org").is_none() {
        let ids: Vec<Uuid> = fields.all("incident").filter_map(|id| id.parse().ok()).collect();
        let [id] = ids.as_slice() else {
            return Err(Problem::Invalid("suppress: choose one incident".to_owned()).into());
        };
        let (_, row) = incidents::read(&mut asker.visitor().await?, *id).await?;
        fields = fields.without("incident").with("org", row.org_id.as_str()).with("user", row.user_id.as_str());
        for detector in &row.detectors {
            fields = fields.and("detector", detector);
        }
    }
    if fields.get("days").is_none() {
        fields = fields.with("days", "30");
    }
    let orgs = asker.orgs().await?;
    let own = orgs.iter().find(|org| fields.get("org") == Some(org.org_id.as_str()));
    Ok(match own.and_then(|org| org.closed_until.as_deref()) {
        Some(clock) => fields.with("clock", clock),
        None => fields,
    })
}

/// Records a decision, and goes back.
pub(super) async fn record(headers: HeaderMap, asker: Result<Asker, Failed>, fields: Fields) -> Page {
    let recorded = async || {
        let asker = asker?;
        let reason = fields.get("reason").map(str::trim).unwrap_or_default();
        let reason = if reason.is_empty() { asked::usual_reason(&fields) } else { reason };
        let asked = asked(&fields, reason)?;
        let conditions = conditions(fields.get("key"), fields.get("tag"))?;
        send(&asker, &fields, conditions, asked, Decided::of).await
    };
    kept(&headers, fields.clone(), recorded).await
}

/// Takes decisions back.
pub(super) async fn undo(asker: Asker, fields: Fields) -> Page {
    let reason = fields.get("reason").unwrap_or("Taken back right away.");
    let ids: Vec<&str> = fields.all("decision").collect();
    let (last, others) = ids.split_last().ok_or_else(|| Problem::Invalid("decision: name one".to_owned()))?;
    let undone = |id: &str| serde_json::json!({ "reason": reason, "ruling": { "kind": "undone", "decision_id": id } });
    for id in others {
        let visitor = asker.visitor().await?;
        let answer = decisions::record(
            asker.state(),
            visitor,
            asker.credential(),
            conditions(Some(&format!("undo-{id}")), None)?,
            Ok(Json(undone(id))),
        );
        drop(answer.await?);
    }
    let back = Decided::default();
    let conditions = conditions(Some(&format!("undo-{last}")), None)?;
    send(&asker, &fields, conditions, undone(last), |_| back).await
}

/// Returns the headers by which a form that is sent twice decides once, and only on what its page has shown.
///
/// # Errors
/// If a value cannot be one of a header: it is not what the page sent along.
fn conditions(key: Option<&str>, tag: Option<&str>) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    for (name, value) in [(HeaderName::from_static("idempotency-key"), key), (header::IF_MATCH, tag)] {
        let Some(value) = value else { continue };
        let changed = |_| Problem::Malformed(format!("{name}: not as the page has it, reload the page"));
        headers.insert(name.clone(), HeaderValue::from_str(value).map_err(changed)?);
    }
    Ok(headers)
}

/// Sends a decision to the API, and goes back to where the form says. `offered`: what pages offer to take back.
async fn send(
    asker: &Asker,
    fields: &Fields,
    headers: HeaderMap,
    asked: serde_json::Value,
    offered: impl FnOnce(&Recorded) -> Decided,
) -> Page {
    let visitor = asker.visitor().await?;
    let recorded = decisions::record(asker.state(), visitor, asker.credential(), headers, Ok(Json(asked))).await?.1.0;
    let back = fields.get("return_to").filter(|path| is_own_path(path)).unwrap_or("/").to_owned();
    let headers = [(header::LOCATION, back), (header::SET_COOKIE, offered(&recorded).header())];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

fn invalid(error: serde_json::Error) -> Failed {
    Problem::Invalid(error.to_string()).into()
}

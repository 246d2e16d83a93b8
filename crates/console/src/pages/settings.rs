//! The settings of an org: those in force, what waits, what was decided on them, and an editor.

use super::shell::{Section, Shell};
use super::{Asker, Failed, Fields, Orgs, Page, filters, links, render};
use crate::body::{DecidedBody, FollowedBody};
use crate::decide::AskedDecision;
use crate::problem::Problem;
use crate::routes::{decisions, settings};
use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use model::OrgId;
use serde_json::json;
use store::Role;

/// The longest text of the editor, in bytes: with each escaped, it fits into a URL that proxies let through.
const LONGEST: usize = 2_000;

#[derive(Template)]
#[template(path = "settings.html", whitespace = "minimize")]
struct Settings {
    shell: Shell,
    orgs: Orgs,
    followed: FollowedBody,
    /// The decisions on them, the latest first.
    history: Vec<Row>,
    /// What is in the editor; `None` for those who may not change settings.
    editor: Option<Editor>,
}

/// A decision on settings.
struct Row {
    decided: DecidedBody,
    /// The page that asks before it is taken back.
    undo: Option<String>,
}

struct Editor {
    toml: String,
    /// What is wrong with it.
    problem: Option<String>,
}

impl Settings {
    /// Returns the decision that the settings in force are from.
    fn decided(&self) -> Option<&DecidedBody> {
        let id = self.followed.decision_id.as_ref()?;
        self.history.iter().map(|row| &row.decided).find(|decided| decided.decision_id == *id)
    }

    fn waiting(&self) -> impl Iterator<Item = &DecidedBody> {
        self.history.iter().map(|row| &row.decided).filter(|decided| decided.standing == "waiting")
    }
}

/// Serves the page. With keys to change (`toml`), it sends the browser on to the page that shows what follows from them, or
/// says what is wrong with them.
pub(super) async fn page(asker: Asker) -> Page {
    let orgs = Orgs::of(&asker).await?;
    let org = orgs.current().to_owned();
    let toml = asker.query.get("toml").unwrap_or_default().to_owned();
    let may_change = asker.session.role_in(&OrgId::new(&org)) >= Some(Role::Administrator);
    let mut problem = None;
    if !toml.is_empty() && may_change {
        match preview(&asker, &org, &toml).await {
            Ok(()) => {
                let home = links::with("/settings", "org", &org);
                let fields = Fields::default().with("kind", "settings").with("org", &org).with("toml", &toml);
                let location = format!("/decide?{}", fields.with("return_to", &home));
                return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response());
            }
            Err(Problem::Invalid(detail) | Problem::Conflict(detail)) => problem = Some(detail),
            Err(other) => return Err(Failed::from(other)),
        }
    }
    let path = || Ok(Path(org.clone()));
    let followed = settings::of_org(asker.state(), asker.visitor().await?, path()).await?.1.0;
    let mut history = settings::history(asker.state(), asker.visitor().await?, path()).await?.0;
    history.reverse();
    let back = links::with("/settings", "org", &org);
    let row = |decided: DecidedBody| {
        let is_open = may_change && !["ended", "undone"].contains(&decided.standing.as_str());
        Row { undo: is_open.then(|| links::decide("undone", &decided.decision_id, &back)), decided }
    };
    render(&Settings {
        shell: Shell::of(&asker, Section::Settings),
        history: history.into_iter().map(row).collect(),
        editor: may_change.then_some(Editor { toml, problem }),
        followed,
        orgs,
    })
}

/// Asks the API whether keys could be decided.
async fn preview(asker: &Asker, org: &str, toml: &str) -> Result<(), Problem> {
    if toml.len() > LONGEST {
        let detail =
            format!("these are more than {LONGEST} bytes: name only the keys that change, or use `POST /v1/decisions`");
        return Err(Problem::Invalid(detail));
    }
    let asked = json!({ "reason": "preview", "ruling": { "kind": "settings", "org_id": org, "toml": toml } });
    let asked: AskedDecision = serde_json::from_value(asked).map_err(|error| Problem::Invalid(error.to_string()))?;
    decisions::preview(asker.state(), asker.visitor().await?, Ok(Json(asked))).await.map(drop)
}

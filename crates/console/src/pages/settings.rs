//! The settings of an org: those in force, what waits, what was decided on them, and an editor.

use super::shell::{Section, Shell};
use super::{Asker, Failed, Fields, Orgs, Page, decide, filters, links, render};
use crate::body::{DecidedBody, FollowedBody};
use crate::problem::Problem;
use crate::routes::settings;
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::OrgId;
use store::Role;

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

#[derive(Default)]
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

/// Serves the page.
pub(super) async fn page(asker: Asker) -> Page {
    let orgs = Orgs::of(&asker).await?;
    shown(asker, orgs, Editor::default()).await
}

/// Shows what follows from keys to change, or what is wrong with them.
pub(super) async fn change(asker: Asker, fields: Fields) -> Page {
    let orgs = Orgs::of(&asker).await?;
    let toml = fields.get("toml").unwrap_or_default().to_owned();
    let home = links::with("/settings", "org", orgs.current());
    let asked = Fields::default().with("kind", "settings").with("org", orgs.current()).with("toml", &toml);
    match decide::shown(&asker, &asked.with("return_to", &home)).await {
        Err(Failed::Problem(Problem::Invalid(detail) | Problem::Conflict(detail))) => {
            let page = shown(asker, orgs, Editor { toml, problem: Some(detail) }).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        page => page,
    }
}

async fn shown(asker: Asker, orgs: Orgs, editor: Editor) -> Page {
    let org = orgs.current().to_owned();
    let may_change = asker.session.role_in(&OrgId::new(&org)) >= Some(Role::Administrator);
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
        editor: may_change.then_some(editor),
        followed,
        orgs,
    })
}

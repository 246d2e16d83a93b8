//! Decisions of an org, the latest first: how each stands, what it hides, and how it is ended or taken back.

use super::shell::{Section, Shell};
use super::{Asker, Fields, Orgs, Page, filters, links, render};
use crate::body::DecisionBody;
use crate::decide;
use crate::routes::decisions;
use askama::Template;
use model::{OrgId, Ruling};
use store::Role;

/// The keys of the API's list that the page takes, next to the org.
const KEYS: [&str; 4] = ["kind", "user", "incident", "cursor"];

#[derive(Template)]
#[template(path = "decisions.html", whitespace = "minimize")]
struct Decisions {
    shell: Shell,
    orgs: Orgs,
    fields: Fields,
    kinds: Vec<Kind>,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A filter by kind.
struct Kind {
    name: String,
    path: String,
    is_current: bool,
}

/// A decision in the list.
struct Row {
    decision: DecisionBody,
    what: String,
    /// The incident that it is about.
    incident: Option<String>,
    /// The settings that it is about, as a path.
    settings: Option<String>,
    /// The page that asks before it is ended; `None` where that is not possible.
    end: Option<String>,
    /// The page that asks before it is taken back.
    undo: Option<String>,
}

impl Decisions {
    fn is_filtered(&self) -> bool {
        self.fields.has("user") || self.fields.has("incident") || self.fields.has("kind")
    }

    /// Returns the path of the list without a filter.
    fn without(&self, key: &str) -> String {
        format!("/decisions?{}", self.fields.without(key).without("cursor"))
    }
}

/// Serves the page.
pub(super) async fn page(asker: Asker) -> Page {
    let orgs = Orgs::keeping(&asker, &["kind"]).await?;
    let fields = asker.query.only(&KEYS).with("org", orgs.current());
    let list = decisions::list(asker.state(), asker.visitor().await?, Ok(fields.query()?)).await?.0;
    let shell = Shell::of(&asker, Section::Decisions);
    let role = asker.session.role_in(&OrgId::new(orgs.current()));
    let back = shell.back();
    let rows = list.items.into_iter().map(|decision| row(decision, role, &back)).collect();
    let kind = |kind: &str| Kind {
        name: kind.replace('_', " "),
        path: format!("/decisions?{}", fields.without("cursor").with("kind", kind)),
        is_current: fields.get("kind") == Some(kind),
    };
    let all = Kind {
        name: "all".to_owned(),
        path: format!("/decisions?{}", fields.without("cursor").without("kind")),
        is_current: !fields.has("kind"),
    };
    render(&Decisions {
        kinds: std::iter::once(all).chain(Ruling::KINDS.into_iter().map(kind)).collect(),
        next: list.next_cursor.map(|cursor| format!("/decisions?{}", fields.with("cursor", &cursor))),
        shell,
        orgs,
        fields,
        rows,
    })
}

fn row(decision: DecisionBody, role: Option<Role>, back: &str) -> Row {
    let ruling: Option<Ruling> = serde_json::from_value(decision.ruling.clone()).ok();
    let standing = decision.standing.as_deref().unwrap_or_default();
    let needed = match (decision.kind.as_str(), &decision.user_id) {
        ("settings", _) => Role::Administrator,
        (_, None) => Role::Responder,
        (_, Some(_)) => Role::Analyst,
    };
    let is_open = role >= Some(needed) && !["ended", "undone"].contains(&standing);
    let holds_for_a_time = ["suppression", "allowlist", "watch", "class", "sensitivity", "settings"];
    let can_end = is_open && standing != "expired" && holds_for_a_time.contains(&decision.kind.as_str());
    Row {
        what: ruling.as_ref().map_or_else(|| decision.kind.replace('_', " "), what),
        incident: ruling.as_ref().and_then(Ruling::incident_id).map(|id| id.to_string()),
        settings: (decision.kind == "settings").then(|| links::with("/settings", "org", &decision.org_id)),
        end: can_end.then(|| links::decide("ended", &decision.decision_id, back)),
        undo: is_open.then(|| links::decide("undone", &decision.decision_id, back)),
        decision,
    }
}

/// Returns what was decided, without ids that the page has as links.
pub(super) fn what(ruling: &Ruling) -> String {
    match ruling {
        Ruling::Disposition(disposed) => format!("called {}", disposed.disposition.as_str().replace('_', " ")),
        Ruling::Settings { .. } => "settings of the org".to_owned(),
        Ruling::Ended { .. } => "an earlier decision ended".to_owned(),
        Ruling::Undone { .. } => "an earlier decision taken back".to_owned(),
        Ruling::Acknowledged { .. } => "at work".to_owned(),
        Ruling::Comment { .. } => "remark".to_owned(),
        Ruling::Snoozed { .. } => "snoozed".to_owned(),
        other => decide::describe(other),
    }
}

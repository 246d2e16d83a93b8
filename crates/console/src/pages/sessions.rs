//! Access: one's own session, the sessions and tokens that one administers, and making and ending them.

use super::shell::{Section, Shell};
use super::{Asker, Fields, Page, filters, render};
use crate::body::SessionBody;
use crate::problem::Problem;
use crate::routes::sessions::{self, AskedToken, MadeToken};
use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use model::Uuid;
use serde_json::{Map, Value, json};
use store::Role;

/// What the field of a role begins with, before the org.
const ROLE: &str = "role.";

#[derive(Template)]
#[template(path = "sessions.html", whitespace = "minimize")]
struct Sessions {
    shell: Shell,
    own: SessionBody,
    /// Those in force; `None` for those who administer no org.
    others: Option<Vec<SessionBody>>,
    /// Orgs for which a token can be made; `*` is all.
    orgs: Vec<String>,
    made: Option<MadeToken>,
    /// What is wrong with the token that was asked for.
    problem: Option<String>,
    fields: Fields,
    has_ended: bool,
}

#[derive(Template)]
#[template(path = "session_end.html", whitespace = "minimize")]
struct End {
    shell: Shell,
    session: SessionBody,
    is_own: bool,
}

impl Sessions {
    fn value(&self, key: &str) -> &str {
        self.fields.get(key).unwrap_or_default()
    }

    fn is_chosen(&self, org: &str, role: &str) -> bool {
        self.value(&format!("{ROLE}{org}")) == role
    }

    fn is_own(&self, session: &SessionBody) -> bool {
        session.session_id == self.own.session_id
    }
}

/// Serves the page.
pub(super) async fn page(asker: Asker) -> Page {
    let has_ended = asker.query.has("ended");
    render(&Sessions { has_ended, ..read(&asker).await? })
}

/// Makes a token, and shows its secret: it is in this one answer and nowhere else.
pub(super) async fn make(asker: Asker, fields: Fields) -> Page {
    let made = match asked(&fields) {
        Ok(asked) => sessions::create(asker.visitor().await?, Ok(Json(asked))).await,
        Err(problem) => Err(problem),
    };
    match made {
        Ok((status, made)) => {
            let page = render(&Sessions { made: Some(made.0), ..read(&asker).await? })?;
            Ok((status, page).into_response())
        }
        Err(Problem::Invalid(detail)) => {
            let page = render(&Sessions { problem: Some(detail), fields, ..read(&asker).await? })?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

/// Asks whether a session is to end.
pub(super) async fn ask_end(asker: Asker, session_id: Result<Path<Uuid>, PathRejection>) -> Page {
    let id = session_id?.0.to_string();
    let own = sessions::own(asker.visitor().await?).await.0;
    let is_own = own.session_id == id;
    let session = match is_own {
        true => own,
        false => {
            let all = sessions::list(asker.visitor().await?).await?.0;
            let found = all.into_iter().find(|session| session.session_id == id);
            found.ok_or_else(|| Problem::NotFound(format!("session {id}: none in force that this session may end")))?
        }
    };
    render(&End { shell: Shell::of(&asker, Section::Sessions), session, is_own })
}

/// Ends a session or token, and goes back to the list.
pub(super) async fn end(asker: Asker, session_id: Result<Path<Uuid>, PathRejection>) -> Page {
    sessions::end(asker.visitor().await?, session_id).await?;
    // Who has ended the own session is asked to sign in there.
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, "/sessions?ended=yes")]).into_response())
}

async fn read(asker: &Asker) -> Result<Sessions, Problem> {
    let visitor = asker.visitor().await?;
    let is_administrator = visitor.session.highest_role() == Some(Role::Administrator);
    let own = sessions::own(visitor).await.0;
    let mut orgs: Vec<String> = Vec::new();
    if own.roles.get("*").is_some_and(|role| role == Role::Administrator.as_str()) {
        orgs.push("*".to_owned());
    }
    let mut others = None;
    if is_administrator {
        others = Some(sessions::list(asker.visitor().await?).await?.0);
        let administered = asker.orgs().await?.into_iter().filter(|org| org.role == Role::Administrator.as_str());
        orgs.extend(administered.map(|org| org.org_id));
    }
    let shell = Shell::of(asker, Section::Sessions);
    Ok(Sessions { shell, own, others, orgs, made: None, problem: None, fields: Fields::default(), has_ended: false })
}

/// Returns the token that a form asks for, as the API takes it.
fn asked(fields: &Fields) -> Result<AskedToken, Problem> {
    let roles: Map<String, Value> = fields
        .pairs()
        .filter_map(|(key, role)| Some((key.strip_prefix(ROLE)?.to_owned(), Value::from(role))))
        .collect();
    if roles.is_empty() {
        return Err(Problem::Invalid("choose a role in at least one org".to_owned()));
    }
    let days: u32 = fields.get("days").unwrap_or_default().parse().unwrap_or_default();
    let asked = json!({ "name": fields.get("name").unwrap_or_default(), "roles": roles, "days": days });
    serde_json::from_value(asked).map_err(|error| Problem::Invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_asks_for_a_token() {
        let problem =
            |form: &str| asked(&Fields::of(form)).map_or_else(|problem| problem.in_words().2, |_| String::new());
        assert_eq!(problem("name=soar&days=90&role.*=&role.00D1=viewer"), "");
        assert_eq!(problem("name=soar&days=90&role.*="), "choose a role in at least one org");
        assert!(problem("name=soar&days=90&role.00D1=owner").contains("owner"));
    }
}

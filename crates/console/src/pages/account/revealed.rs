//! The name of an account, for who sees pseudonyms and has a reason. The audit trail records both.

use crate::pages::shell::{Section, Shell};
use crate::pages::{Asker, Fields, Page, links, render};
use crate::routes::accounts::{self, OfAccount, Reason};
use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;

#[derive(Template)]
#[template(path = "revealed.html", whitespace = "minimize")]
struct RevealedPage {
    shell: Shell,
    account: String,
    user: String,
    username: Option<String>,
}

/// Serves the name.
pub(in crate::pages) async fn reveal(
    asker: Asker,
    path: Result<Path<OfAccount>, PathRejection>,
    fields: Fields,
) -> Page {
    let (org, user) = path?.ids();
    let reason = Reason::new(fields.get("reason").unwrap_or_default());
    let of = Path(OfAccount::new(&org, &user));
    let revealed = accounts::reveal(asker.visitor().await?, Ok(of), Ok(Json(reason))).await?.0;
    render(&RevealedPage {
        shell: Shell::of(&asker, Section::Leaders),
        account: links::account(org.as_str(), user.as_str()),
        user: user.to_string(),
        username: revealed.username,
    })
}

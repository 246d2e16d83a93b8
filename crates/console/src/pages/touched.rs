//! The pages of an object and of a report: who reads it, and who newly does.

use super::shell::{Section, Shell};
use super::{Asker, Dates, Fields, Page, filters, links, render};
use crate::body::TouchedBody;
use crate::problem::Problem;
use crate::routes::touched;
use askama::Template;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use model::time::DAY;
use model::{OrgId, Timestamp};
use runtime::clock::now;
use store::Role;

/// Days of first times that are shown.
const SHOWN: i64 = 90;

#[derive(Template)]
#[template(path = "touched.html", whitespace = "minimize")]
struct Touched {
    shell: Shell,
    touched: TouchedBody,
    calendar: Dates,
    may_weigh: bool,
}

type Named = Result<Path<(String, String)>, PathRejection>;

impl Touched {
    fn name(&self) -> &str {
        self.touched.name.as_deref().unwrap_or(&self.touched.id)
    }

    fn is_object(&self) -> bool {
        self.touched.what == "object"
    }

    /// Returns the list of the incidents that touched it.
    fn incidents(&self) -> String {
        let all = Fields::default().with("org", &self.touched.org_id);
        let all = all.with("status", "open,acknowledged,resolved").with(&self.touched.what, &self.touched.id);
        format!("/?{all}")
    }
}

/// Serves the page of an object.
pub(super) async fn object(asker: Asker, path: Named) -> Page {
    let Path((org, name)) = path?;
    let span = span(&asker, &org).await?;
    let path = Ok(Path((org, name)));
    let touched = touched::object(asker.state(), asker.visitor().await?, path, Ok(span.query()?)).await?.0;
    page(&asker, touched).await
}

/// Serves the page of a report, list view, file or page.
pub(super) async fn resource(asker: Asker, path: Named) -> Page {
    let Path((org, id)) = path?;
    let span = span(&asker, &org).await?;
    let path = Ok(Path((org, id)));
    let touched = touched::resource(asker.state(), asker.visitor().await?, path, Ok(span.query()?)).await?.0;
    page(&asker, touched).await
}

async fn page(asker: &Asker, touched: TouchedBody) -> Page {
    let calendar = Dates::of(asker, &OrgId::new(&touched.org_id)).await?;
    let role = asker.session.role_in(&OrgId::new(&touched.org_id));
    let may_weigh = touched.what == "object" && role.is_some_and(|role| role >= Role::Responder);
    render(&Touched { shell: Shell::of(asker, Section::Leaders), touched, calendar, may_weigh })
}

/// Returns the last days that the org has closed.
async fn span(asker: &Asker, org: &str) -> Result<Fields, Problem> {
    let orgs = asker.orgs().await?;
    let clock = orgs.iter().find(|own| own.org_id == org).and_then(|own| own.closed_until.as_deref());
    let end = clock.and_then(Timestamp::parse).unwrap_or_else(now).plus(1);
    Ok(Fields::default().with("from", &end.plus(-SHOWN * DAY).to_string()).with("to", &end.to_string()))
}

//! Which org a page is about: `?org=` says it, and without it the first one of the session.

use super::{Asker, Failed};
use crate::body::Org;
use crate::problem::Problem;
use askama::Template;
use askama::filters::HtmlSafe;

/// The orgs of a session, of which a page shows one; as text, a row of links to the page of each.
#[derive(Template)]
#[template(path = "orgs.html", whitespace = "minimize")]
pub(super) struct Orgs {
    orgs: Vec<Org>,
    current: usize,
    path: String,
    kept: super::Fields,
}

impl HtmlSafe for Orgs {}

impl Orgs {
    /// Reads the orgs of the session, and which of them the query of the page names. Links to the others keep none of its
    /// other fields.
    ///
    /// # Errors
    /// 404 if the session does not see the named org, or sees none.
    pub(super) async fn of(asker: &Asker) -> Result<Self, Failed> {
        Self::keeping(asker, &[]).await
    }

    /// Reads the orgs as [`Orgs::of`] does; links to the others keep these fields of the query.
    ///
    /// # Errors
    /// 404 if the session does not see the named org, or sees none.
    pub(super) async fn keeping(asker: &Asker, kept: &[&str]) -> Result<Self, Failed> {
        let orgs = asker.orgs().await?;
        let current = match asker.query.get("org") {
            Some(named) => orgs.iter().position(|org| org.org_id == named),
            None => (!orgs.is_empty()).then_some(0),
        };
        let current = current.ok_or_else(|| match asker.query.get("org") {
            Some(named) => Problem::NotFound(format!("org {named}: not one of this session")),
            None => Problem::NotFound("there is no org yet: events of one have to arrive first".to_owned()),
        })?;
        let path = asker.path.split('?').next().unwrap_or("/").to_owned();
        Ok(Self { orgs, current, path, kept: asker.query.only(kept).without("org") })
    }

    /// Returns the id of the org that the page is about.
    pub(super) fn current(&self) -> &str {
        self.orgs.get(self.current).map_or("", |org| &org.org_id)
    }

    /// Returns the event time up to which its hours are closed.
    pub(super) fn closed_until(&self) -> Option<&str> {
        self.orgs.get(self.current).and_then(|org| org.closed_until.as_deref())
    }

    /// Returns all orgs of the session.
    pub(super) fn into_list(self) -> Vec<Org> {
        self.orgs
    }

    /// Whether there are others to go to.
    pub(super) fn are_several(&self) -> bool {
        self.orgs.len() > 1
    }

    fn is_current(&self, org: &Org) -> bool {
        org.org_id == self.current()
    }

    /// Returns the path of the page of an org.
    fn path_of(&self, org: &Org) -> String {
        format!("{}?{}", self.path, self.kept.with("org", &org.org_id))
    }
}

//! The leader board: where the highest risk is, by account, class, object and org.

use super::shell::{Section, Shell};
use super::{Asker, Fields, Orgs, Page, filters, links, render};
use crate::body::{Account, Count};
use crate::problem::Problem;
use crate::routes::{accounts, incidents};
use askama::Template;
use axum::extract::Path;
use model::Timestamp;
use model::time::DAY;

/// Days before the org's clock of which incidents count by class and by object: what was touched long ago leads no more.
const COUNTED: i64 = 90;

#[derive(Template)]
#[template(path = "leaders.html", whitespace = "minimize")]
struct Leaders {
    shell: Shell,
    orgs: Orgs,
    by: &'static str,
    accounts: Vec<Account>,
    counts: Vec<Count>,
    next: Option<String>,
    /// Event time from which incidents count; `None`: all count.
    since: Option<String>,
}

/// By what the board may be: the value of the key, its name, and what the API calls it.
const BY: [(&str, &str); 4] = [("account", "Accounts"), ("class", "Classes"), ("object", "Objects"), ("org", "Orgs")];

impl Leaders {
    fn choices(&self) -> impl Iterator<Item = (&'static str, &'static str, String)> {
        let org = Fields::default().with("org", self.orgs.current());
        BY.into_iter().map(move |(by, name)| (by, name, format!("/leaders?{}", org.with("by", by))))
    }

    /// Returns the incidents with a value.
    fn incidents(&self, value: &str) -> Option<String> {
        let mut open = Fields::default().with("status", "open,acknowledged,resolved,withdrawn");
        if let Some(since) = &self.since {
            open = open.with("since", since);
        }
        match self.by {
            "object" => Some(open.with("org", self.orgs.current()).with("object", value)),
            "org" => Some(open.with("org", value)),
            _ => None,
        }
        .map(|fields| format!("/?{fields}"))
    }
}

/// Serves the page.
pub(super) async fn page(asker: Asker) -> Page {
    let orgs = Orgs::keeping(&asker, &["by"]).await?;
    let asked = asker.query.get("by").unwrap_or("account");
    let known = BY.into_iter().map(|(by, _)| by).find(|by| *by == asked);
    let by = known.ok_or_else(|| Problem::Malformed("by: account, class, object or org".to_owned()))?;
    let (mut accounts, mut counts, mut next, mut since) = (Vec::new(), Vec::new(), None, None);
    if by == "account" {
        let asked = asker.query.only(&["cursor"]).with("limit", "50");
        let path = Path(orgs.current().to_owned());
        let page = accounts::list(asker.state(), asker.visitor().await?, Ok(path), Ok(asked.query()?)).await?.0;
        next = page
            .next_cursor
            .map(|cursor| asker.query.with("cursor", &cursor))
            .map(|fields| format!("/leaders?{fields}"));
        accounts = page.items;
    } else {
        let mut fields = Fields::default().with("by", by).with("limit", "200");
        if by != "org" {
            fields = fields.with("org", orgs.current());
            let clock = orgs.closed_until().and_then(Timestamp::parse);
            since = clock.map(|clock| clock.plus(-COUNTED * DAY).to_string());
        }
        if let Some(since) = &since {
            fields = fields.with("since", since);
        }
        let uri = format!("/?{fields}").parse().unwrap_or_default();
        counts = incidents::count(asker.state(), asker.visitor().await?, fields.query(), uri).await?.0;
        counts.sort_by(|a, b| b.highest_risk.total_cmp(&a.highest_risk).then(b.incidents.cmp(&a.incidents)));
    }
    render(&Leaders { shell: Shell::of(&asker, Section::Leaders), orgs, by, accounts, counts, next, since })
}

//! Heat maps of first times: who did what for the first time, by account and day.

use super::shell::{Section, Shell};
use super::{Asker, Dates, Failed, Fields, Orgs, Page, dates, links, render};
use crate::body::HeatAccount;
use crate::routes::days;
use askama::Template;
use axum::extract::Path;
use model::{OrgId, Timestamp};
use runtime::clock::now;
use view::chart::{HeatMap, HeatRow};

/// Days of a map.
const SHOWN: i64 = 62;
/// Days before them, against which a count stands out.
const BEFORE: i64 = 28;

#[derive(Template)]
#[template(path = "first_times.html", whitespace = "minimize")]
struct FirstTimes {
    shell: Shell,
    orgs: Orgs,
    maps: Vec<HeatMap>,
    earlier: String,
    later: Option<String>,
}

/// Serves the page.
pub(super) async fn page(asker: Asker) -> Page {
    let orgs = Orgs::of(&asker).await?;
    let calendar = Dates::of(&asker, &OrgId::new(orgs.current())).await?;
    let latest = calendar.at(orgs.closed_until().and_then(Timestamp::parse).unwrap_or_else(now));
    let asked = asker.query.get("to").and_then(dates::read);
    let last = asked.filter(|asked| *asked < latest).unwrap_or(latest);
    let mut maps = Vec::new();
    for (measure, title, things) in [
        ("first_reports", "First-time report exports", "reports"),
        ("first_objects", "First-time object access", "objects"),
    ] {
        maps.push(map(&asker, &orgs, (last, calendar), (measure, title, things)).await?);
    }
    let path = |to: i64| {
        let fields = Fields::default().with("org", orgs.current()).with("to", &dates::text(to));
        format!("/first-times?{fields}")
    };
    let later = (last < latest).then(|| path(last + SHOWN));
    let earlier = path(last - SHOWN);
    render(&FirstTimes { shell: Shell::of(&asker, Section::FirstTimes), maps, earlier, later, orgs })
}

async fn map(
    asker: &Asker,
    orgs: &Orgs,
    (last, calendar): (i64, Dates),
    (measure, title, things): (&str, &str, &str),
) -> Result<HeatMap, Failed> {
    let first = last - SHOWN + 1;
    let asked = Fields::default()
        .with("measure", measure)
        .with("from", &calendar.start(first - BEFORE).to_string())
        .with("to", &calendar.start(last + 1).to_string())
        .with("limit", "200");
    let path = Path(orgs.current().to_owned());
    let accounts = days::heat_map(asker.state(), asker.visitor().await?, Ok(path), Ok(asked.query()?)).await?.0;
    let rows: Vec<HeatRow> = accounts.iter().map(|account| row((orgs.current(), calendar), account)).collect();
    Ok(HeatMap::of(title, things, (first, last), &rows))
}

fn row((org, calendar): (&str, Dates), account: &HeatAccount) -> HeatRow {
    let path = links::account(org, &account.user_id);
    let count = |day: &crate::body::HeatDay| Some((calendar.number(&day.day)?, day.count));
    HeatRow {
        label: account.username.clone().unwrap_or_else(|| account.user_id.clone()),
        counts: account.days.iter().filter_map(count).collect(),
        cell_href: Some(format!("{path}?day=")),
        href: Some(path),
    }
}

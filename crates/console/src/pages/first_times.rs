//! Heat maps of first times: who did what for the first time, by account and day.

use super::shell::{Section, Shell};
use super::{Asker, Failed, Fields, Orgs, Page, filters, links, render};
use crate::body::HeatAccount;
use crate::routes::days;
use askama::Template;
use axum::extract::Path;
use model::Timestamp;
use model::time::DAY;
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
    let latest = orgs.closed_until().and_then(Timestamp::parse).unwrap_or_else(now);
    let asked = asker.query.get("to").and_then(|date| Timestamp::parse(&format!("{date}T00:00:00Z")));
    // The days of an org east of Greenwich begin before those of UTC.
    let end = asked.filter(|asked| *asked < latest).unwrap_or(latest);
    let mut maps = Vec::new();
    for (measure, title, things) in [
        ("first_reports", "First-time report exports", "reports"),
        ("first_objects", "First-time object access", "objects"),
    ] {
        maps.push(map(&asker, &orgs, end, (measure, title, things)).await?);
    }
    let path = |to: Timestamp| {
        let fields = Fields::default().with("org", orgs.current()).with("to", &view::format::date(to));
        format!("/first-times?{fields}")
    };
    let later = (end < latest).then(|| path(end.plus(SHOWN * DAY)));
    let earlier = path(end.plus(-SHOWN * DAY));
    render(&FirstTimes { shell: Shell::of(&asker, Section::FirstTimes), maps, earlier, later, orgs })
}

async fn map(
    asker: &Asker,
    orgs: &Orgs,
    end: Timestamp,
    (measure, title, things): (&str, &str, &str),
) -> Result<HeatMap, Failed> {
    let last = end.0.div_euclid(DAY);
    let first = last - SHOWN + 1;
    let asked = Fields::default()
        .with("measure", measure)
        .with("from", &Timestamp((first - BEFORE - 1) * DAY).to_string())
        .with("to", &end.plus(1).to_string())
        .with("limit", "200");
    let path = Path(orgs.current().to_owned());
    let accounts = days::heat_map(asker.state(), asker.visitor().await?, Ok(path), Ok(asked.query()?)).await?.0;
    let rows: Vec<HeatRow> = accounts.iter().map(|account| row(orgs.current(), account)).collect();
    Ok(HeatMap::of(title, things, (first, last), &rows))
}

fn row(org: &str, account: &HeatAccount) -> HeatRow {
    let path = links::account(org, &account.user_id);
    let count = |day: &crate::body::HeatDay| Some((filters::day_number(Timestamp::parse(&day.day)?), day.count));
    HeatRow {
        label: account.username.clone().unwrap_or_else(|| account.user_id.clone()),
        counts: account.days.iter().filter_map(count).collect(),
        cell_href: Some(format!("{path}?day=")),
        href: Some(path),
    }
}

//! Pages about days: dates in the org's time zone, the week, and what could not be judged.

use crate::days::day;
use crate::support::{Console, INCIDENT, OURS};
use axum::http::StatusCode;
use console::Settings;
use model::time::DAY;
use model::{Timestamp, UserDay};
use store::Role;

const EMMA: &str = "005hn00000emma1AAA";

/// Friday, 2026-02-27.
const FRIDAY: i64 = 20_511;

/// The closed day of 2026-02-27 in a time zone so many minutes ahead of UTC.
fn friday(ahead: i64) -> UserDay {
    let start = Timestamp(FRIDAY * DAY - ahead * 60_000);
    let mut friday = day(OURS, FRIDAY, 3);
    friday.day = start;
    friday.facts.last_at = start.plus(18 * 3_600_000);
    friday
}

#[tokio::test]
async fn a_day_has_the_date_of_its_org_in_every_time_zone() {
    for (zone, ahead) in [
        ("Pacific/Midway", -11 * 60),
        ("UTC", 0),
        ("Asia/Kolkata", 330),
        ("Pacific/Tongatapu", 13 * 60),
        ("Pacific/Kiritimati", 14 * 60),
    ] {
        let mut installed = ::settings::Settings::default();
        installed.profile.time_zone = zone.to_owned();
        let console = Console::following(Settings { apply_wait_ms: 0, ..Settings::default() }, installed).await;
        console.put_days(&[friday(ahead)]).await;
        let token = console.token(&[(OURS, Role::Viewer)]).await;
        let page = async |path: String| {
            let answer = console.get(&token, &path).await;
            assert_eq!(answer.status, StatusCode::OK, "{zone} {path}: {}", answer.text);
            answer.text
        };
        let account = page(format!("/accounts/{OURS}/{EMMA}")).await;
        let link = format!("/accounts/{OURS}/{EMMA}?day=2026-02-27");
        assert_eq!(account.matches(&link).count(), 3, "{zone}: chart, its table and first time: {account}");
        assert!(account.contains("<td title=\"Friday, 17:00: on 1 of 1 Friday\">"), "{zone}: {account}");
        assert!(account.contains("<td title=\"Saturday, 08:00: on 0 of 1 Saturday\">"), "{zone}: {account}");
        for (date, is_stored) in [("2026-02-26", false), ("2026-02-27", true), ("2026-02-28", false)] {
            let of_day = page(format!("/accounts/{OURS}/{EMMA}?day={date}")).await;
            assert_eq!(!of_day.contains("Nothing is stored of this day"), is_stored, "{zone} {date}");
        }
        let map = page(format!("/first-times?org={OURS}&to=2026-02-27")).await;
        assert!(map.contains(&link), "{zone}: the last day of the map: {map}");
        let earlier = page(format!("/first-times?org={OURS}&to=2026-02-26")).await;
        assert!(!earlier.contains(&link) && earlier.contains("to=2025-12-26"), "{zone}: {earlier}");
    }
}

#[tokio::test]
async fn an_account_without_stored_hours_has_no_week() {
    let console = Console::start().await;
    let mut old = friday(0);
    (old.facts.hours, old.facts.unjudged) = (None, None);
    console.put_days(&[old]).await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let account = console.get(&token, &format!("/accounts/{OURS}/{EMMA}")).await.text;
    assert!(account.contains("<h1>") && !account.contains("class=\"rhythm week\""), "{account}");
}

#[tokio::test]
async fn an_incident_says_what_could_not_be_judged() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let page = async || console.get(&token, &format!("/incidents/{INCIDENT}")).await.text;
    assert!(page().await.contains("These days have not closed yet."));
    console.put_days(&[day(OURS, 20_513, 1)]).await;
    let listed = page().await;
    assert!(listed.contains("<td class=\"address\">2026-03-01</td>") && listed.contains("mass change</a>"), "{listed}");
    assert!(listed.contains("<td>no baseline</td>"), "{listed}");
    console.execute("UPDATE orgwatch.user_days SET unjudged = '{}'").await;
    assert!(page().await.contains("Every detector could judge these days."));
    console.execute("UPDATE orgwatch.user_days SET unjudged = NULL").await;
    assert!(page().await.contains("Which detectors could judge is not stored for these days: 2026-03-01."));
}
